"""roll_back_agents: restores the agents from before an upgrade. Undoes upgrade_agents."""

from activities.step import Call, Json
from activities.targets import cluster_of
from arcway.cluster.agents import change
from arcway.domain.leftovers import leftover
from arcway.domain.request import UpgradeRequest


def roll_back_agents(call: Call[UpgradeRequest]) -> Json:
    """`restored` names what was restored."""
    given, version = call.given, call.given["version"]
    before = change.ReleaseBefore(given["revision"], version, given.get("uid"), given.get("wanted"))
    with cluster_of(call) as target:
        change.roll_back(target, before)
    return {"done": True, "detail": "rolled back", "restored": leftover("Agents", version, reason="Restored")}
