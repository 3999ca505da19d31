"""Durable's HTTP management API under /runtime/webhooks/durabletask, with the status codes of the real extension.

It translates requests into calls on the engine and knows nothing of functions or of how work is executed. Source:
azure-functions-durable-extension, HttpApiHandler.cs; learn.microsoft.com, durable-functions-http-api.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from aiohttp import web
from azure.durable_functions.internal.compat.history_projection import project_history
from durabletask.internal.history_helpers import collect_history_events
from google.protobuf import wrappers_pb2  # type: ignore[import-untyped]

from arcway_local.functions.clients import STATUS_NAMES
from arcway_local.functions.engine import Engine
from arcway_local.functions.errors import JournalError
from arcway_local.functions.lifecycle import TERMINAL
from arcway_local.functions.records import LOCAL, EngineError
from arcway_local.json_documents import read_json

PATH = "/runtime/webhooks/durabletask"
_TOKEN_HEADER = "x-ms-continuation-token"  # noqa: S105 - the name of a header
_STATUSES = {name.lower(): number for number, name in STATUS_NAMES.items()}
_HTTP = {
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    # An instance in progress, but not in the state that the call needs; for one that has ended the answer is 410.
    grpc.StatusCode.FAILED_PRECONDITION: 409,
}
_Reply = Callable[[web.Request], Awaitable[web.Response]]


def management_urls(base: str, instance_id: str, query: str) -> dict[str, str]:
    """The check-status document; `base` ends with PATH, `query` is what every call must carry."""
    instance = f"{base}/instances/{instance_id}"
    return {
        "id": instance_id,
        "statusQueryGetUri": f"{instance}?{query}",
        "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{query}",
        "terminatePostUri": f"{instance}/terminate?reason={{text}}&{query}",
        "rewindPostUri": f"{instance}/rewind?reason={{text}}&{query}",
        "purgeHistoryDeleteUri": f"{instance}?{query}",
        "restartPostUri": f"{instance}/restart?{query}",
        "suspendPostUri": f"{instance}/suspend?reason={{text}}&{query}",
        "resumePostUri": f"{instance}/resume?reason={{text}}&{query}",
    }


class ManagementApi:
    """The handlers. Every call must carry `key`, as every URL that is handed out does."""

    def __init__(self, engine: Engine, key: str) -> None:
        self._engine = engine
        self._key = key
        self._required_query = f"code={key}"

    def add_to(self, application: web.Application) -> None:
        """Register the routes."""
        instance = f"{PATH}/instances/{{id}}"
        application.router.add_get(f"{PATH}/instances", self._refusing(self._list))
        application.router.add_delete(f"{PATH}/instances", self._refusing(self._purge_many))
        application.router.add_get(instance, self._refusing(self._status))
        application.router.add_delete(instance, self._refusing(self._purge))
        application.router.add_post(instance + "/raiseEvent/{name}", self._refusing(self._raise_event))
        application.router.add_post(instance + "/terminate", self._refusing(self._terminate))
        application.router.add_post(instance + "/suspend", self._refusing(self._suspend))
        application.router.add_post(instance + "/resume", self._refusing(self._resume))
        application.router.add_post(instance + "/rewind", self._refusing(self._rewind))
        application.router.add_post(instance + "/restart", self._refusing(self._restart))
        application.router.add_post(PATH + "/orchestrators/{name}", self._refusing(self._start))
        application.router.add_post(PATH + "/orchestrators/{name}/{id}", self._refusing(self._start))

    def _refusing(self, handler: _Reply) -> _Reply:
        async def handle(request: web.Request) -> web.Response:
            key = request.query.get("code") or request.headers.get("x-functions-key") or ""
            if not secrets.compare_digest(key.encode(), self._key.encode()):
                return web.Response(status=401)
            try:
                return await handler(request)
            except EngineError as error:
                return _message(_HTTP.get(error.code, 400), str(error))
            except JournalError as error:
                return _message(500, str(error))
            except RecursionError:
                return _message(400, "What the app keeps there is nested too deeply to be shown.")

        return handle

    async def _status(self, request: web.Request) -> web.Response:
        state = self._state(request.match_info["id"])
        if state is None:
            return _not_found(request)
        document = _document(state, show_input=_flag(request, "showInput", default=True))
        if _flag(request, "showHistory"):
            document["historyEvents"] = self._history(request)
        if state.orchestrationStatus not in TERMINAL:
            headers = {"Location": str(request.url), "Retry-After": "5"}
            return web.json_response(document, status=202, headers=headers)
        failed = state.orchestrationStatus == pb.ORCHESTRATION_STATUS_FAILED
        return web.json_response(
            document, status=500 if failed and _flag(request, "returnInternalServerErrorOnFailure") else 200
        )

    def _history(self, request: web.Request) -> list[dict[str, Any]]:
        chunks = self._engine.StreamInstanceHistory(
            pb.StreamInstanceHistoryRequest(instanceId=request.match_info["id"]),
            LOCAL,
        )
        return project_history(
            collect_history_events(chunks),
            show_input=_flag(request, "showInput", default=True),
            show_history_output=_flag(request, "showHistoryOutput"),
        )

    async def _list(self, request: web.Request) -> web.Response:
        query = pb.InstanceQuery(
            runtimeStatus=_statuses(request), maxInstanceCount=_top(request), fetchInputsAndOutputs=True
        )
        for field, parameter in (("createdTimeFrom", "createdTimeFrom"), ("createdTimeTo", "createdTimeTo")):
            if (moment := _moment(request, parameter)) is not None:
                getattr(query, field).FromDatetime(moment)
        if prefix := request.query.get("instanceIdPrefix"):
            query.instanceIdPrefix.value = prefix
        if token := request.headers.get(_TOKEN_HEADER):
            query.continuationToken.value = token
        reply = self._engine.QueryInstances(pb.QueryInstancesRequest(query=query), LOCAL)
        show_input = _flag(request, "showInput", default=True)
        headers = {_TOKEN_HEADER: reply.continuationToken.value} if reply.HasField("continuationToken") else None
        return web.json_response([_document(state, show_input) for state in reply.orchestrationState], headers=headers)

    async def _purge(self, request: web.Request) -> web.Response:
        reply = self._engine.PurgeInstances(pb.PurgeInstancesRequest(instanceId=request.match_info["id"]), LOCAL)
        if not reply.deletedInstanceCount:
            return _not_found(request)
        return web.json_response({"instancesDeleted": reply.deletedInstanceCount})

    async def _purge_many(self, request: web.Request) -> web.Response:
        created_from, created_to = _moment(request, "createdTimeFrom"), _moment(request, "createdTimeTo")
        if created_from is None:
            return _message(400, "Please provide value for 'createdTimeFrom' parameter.")
        condition = pb.PurgeInstanceFilter(runtimeStatus=_statuses(request))
        condition.createdTimeFrom.FromDatetime(created_from)
        if created_to is not None:
            condition.createdTimeTo.FromDatetime(created_to)
        reply = self._engine.PurgeInstances(pb.PurgeInstancesRequest(purgeInstanceFilter=condition), LOCAL)
        if not reply.deletedInstanceCount:
            return _message(404, "No instance was deleted.")
        return web.json_response({"instancesDeleted": reply.deletedInstanceCount})

    async def _raise_event(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request, TERMINAL)) is not None:
            return refusal
        if request.content_type != "application/json":
            return _message(400, "Only application/json request content is supported.")
        body = await request.text()
        if not _is_json(body):
            return _message(400, "The request content is not valid JSON.")
        event = pb.RaiseEventRequest(instanceId=request.match_info["id"], name=request.match_info["name"])
        if body:
            event.input.CopyFrom(wrappers_pb2.StringValue(value=body))
        self._engine.RaiseEvent(event, LOCAL)
        return web.Response(status=202)

    async def _terminate(self, request: web.Request) -> web.Response:
        call = pb.TerminateRequest(instanceId=request.match_info["id"], recursive=True)
        if reason := request.query.get("reason"):
            call.output.value = json.dumps(reason)
        refusal = self._refusal(request, TERMINAL)
        return refusal or _accepted(self._engine.TerminateInstance(call, LOCAL))

    async def _suspend(self, request: web.Request) -> web.Response:
        call = pb.SuspendRequest(instanceId=request.match_info["id"])
        call.reason.value = request.query.get("reason", "")
        refusal = self._refusal(request, TERMINAL)
        return refusal or _accepted(self._engine.SuspendInstance(call, LOCAL))

    async def _resume(self, request: web.Request) -> web.Response:
        call = pb.ResumeRequest(instanceId=request.match_info["id"])
        call.reason.value = request.query.get("reason", "")
        refusal = self._refusal(request, TERMINAL)
        return refusal or _accepted(self._engine.ResumeInstance(call, LOCAL))

    async def _rewind(self, request: web.Request) -> web.Response:
        call = pb.RewindInstanceRequest(instanceId=request.match_info["id"])
        call.reason.value = request.query.get("reason", "")
        refusal = self._refusal(request, TERMINAL - {pb.ORCHESTRATION_STATUS_FAILED})
        return refusal or _accepted(self._engine.RewindInstance(call, LOCAL))

    async def _restart(self, request: web.Request) -> web.Response:
        call = pb.RestartInstanceRequest(
            instanceId=request.match_info["id"],
            restartWithNewInstanceId=_flag(request, "restartWithNewInstanceId", default=True),
        )
        return self._check_status(request, self._engine.RestartInstance(call, LOCAL).instanceId)

    async def _start(self, request: web.Request) -> web.Response:
        body = await request.text()
        if not _is_json(body):
            return _message(400, "The request content is not valid JSON.")
        call = pb.CreateInstanceRequest(instanceId=request.match_info.get("id", ""), name=request.match_info["name"])
        if body:
            call.input.value = body
        return self._check_status(request, self._engine.StartInstance(call, LOCAL).instanceId)

    def _check_status(self, request: web.Request, instance_id: str) -> web.Response:
        urls = management_urls(f"{request.url.origin()}{PATH}", quote(instance_id, safe=""), self._required_query)
        urls["id"] = instance_id
        headers = {"Location": urls["statusQueryGetUri"], "Retry-After": "10"}
        return web.json_response(urls, status=202, headers=headers)

    def _state(self, instance_id: str) -> pb.OrchestrationState | None:
        reply = self._engine.GetInstance(pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True), LOCAL)
        return reply.orchestrationState if reply.exists else None

    def _refusal(self, request: web.Request, final_states: frozenset[Any]) -> web.Response | None:
        state = self._state(request.match_info["id"])
        if state is None:
            return _not_found(request)
        return web.Response(status=410) if state.orchestrationStatus in final_states else None


def _document(state: pb.OrchestrationState, show_input: bool) -> dict[str, Any]:
    output = _json(state.output) if state.HasField("output") else None
    if output is None and state.HasField("failureDetails"):
        output = state.failureDetails.errorMessage
    return {
        "name": state.name,
        "instanceId": state.instanceId,
        "runtimeStatus": STATUS_NAMES[state.orchestrationStatus],
        "input": _json(state.input) if show_input and state.HasField("input") else None,
        "customStatus": _json(state.customStatus) if state.HasField("customStatus") else None,
        "output": output,
        "createdTime": state.createdTimestamp.ToDatetime().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lastUpdatedTime": state.lastUpdatedTimestamp.ToDatetime().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _json(value: wrappers_pb2.StringValue) -> Any:
    try:
        return read_json(value.value)
    except ValueError:
        return value.value


def _is_json(body: str) -> bool:
    try:
        read_json(body or "null")
    except ValueError:
        return False
    return True


def _statuses(request: web.Request) -> list[Any]:
    names = [name.strip() for name in request.query.get("runtimeStatus", "").split(",") if name.strip()]
    unknown = [name for name in names if name.lower() not in _STATUSES]
    if unknown:
        raise EngineError(grpc.StatusCode.INVALID_ARGUMENT, f"Unknown runtimeStatus: {', '.join(unknown)}.")
    return [_STATUSES[name.lower()] for name in names]


def _top(request: web.Request) -> int:
    value = request.query.get("top", "0")
    if not value.isdecimal():
        raise EngineError(grpc.StatusCode.INVALID_ARGUMENT, "The parameter 'top' must be a whole number.")
    return int(value)


def _moment(request: web.Request, parameter: str) -> datetime | None:
    value = request.query.get(parameter)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        message = f"The parameter '{parameter}' must be an ISO 8601 time."
        raise EngineError(grpc.StatusCode.INVALID_ARGUMENT, message) from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _flag(request: web.Request, parameter: str, default: bool = False) -> bool:
    return request.query.get(parameter, str(default)).lower() == "true"


def _message(status: int, message: str) -> web.Response:
    return web.json_response({"Message": message}, status=status)


def _not_found(request: web.Request) -> web.Response:
    return _message(404, f"No instance with ID '{request.match_info['id']}' was found.")


def _accepted(_reply: object) -> web.Response:
    return web.Response(status=202)
