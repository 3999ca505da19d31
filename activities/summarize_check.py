"""summarize_check: puts together what a check of a fleet has shown, for the fleet that it was started for."""

from activities.step import FleetCall
from arcway.domain.fleets.steps import CheckSummary
from arcway.runs.fleet_checks import summary_of


async def summarize_check(call: FleetCall) -> CheckSummary:
    """`classes` and `codes` with their numbers of members, and the `digest` of the plan."""
    return await summary_of(call.client, call.payload)
