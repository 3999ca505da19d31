"""The commands of a fleet: PATCH /api/fleets/{id}; pause, resume, cancel, retry, skip, approve and reject below it."""

from typing import Annotated, Any, Literal, Self

import azure.functions as func
from pydantic import Field, StrictBool, ValidationError, model_validator

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.document import FleetDocument
from arcway.domain.fleets.request import MOST_MEMBERS
from arcway.domain.fleets.stage_document import COMMENT_LENGTH
from arcway.domain.fleets.stages import MaxFailures, Window
from arcway.domain.json_values import Json
from arcway.domain.model import Model, field_errors
from arcway.runs.fleet_members import named_members
from arcway.runs.fleets import fleet_state_of
from triggers import http
from triggers.access.callers import APPROVE, CHANGE, Caller
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
    """What to leave out: at least one of these."""

    members: Annotated[list[str] | None, Field(min_length=1, max_length=MOST_MEMBERS)] = None
    """Names of members that wait or are parked."""
    stage: str | None = None
    """The name of a stage: all of its members that wait or are parked."""
    soak: StrictBool = False
    """The rest of the soak that is in progress. Its clusters are checked now."""

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.members is None and self.stage is None and not self.soak:
            raise ValueError("must have members, stage or soak")
        return self


class ResumeFleet(Model):
    """How to continue after a pause or a halt. What has failed so far does not count any more."""

    max_failures: MaxFailures | None = None
    """Another budget for the present stage and those behind it."""


class ChangeFleet(Model):
    """What to change while a fleet is in progress, in the present stage and those behind it."""

    window: Window | None = None
    """The maximum number of members in progress at once."""
    max_failures: MaxFailures | None = None
    """How many members of a stage may fail before the fleet halts."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.window is None and self.max_failures is None:
            raise ValueError("must have window or maxFailures")
        return self


class RejectGate(Model):
    """Which gate to reject, and why."""

    gate: str | None = None
    """The gate's name, such as canary/after. Default: the gate that waits."""
    comment: Annotated[str | None, Field(max_length=COMMENT_LENGTH)] = None
    """Shown with the fleet and in its events."""


class ApproveGate(RejectGate):
    """Which gate to approve, and why."""

    digest: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$")] = None
    """The digest of the check that was read: another one is not approved."""


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
    """Change the window or the failure budget of a fleet in progress."""
    change = _body(req, ChangeFleet)
    command = {"name": "set", "window": change.window, "maxFailures": change.max_failures}
    return await _command(invocation, caller, parameters.id, command)


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
    body=ResumeFleet,
    examples={"with a larger budget": {"maxFailures": 5}},
    answers={202: Answer("The fleet, which will start members again.", FleetDocument)},
    codes=(*_COMMAND_CODES, *_BODY_CODES),
)
async def _resume(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OneFleet
) -> func.HttpResponse:
    """Start members again after a pause or a halt."""
    resume = _body(req, ResumeFleet)
    return await _command(invocation, caller, parameters.id, {"name": "resume", "maxFailures": resume.max_failures})


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
    """Leave members out that wait or are parked, or the rest of a soak."""
    skip = _body(req, SkipMembers)
    members = await _indices(invocation, parameters.id, skip.members)
    command = {"name": "skip", "members": members, "stage": skip.stage, "soak": skip.soak}
    return await _command(invocation, caller, parameters.id, command)


@endpoint(
    "POST fleets/{id}/approve",
    APPROVE,
    name="approveGate",
    parameters=OneFleet,
    body=ApproveGate,
    examples={"with a reason": {"comment": "The canary is fine."}},
    answers={202: Answer("The fleet, which will continue.", FleetDocument)},
    codes=(*_COMMAND_CODES, *_BODY_CODES, Code.APPROVER_NOT_ANOTHER, Code.GATE_CHECK_TOO_OLD),
)
async def _approve(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OneFleet
) -> func.HttpResponse:
    """Let the fleet pass the gate at which it waits."""
    approval = _body(req, ApproveGate)
    command = {"name": "approve", **approval.as_json()}
    return await _command(invocation, caller, parameters.id, command)


@endpoint(
    "POST fleets/{id}/reject",
    APPROVE,
    name="rejectGate",
    parameters=OneFleet,
    body=RejectGate,
    examples={"with a reason": {"comment": "The proxy is being replaced."}},
    answers={202: Answer("The fleet, which will end.", FleetDocument)},
    codes=(*_COMMAND_CODES, *_BODY_CODES),
)
async def _reject(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OneFleet
) -> func.HttpResponse:
    """End the fleet at the gate at which it waits: members that were not started are canceled."""
    return await _command(invocation, caller, parameters.id, {"name": "reject", **_body(req, RejectGate).as_json()})


async def _command(invocation: Invocation, caller: Caller, fleet: str, command: Json) -> func.HttpResponse:
    document = await invocation.command_fleet(caller, fleet, command)
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
