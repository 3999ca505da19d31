"""check_fleet_list: counts the pages of a fleet's list that are not stored yet."""

from activities.step import FleetCall
from arcway.domain.json_values import Json
from arcway.runs.fleets import FleetList


async def check_fleet_list(call: FleetCall) -> Json:
    """`missing` is the number of pages."""
    return {"missing": await FleetList(call.client, call.payload).missing()}
