"""upgrade_agents: gives the release the chart of the requested version, with the values that it has."""

from activities.step import Call, Json
from activities.targets import cluster_of
from arcway.azure import data_plane
from arcway.cluster.agents import change
from arcway.cluster.agents.release import Chart
from arcway.domain.request import UpgradeRequest
from arcway.settings import settings


def upgrade_agents(call: Call[UpgradeRequest]) -> Json:
    """Upgrade the release unless it has this version; returns without waiting for the agents."""
    given = call.given
    with cluster_of(call) as target:
        found, again = change.release_to_change(target, call.request.cluster)
        path = data_plane.latest_chart(given["location"], change.train_of(found.values))
        chart = Chart.parse(path, given["wanted"], settings().registries)
        changed = change.upgrade(target, found, chart, redo=again)
    return {"changed": changed}
