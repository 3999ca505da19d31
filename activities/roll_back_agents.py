"""roll_back_agents: the agents are those from before an upgrade. Undoes upgrade_agents."""

from activities.step import Call, Json
from activities.targets import cluster_of
from arcway.cluster import change
from arcway.domain.request import UpgradeRequest


def roll_back_agents(call: Call[UpgradeRequest]) -> Json:
    """`restored` says what is there again."""
    revision, version = call.given["revision"], call.given["version"]
    with cluster_of(call) as target:
        change.roll_back(target, revision, version)
    return {"done": True, "detail": "rolled back", "restored": f"agents {version}, as before"}
