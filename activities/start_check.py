"""start_check: has the members behind a gate of a fleet checked, by a fleet of checks."""

from activities.step import FleetCall
from arcway.domain.fleets.steps import CheckStart
from arcway.runs import fleet_checks


async def start_check(call: FleetCall) -> CheckStart:
    """`check` is the id of the fleet of checks, `result` what it has shown if it has ended.

    A repetition finds the same fleet of checks.
    """
    payload = call.payload
    check = await fleet_checks.start_check(
        call.client, payload, payload["first"], payload["count"], parent=payload["id"], attempt=payload["attempt"]
    )
    return {"check": str(check), "result": await fleet_checks.report_of(call.client, check)}
