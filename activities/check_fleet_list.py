"""check_fleet_list: counts the pages of a fleet's list that are not stored yet."""

from activities.step import FleetCall
from arcway.domain.fleets.steps import ListCheck
from arcway.runs.fleets import FleetList


async def check_fleet_list(call: FleetCall) -> ListCheck:
    """`missing` is the number of pages."""
    return {"missing": await FleetList(call.client, call.payload).missing()}
