"""The commands of a fleet: PATCH /api/fleets/{id}, and pause, resume, cancel, retry and skip below it."""

import uuid
from typing import Annotated, Any, Literal

import azure.functions as func
from pydantic import Field, ValidationError

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.document import FleetDocument
from arcway.domain.fleets.request import MOST_MEMBERS, Window
from arcway.domain.json_values import Json
from arcway.domain.model import Model, field_errors
from arcway.runs.fleet_commands import command_fleet
from arcway.runs.fleet_members import named_members
from arcway.runs.fleets import fleet_document, fleet_state_of
from triggers import http
from triggers.access.callers import CHANGE, Caller, role_for
from triggers.endpoints import Answer, endpoint
from triggers.fleet_routes import FLEET_CODES, OneFleet
from triggers.services import Invocation

_BODY_CODES = (Code.INVALID_FIELDS, Code.BODY_NOT_JSON, Code.BODY_TOO_LARGE, Code.CONTENT_TYPE_NOT_JSON)
_COMMAND_CODES = (*FLEET_CODES, Code.FLEET_COMMAND_NOT_POSSIBLE)


class CancelFleet(Model):
    """How to cancel a fleet."""

    running: Literal["finish", "cancel"] = "finish"
    """Whether the members in progress finish or are canceled, too."""


class RetryMembers(Model):
    """Which members to retry; without both, all that failed or are parked."""

    members: Annotated[list[str] | None, Field(max_length=MOST_MEMBERS)] = None
    """Names of members."""
    codes: Annotated[list[Annotated[str, Field(pattern=r"^ARC-[0-9]{4}$")]] | None, Field(max_length=100)] = None
    """Only members whose last run failed with one of these codes."""


class SkipMembers(Model):
    """Which members to leave out."""

    members: Annotated[list[str], Field(min_length=1, max_length=MOST_MEMBERS)]
    """Names of members that wait or are parked."""


class ChangeFleet(Model):
    """What to change while a fleet is in progress."""

    window: Window


@endpoint(
    "PATCH fleets/{id}",
    CHANGE,
    name="changeFleet",
    parameters=OneFleet,
    body=ChangeFleet,
    examples={"a wider window": {"window": 100}},
    answers={202: Answer("The fleet, which will change.", FleetDocument)},
    codes=(*_COMMAND_CODES, *_BODY_CODES),
)
async def _change(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OneFleet
) -> func.HttpResponse:
    """Change the window of a fleet in progress."""
    change = _body(req, ChangeFleet)
    return await _command(invocation, caller, parameters.id, {"name": "set", "window": change.window})


@endpoint(
    "POST fleets/{id}/pause",
    CHANGE,
    name="pauseFleet",
    parameters=OneFleet,
    answers={202: Answer("The fleet, which will start no more members.", FleetDocument)},
    codes=_COMMAND_CODES,
)
async def _pause(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OneFleet
) -> func.HttpResponse:
    """Start no more members; those in progress continue."""
    return await _command(invocation, caller, parameters.id, {"name": "pause"})


@endpoint(
    "POST fleets/{id}/resume",
    CHANGE,
    name="resumeFleet",
    parameters=OneFleet,
    answers={202: Answer("The fleet, which will start members again.", FleetDocument)},
    codes=_COMMAND_CODES,
)
async def _resume(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OneFleet
) -> func.HttpResponse:
    """Start members again after a pause."""
    return await _command(invocation, caller, parameters.id, {"name": "resume"})


@endpoint(
    "POST fleets/{id}/cancel",
    CHANGE,
    name="cancelFleet",
    parameters=OneFleet,
    body=CancelFleet,
    examples={"cancel members, too": {"running": "cancel"}},
    answers={202: Answer("The fleet, which will end.", FleetDocument)},
    codes=(*_COMMAND_CODES, *_BODY_CODES),
)
async def _cancel(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OneFleet
) -> func.HttpResponse:
    """Cancel a fleet: members that wait or are parked are not started any more."""
    cancel = _body(req, CancelFleet)
    return await _command(invocation, caller, parameters.id, {"name": "cancel", "running": cancel.running})


@endpoint(
    "POST fleets/{id}/retry",
    CHANGE,
    name="retryFleet",
    parameters=OneFleet,
    body=RetryMembers,
    examples={"by code": {"codes": [Code.IMAGE_PULL_FAILED]}},
    answers={202: Answer("The fleet, or the fleet that continues one that has ended.", FleetDocument, ("Location",))},
    codes=(*_COMMAND_CODES, *_BODY_CODES, Code.FLEET_LIST_INCOMPLETE),
)
async def _retry(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OneFleet
) -> func.HttpResponse:
    """Try failed and parked members again, with the same requests; a fleet that has ended continues as a new one."""
    retry = _body(req, RetryMembers)
    members = await _indices(invocation, parameters.id, retry.members)
    return await _command(
        invocation, caller, parameters.id, {"name": "retry", "members": members, "codes": retry.codes}
    )


@endpoint(
    "POST fleets/{id}/skip",
    CHANGE,
    name="skipFleetMembers",
    parameters=OneFleet,
    body=SkipMembers,
    examples={"one": {"members": ["shop-002"]}},
    answers={202: Answer("The fleet, which will leave the members out.", FleetDocument)},
    codes=(*_COMMAND_CODES, *_BODY_CODES, Code.FLEET_LIST_INCOMPLETE),
)
async def _skip(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OneFleet
) -> func.HttpResponse:
    """Leave members out that wait or are parked."""
    members = await _indices(invocation, parameters.id, _body(req, SkipMembers).members)
    return await _command(invocation, caller, parameters.id, {"name": "skip", "members": members})


async def _command(invocation: Invocation, caller: Caller, fleet: str, command: Json) -> func.HttpResponse:
    """Check that the caller may command the fleet, and do it."""
    state = await fleet_state_of(invocation.client, fleet)
    caller.require(role_for(fleet_document(state)["operation"]))
    by = {"id": str(uuid.uuid4()), "by": caller.identity.as_json()}
    document = await command_fleet(invocation.client, state, {**by, **command})
    return http.respond(document, 202, Location=f"/api/fleets/{document['id']}")


async def _indices(invocation: Invocation, fleet: str, names: list[str] | None) -> list[int] | None:
    if names is None:
        return None
    return await named_members(invocation.client, await fleet_state_of(invocation.client, fleet), names)


def _body[M: Model](req: func.HttpRequest, model: type[M]) -> M:
    """The body, which may be left out where every field has a default. Raises `ArcError` ARC-1001, ARC-1002."""
    value: Any = http.json_body(req) if req.get_body() else {}
    if not isinstance(value, dict):
        raise ArcError(Code.BODY_NOT_JSON)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = field_errors(error)
        names = ", ".join(item["field"] for item in details)
        raise ArcError(Code.INVALID_FIELDS, f"The request has invalid fields: {names}.", details=details) from error
