"""poll_agents: reads the state of the agents once."""

from activities.cluster_session import locked_cluster
from activities.step import Call
from arcway.cluster.agents import health
from arcway.domain.request import AnyRequest
from arcway.domain.steps import Polled


def poll_agents(call: Call[AnyRequest]) -> Polled:
    """Done when all agents are Ready that can be at this point; `code` and `remedy` say why they are not."""
    with locked_cluster(call) as target:
        verdict = health.check_health(
            target.api,
            identity_issued=call.payload["identityIssued"],
            fail_fast=getattr(call.request, "fail_fast", False),
        )
    outcome: Polled = {"done": verdict.done, "detail": verdict.detail}
    if verdict.hindrance is None:
        return outcome
    return {**outcome, "code": verdict.hindrance.error.code, "remedy": verdict.hindrance.error.remedy}
