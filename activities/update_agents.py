"""update_agents: gives the release the values of an update, with the chart that it has."""

from activities.step import Call, Json
from activities.targets import changed_values, cluster_of
from arcway.azure import data_plane
from arcway.cluster.agents import change, release
from arcway.cluster.agents.release import Chart
from arcway.domain.request import UpdateRequest
from arcway.settings import settings


def update_agents(call: Call[UpdateRequest]) -> Json:
    """Upgrade the release if a value differs; returns without waiting for the agents."""
    request, given = call.request, call.given
    with cluster_of(call) as target:
        found, again = change.release_to_change(target, request.cluster)
        path = data_plane.latest_chart(given["location"], change.train_of(found.values))
        chart = Chart.parse(path, found.chart_version, settings().registries)
        values = changed_values(request, call.user, found.values, given["inside"])
        differed = release.upgrade_if_changed(target, found, chart, values, redo=again)
    return {"changed": bool(differed), "differing": len(differed)}
