"""upgrade_agents: gives the release the chart of the requested version, with the values that it has."""

from activities.cluster_session import locked_cluster
from activities.step import Call
from arcway.azure import data_plane
from arcway.cluster.agents import change
from arcway.cluster.agents.release import Chart
from arcway.domain.request import UpgradeRequest
from arcway.domain.steps import Changed


def upgrade_agents(call: Call[UpgradeRequest]) -> Changed:
    """Upgrade the release unless it has this version; returns without waiting for the agents."""
    payload = call.payload
    with locked_cluster(call) as target:
        deployed, redo = change.release_to_change(target, call.request.cluster)
        path = data_plane.latest_chart(call.installation.azure, payload["location"], change.train_of(deployed.values))
        chart = Chart.parse(path, payload["wanted"], call.installation.settings.registries)
        changed = change.upgrade(target, deployed, chart, redo=redo)
    return {"changed": changed}
