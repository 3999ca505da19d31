"""GET /api/fleets/{id}/plan: what a check of a fleet has shown."""

import azure.functions as func

from arcway.domain.codes import Code
from arcway.domain.fleets.plan_document import FleetPlan
from arcway.runs.fleet_checks import check_state_of, plan_of
from triggers import http
from triggers.access.callers import READ, Caller
from triggers.endpoints import Answer, endpoint
from triggers.fleet_routes import FLEET_CODES, OneFleet
from triggers.services import Invocation


@endpoint(
    "GET fleets/{id}/plan",
    READ,
    name="getFleetPlan",
    parameters=OneFleet,
    answers={200: Answer("The plan.", FleetPlan)},
    codes=(*FLEET_CODES, Code.FLEET_COMMAND_NOT_POSSIBLE, Code.FLEET_LIST_INCOMPLETE),
)
async def _plan(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OneFleet
) -> func.HttpResponse:
    """Read what a check of a fleet has shown: what the fleet would do with each member.

    By the id of a fleet that `?dryRun=true` started, or by a fleet's name for the latest of these. 409 while it is in
    progress. It stays the same, but that a member is busy while a run is in progress on its cluster.
    """
    state = await check_state_of(invocation.client, parameters.id)
    return http.respond(await plan_of(invocation.client, state))
