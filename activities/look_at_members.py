"""look_at_members: reads how runs of a fleet stand whose reports may have been lost."""

from activities.step import FleetCall
from arcway.domain.json_values import Json
from arcway.runs.outcomes import outcome_of


async def look_at_members(call: FleetCall) -> list[Json | None]:
    """One answer for each member: how its run ended, null while it is in progress."""
    return [await outcome_of(call.client, run) for run in call.payload["runs"]]
