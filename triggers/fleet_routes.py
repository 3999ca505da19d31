"""POST and GET /api/fleets, GET /api/fleets/{id} and its members."""

from typing import Annotated, Literal

import azure.functions as func
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.fleets.document import FleetDocument
from arcway.domain.fleets.plan_document import FleetPlan
from arcway.domain.fleets.request import MOST_MEMBERS, FleetRequest, read_fleet_request
from arcway.domain.ids import Origin
from arcway.domain.json_values import Json
from arcway.runs.fleet_members import MemberFilter, list_members
from arcway.runs.fleets import StartedFleet, fleet_document, fleet_state_of, known_fleet, list_fleets, start_fleet
from triggers import http
from triggers.access.callers import CHANGE, READ, Caller, role_for
from triggers.connected_cluster_routes import AZURE_CODES
from triggers.endpoints import Answer, Flag, NoParameters, Parameters, digits, endpoint
from triggers.fleet_plans import respond_with_plan
from triggers.fleet_selection import select_members
from triggers.response_models import FleetList, FleetMemberList
from triggers.services import Invocation
from triggers.start_routes import KEY_HEADERS, key_of

BODY_LIMIT = 8 * 1024 * 1024
_VALUES_LIMIT = 1_000_000
FLEET_CODES = (Code.FLEET_NOT_FOUND, Code.FLEET_SUPERSEDED, Code.ENGINE_UNREACHABLE)
_EXAMPLE: Json = {
    "fleet": "shops",
    "operation": "onboard",
    "defaults": {
        "subscriptionId": "11111111-2222-3333-4444-555555555555",
        "resourceGroup": "clusters",
        "location": "eastus",
        "tags": {"team": "shop"},
        "kubeconfig": {"secret": "arcway-{name}"},
    },
    "members": [{"name": "shop-001"}, {"name": "shop-002", "resourceGroup": "north", "tags": {"stage": "prod"}}],
    "window": 20,
}


type _State = Literal["waiting", "running", "succeeded", "unchanged", "failed", "canceled", "parked", "skipped"]


_SELECTING: Json = {
    "fleet": "tag-all",
    "operation": "update",
    "defaults": {"tags": {"owner": "platform"}},
    "select": {
        "connectedClusters": {"subscriptions": ["11111111-2222-3333-4444-555555555555"], "tags": {"team": "shop"}}
    },
}


class OneFleet(Parameters):
    id: Annotated[str, Field(max_length=63)]
    """The fleet's id, or its name for the latest fleet of that name."""


class _StartFleet(Parameters):
    dry_run: Flag = False
    """Return the plan, without changing anything."""
    depth: Literal["azure", "cluster"] | None = None
    """Of a dry run. azure: returns the plan by Azure's lists. cluster (default): starts a check of each cluster, whose
    plan is read when it has ended."""

    @field_validator("depth")
    @classmethod
    def _is_of_a_dry_run(cls, depth: str | None, info: ValidationInfo) -> str | None:
        if depth is not None and info.data.get("dry_run") is False:
            raise ValueError("is only allowed with dryRun=true")
        return depth


class _Members(OneFleet):
    state: Literal["waiting", "running", "succeeded", "unchanged", "failed", "canceled", "parked", "skipped"] | None = (
        None
    )
    code: Annotated[str | None, Field(pattern=r"^ARC-[0-9]{4}$")] = None
    """Only members whose last run failed with this code."""
    top: Annotated[int, Field(ge=1, le=500), BeforeValidator(digits)] = 100
    """The maximum number of members per page."""
    continuation_token: Annotated[int | None, Field(ge=0, le=MOST_MEMBERS), BeforeValidator(digits)] = None
    """The token from the previous page."""


@endpoint(
    "POST fleets",
    CHANGE,
    name="startFleet",
    parameters=_StartFleet,
    headers=KEY_HEADERS,
    body=FleetRequest,
    examples={"two clusters": _EXAMPLE, "connected clusters": _SELECTING},
    answers={
        200: Answer("The completed fleet for this key, or the plan by Azure's lists.", FleetDocument | FleetPlan),
        202: Answer(
            "The accepted fleet, or the fleet in progress for this key or request.", FleetDocument, ("Location",)
        ),
    },
    codes=(
        Code.INVALID_FIELDS,
        Code.BODY_NOT_JSON,
        Code.BODY_TOO_LARGE,
        Code.CONTENT_TYPE_NOT_JSON,
        Code.FLEET_IN_PROGRESS,
        Code.IDEMPOTENCY_KEY_REUSED,
        Code.ENGINE_UNREACHABLE,
        *AZURE_CODES,
    ),
)
async def _start(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _StartFleet
) -> func.HttpResponse:
    """Do one operation on many clusters, each as a run of its own, or plan it with dryRun.

    A request with an invalid member is refused as a whole, with the problems of all members. Needs the role of the
    operation.
    """
    key, origin = key_of(req), http.origin_of(req)
    body = await in_thread(http.json_body, req, BODY_LIMIT, _VALUES_LIMIT)
    request = await in_thread(read_fleet_request, body)
    caller.require(role_for(request.operation))
    if parameters.dry_run:
        fleet = await select_members(invocation, request)
        return await respond_with_plan(invocation, fleet, parameters.depth or "cluster", key, origin, caller)
    started = await start_from(invocation, request, key, origin, caller)
    document = fleet_document(await fleet_state_of(invocation.client, str(started.fleet)))
    if started.finished:
        return http.respond(document)
    return http.respond(document, 202, Location=f"/api/fleets/{started.fleet}")


async def start_from(
    invocation: Invocation, request: FleetRequest, key: str, origin: Origin, caller: Caller
) -> StartedFleet:
    """Start the request's fleet for the caller, who may; what a known one selects is not selected again.

    Raises `ArcError` as `select_members` and `arcway.runs.fleets.start_fleet` do.
    """
    if request.select and (known := await known_fleet(invocation.client, request, key)):
        return known
    fleet = await select_members(invocation, request)
    return await start_fleet(invocation.client, fleet, key, origin, invocation.author_of(caller))


@endpoint(
    "GET fleets",
    READ,
    name="listFleets",
    parameters=NoParameters,
    answers={200: Answer("The latest fleet of each name, the newest first.", FleetList)},
    codes=(Code.ENGINE_UNREACHABLE,),
)
async def _list(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: NoParameters
) -> func.HttpResponse:
    """List fleets."""
    return http.respond({"value": await list_fleets(invocation.client)})


@endpoint(
    "GET fleets/{id}",
    READ,
    name="getFleet",
    parameters=OneFleet,
    answers={200: Answer("The fleet.", FleetDocument)},
    codes=FLEET_CODES,
)
async def _get(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OneFleet
) -> func.HttpResponse:
    """Read a fleet: counts, causes of failures, speed, and the state of each member as a map."""
    return http.respond(fleet_document(await fleet_state_of(invocation.client, parameters.id)))


@endpoint(
    "GET fleets/{id}/members",
    READ,
    name="listFleetMembers",
    parameters=_Members,
    answers={200: Answer("A page of members, in the order of the request.", FleetMemberList)},
    codes=(*FLEET_CODES, Code.FLEET_LIST_INCOMPLETE),
)
async def _members(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _Members
) -> func.HttpResponse:
    """List the members of a fleet, each with its state and its last run."""
    state = await fleet_state_of(invocation.client, parameters.id)
    chosen = MemberFilter(parameters.state, parameters.code)
    members, token = await list_members(
        invocation.client, state, chosen, parameters.top, parameters.continuation_token or 0
    )
    return http.respond({"value": members, "continuationToken": token})
