"""update_agents: gives the release the values of an update, with the chart that it has."""

from activities.cluster_session import locked_cluster
from activities.release_values import data_plane_values, update_values
from activities.step import Call
from arcway.azure import connected_clusters, data_plane
from arcway.cluster.agents import change, release
from arcway.cluster.agents.release import Chart
from arcway.cluster.agents.values import deep_merge
from arcway.domain.features import resource_settings
from arcway.domain.request import UpdateRequest
from arcway.domain.steps import SettingsChanged


def update_agents(call: Call[UpdateRequest]) -> SettingsChanged:
    """Upgrade the release if a value differs; returns without waiting for the agents."""
    request, payload, azure = call.request, call.payload, call.installation.azure
    # As it is by now: what the data plane gives follows from what the phase before wrote.
    resource = connected_clusters.get(azure, request.cluster) if resource_settings(request.features) else None
    with locked_cluster(call) as target:
        deployed, redo = change.release_to_change(target, request.cluster)
        train = change.train_of(deployed.values)
        path = data_plane.latest_chart(azure, payload["location"], train)
        chart = Chart.parse(path, deployed.chart_version, call.installation.settings.registries)
        values = deep_merge(
            data_plane_values(azure, request.features, resource, payload["location"], train),
            update_values(call.installation, request, call.user, deployed.values, payload["inside"]),
        )
        changed_keys = release.upgrade_if_changed(target, deployed, chart, values, redo=redo)
    return {"changed": bool(changed_keys), "differing": len(changed_keys)}
