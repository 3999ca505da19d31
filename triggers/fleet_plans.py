"""The answer to a dry run of a fleet: its plan by Azure's lists, or the check fleet whose plan there will be."""

import azure.functions as func

from arcway import queries
from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.plan import BUSY, Depth, Forecast
from arcway.domain.fleets.plan_document import plan_document
from arcway.domain.fleets.request import Fleet, member_body
from arcway.domain.ids import Origin
from arcway.domain.json_values import Json
from arcway.domain.request import AnyRequest, parse_request
from arcway.runs.fleets import fleet_document, fleet_state_of, start_fleet
from arcway.runs.index import instances_in_progress
from triggers import http
from triggers.access.callers import Caller
from triggers.services import Invocation


async def respond_with_plan(
    invocation: Invocation, fleet: Fleet, depth: Depth, key: str, origin: Origin, caller: Caller
) -> func.HttpResponse:
    """The plan by Azure's lists (200), or the check fleet whose plan there will be (202, 200 if it has ended).

    Raises `ArcError`: ARC-1001 if the fleet is held to a plan, ARC-7003, ARC-6009, ARC-6007, or why Azure does not
    answer.
    """
    if fleet.request.plan is not None:
        details = [{"field": "plan", "message": "cannot be given together with dryRun"}]
        raise ArcError(Code.INVALID_FIELDS, "The request has invalid fields: plan.", details=details)
    if depth == "azure":
        return http.respond(await _plan_by_lists(invocation, fleet))
    started = await start_fleet(invocation.client, fleet, key, origin, invocation.author_of(caller), checks=True)
    document = fleet_document(await fleet_state_of(invocation.client, str(started.fleet)))
    return http.respond(document, 200 if started.finished else 202, Location=f"/api/fleets/{started.fleet}")


async def _plan_by_lists(invocation: Invocation, fleet: Fleet) -> Json:
    request = fleet.request
    requests, forecasts = await in_thread(_forecasts, invocation, fleet)
    in_progress = await instances_in_progress(invocation.client)
    for member in requests:
        if member.cluster.instance() in in_progress:
            forecasts[member.cluster.key] = BUSY
    return await in_thread(plan_document, request.fleet, request.operation, "azure", forecasts, fleet.stages)


def _forecasts(invocation: Invocation, fleet: Fleet) -> tuple[list[AnyRequest], dict[str, Forecast]]:
    request = fleet.request
    requests = [parse_request(member_body(request.operation, request.defaults, entry)) for entry in request.members]
    return requests, queries.fleet_forecasts(invocation.installation, requests)
