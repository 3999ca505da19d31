"""roll_back_agents: restores the agents from before an upgrade. Undoes upgrade_agents."""

from activities.cluster_session import locked_cluster
from activities.step import Call
from arcway.cluster.agents import change
from arcway.domain.leftovers import leftover
from arcway.domain.request import UpgradeRequest
from arcway.domain.steps import Polled


def roll_back_agents(call: Call[UpgradeRequest]) -> Polled:
    """`restored` names what was restored."""
    payload, version = call.payload, call.payload["version"]
    before = change.ReleaseBefore(payload["revision"], version, payload.get("uid"), payload.get("wanted"))
    with locked_cluster(call) as target:
        change.roll_back(target, before)
    return {"done": True, "detail": "rolled back", "restored": leftover("Agents", version, reason="Restored")}
