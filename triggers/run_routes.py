"""GET /api/runs, GET /api/runs/{id}, POST /api/runs/{id}/cancel and /retry."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import azure.functions as func
from pydantic import BeforeValidator, Field, WithJsonSchema

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fields import ResourceGroupName, SubscriptionId
from arcway.domain.ids import RUN_ID
from arcway.domain.operations import Operation
from arcway.domain.run import Run, RunState
from arcway.runs.reader import Filter, get_run, list_page
from arcway.runs.starter import cancel_run, retry_run
from triggers import http
from triggers.access.callers import CHANGE, READ, Caller, role_for
from triggers.endpoints import Answer, Parameters, Time, digits, endpoint
from triggers.response_models import RunList
from triggers.services import Invocation

_SHOWN_BY_DEFAULT = timedelta(days=30)
_RUN_CODES = (Code.RUN_NOT_FOUND, Code.RUN_SUPERSEDED, Code.ENGINE_UNREACHABLE)
# Groups without names, which are Python's own.
_RUN_ID = re.sub(r"\?P<\w+>", "", RUN_ID.pattern)


def _capitalized(value: object) -> object:
    return value.capitalize() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class _OneRun(Parameters):
    # Only described as a run's id is: what is none names no run, which is 404 and not 400.
    id: Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^{_RUN_ID}$"})]


class _Chosen(Parameters):
    state: Annotated[RunState | None, BeforeValidator(_capitalized)] = None
    operation: Annotated[Operation | None, BeforeValidator(_lower)] = None
    subscription: SubscriptionId | None = None
    resource_group: ResourceGroupName | None = None
    created_from: Time | None = None
    """Only runs that started at or after this time. Default: 30 days ago."""
    top: Annotated[int, Field(ge=1, le=1000), BeforeValidator(digits)] = 100
    """The maximum number of runs per page."""
    continuation_token: Annotated[str | None, Field(max_length=256)] = None
    """The token from the previous page."""


@endpoint(
    "POST runs/{id}/retry",
    CHANGE,
    name="retryRun",
    parameters=_OneRun,
    answers={
        200: Answer("The run, which has already succeeded.", Run),
        202: Answer("The new run.", Run, ("Location", "Retry-After")),
    },
    codes=(*_RUN_CODES, Code.TEMPORARY_CREDENTIAL_GONE, Code.RUN_IN_PROGRESS),
)
async def _retry(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _OneRun
) -> func.HttpResponse:
    """Retry a failed or canceled run: a new run of the same request, which reads the current state first."""
    instance = await get_run(invocation.client, parameters.id)
    caller.require(role_for(instance["operation"]))
    if not instance["finishedAt"]:
        details = [{"run": instance["id"], "href": f"/api/runs/{instance['id']}"}]
        raise ArcError(Code.RUN_IN_PROGRESS, f"Run {instance['id']} is still in progress.", details=details)
    if instance["state"] == "Succeeded":
        return http.respond(instance)
    started = await retry_run(invocation.client, instance, invocation.author_of(caller))
    run = await get_run(invocation.client, str(started.run))
    return http.respond(run, 202, **{"Location": f"/api/runs/{run['id']}", "Retry-After": "2"})


@endpoint(
    "GET runs",
    READ,
    name="listRuns",
    parameters=_Chosen,
    answers={200: Answer("A page of runs, newest first, without their results.", RunList)},
    codes=(Code.ENGINE_UNREACHABLE,),
)
async def _list(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _Chosen
) -> func.HttpResponse:
    """List runs, newest first.

    With more than 1,000 runs in progress, the list may be a second or two old.
    """
    chosen = Filter(
        parameters.created_from or datetime.now(UTC) - _SHOWN_BY_DEFAULT,
        state=parameters.state,
        operation=parameters.operation,
        subscription=parameters.subscription,
        resource_group=parameters.resource_group,
    )
    index, client = invocation.services.runs, invocation.client
    runs, token = await list_page(index, client, chosen, parameters.top, parameters.continuation_token)
    return http.respond({"value": runs, "continuationToken": token})


@endpoint(
    "GET runs/{id}",
    READ,
    name="getRun",
    parameters=_OneRun,
    answers={200: Answer("The run.", Run)},
    codes=_RUN_CODES,
)
async def _get(req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _OneRun) -> func.HttpResponse:
    """Read a run."""
    return http.respond(await get_run(invocation.client, parameters.id))


@endpoint(
    "POST runs/{id}/cancel",
    CHANGE,
    name="cancelRun",
    parameters=_OneRun,
    answers={
        200: Answer("The run, which has already ended.", Run),
        202: Answer("The run, which will stop before its next step.", Run, ("Location",)),
    },
    codes=_RUN_CODES,
)
async def _cancel(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _OneRun
) -> func.HttpResponse:
    """Cancel a run."""
    instance = await get_run(invocation.client, parameters.id)
    caller.require(role_for(instance["operation"]))
    if instance["finishedAt"]:
        return http.respond(instance)
    if not await cancel_run(invocation.client, instance["id"], caller.identity):
        return http.respond(await get_run(invocation.client, parameters.id))
    return http.respond(instance, 202, Location=f"/api/runs/{instance['id']}")
