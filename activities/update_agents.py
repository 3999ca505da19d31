"""update_agents: gives the release the values of an update, with the chart that it has."""

from activities.cluster_session import locked_cluster
from activities.release_values import update_values
from activities.step import Call
from arcway.azure import data_plane
from arcway.cluster.agents import change, release
from arcway.cluster.agents.release import Chart
from arcway.domain.request import UpdateRequest
from arcway.domain.steps import SettingsChanged


def update_agents(call: Call[UpdateRequest]) -> SettingsChanged:
    """Upgrade the release if a value differs; returns without waiting for the agents."""
    request, payload = call.request, call.payload
    with locked_cluster(call) as target:
        deployed, redo = change.release_to_change(target, request.cluster)
        path = data_plane.latest_chart(call.installation.azure, payload["location"], change.train_of(deployed.values))
        chart = Chart.parse(path, deployed.chart_version, call.installation.settings.registries)
        values = update_values(call.installation, request, call.user, deployed.values, payload["inside"])
        changed_keys = release.upgrade_if_changed(target, deployed, chart, values, redo=redo)
    return {"changed": bool(changed_keys), "differing": len(changed_keys)}
