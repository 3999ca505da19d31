"""Starts and cancels runs, or finds the run of the same request. The same for all triggers and activities.

One orchestration instance per cluster makes operations on it exclude one another. The real host replaces a finished
instance silently and refuses a running one, so the state is read first and again after a refused start.
"""

import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df
import grpc

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import Origin, RunId
from arcway.domain.json_values import Json
from arcway.domain.request import AnyRequest, read_request
from arcway.domain.run import Identity, is_retriable
from arcway.domain.timestamps import timestamp
from arcway.runs.reader import get_instance, input_of, is_over, request_of

_KEYS_CARRIED = 5
# Null in a request that does not use them. Digests of earlier keys are kept, and were made before requests had them.
_NEWER_FIELDS = ("features", "gitops")
_TRIES = 3
_OVER_OR_GONE = (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Author:
    """For whom a run is started: who it is, by which roles secrets are read, and the source of the run's events."""

    identity: Identity
    roles: frozenset[str]
    event_source: str | None
    """None when there is no broker to send them to."""

    @classmethod
    def of(cls, payload: Json) -> "Author":
        """The author of what was started with this input."""
        identity = Identity.model_validate(payload["startedBy"])
        return cls(identity, frozenset(payload["roles"]), payload["source"])


@dataclass(frozen=True, slots=True)
class Started:
    """The run of a request; `finished` if it had already ended."""

    run: RunId
    finished: bool
    same_key: bool = True
    """False for the run in progress that another key started with an equal request."""


async def start_run(
    client: df.DurableFunctionsClient,
    request: AnyRequest,
    key: str,
    origin: Origin,
    author: Author,
    *,
    fleet: Json | None = None,
    before: Callable[[], Awaitable[None]] | None = None,
) -> Started:
    """Start the request's run for the author, or return the one that the same key or an equal request started.

    `fleet` names the fleet, the member and the attempt to which the run reports its end. `before` is awaited before a
    run is started, which it prevents by raising. A key belongs to one connected cluster. Raises `ArcError`: ARC-6003
    another request runs on this cluster, ARC-6002 the key's run was replaced by a later one, ARC-6009 the key was used
    for another request, ARC-6007 the engine does not respond.
    """
    instance = instance_of(request)
    for _ in range(_TRIES):
        state = await get_instance(client, instance)
        earlier = input_of(state) if state else None
        if state and earlier and (same_run := _same_run(instance, earlier, is_over(state), request, key)):
            return same_run
        if before:
            await before()
            before = None
        payload = _payload(request, key, origin, earlier, author) | ({"fleet": fleet} if fleet else {})
        try:
            await client.schedule_new_orchestration("operation", input=payload, instance_id=instance)
        except grpc.RpcError:
            continue  # another request may have started one in the meantime: read again
        return Started(RunId(instance, payload["runId"]), finished=False)
    raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine rejected the start of the run.")


async def retry_run(client: df.DurableFunctionsClient, run: Json, author: Author) -> Started:
    """A new run of an ended run's request. Raises `ArcError` as `start_run` does, ARC-2025 if it cannot succeed."""
    request = await request_of(client, run["id"])
    if not is_retriable(request):
        raise ArcError(Code.TEMPORARY_CREDENTIAL_GONE)
    state = await get_instance(client, run["id"].partition(".")[0])
    # The run of a fleet's member that a caller retries counts for the fleet, too, but does what it does whatever a plan
    # says: the caller has seen why it failed.
    member = (input_of(state).get("fleet") or {}) if state else {}
    fleet = {name: value for name, value in member.items() if name != "planned"} or None
    return await start_run(client, request, str(uuid.uuid4()), Origin(run["correlationId"]), author, fleet=fleet)


async def cancel_run(client: df.DurableFunctionsClient, run_id: str, canceled_by: Identity) -> bool:
    """Ask a run to stop at its next step boundary; False if it has ended. Raises `ArcError` ARC-6007."""
    cancel_request = {"run": run_id, "by": canceled_by.as_json()}
    try:
        await client.raise_orchestration_event(run_id.partition(".")[0], "cancel", data=cancel_request)
    except grpc.RpcError as error:
        code = getattr(error, "code", None)
        if code is not None and code() in _OVER_OR_GONE:
            return False
        raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine does not respond.") from error
    return True


def instance_of(request: AnyRequest) -> str:
    """The orchestration instance of the request's runs."""
    return request.cluster.instance("check" if request.operation == "check" else "cluster")


def _same_run(instance: str, earlier: Json, over: bool, request: AnyRequest, key: str) -> Started | None:
    run = RunId(instance, earlier["runId"])
    runs_by_key = {item["key"]: item for item in earlier["keys"]} | {earlier["requestKey"]: _remembered(earlier)}
    # Keys that were remembered before requests were have no digest.
    if key in runs_by_key and runs_by_key[key].get("request") not in (None, _digest(request)):
        used_by = runs_by_key[key]["runId"]
        raise ArcError(
            Code.IDEMPOTENCY_KEY_REUSED,
            f"This Idempotency-Key started run {used_by} with another request for this cluster.",
        )
    if not over:
        if key == earlier["requestKey"] or _digest(request) == _digest(read_request(earlier["request"])):
            return Started(run, finished=False, same_key=key == earlier["requestKey"])
        message = f"Run {run} ({earlier['operation']}) is in progress for this cluster."
        raise ArcError(Code.RUN_IN_PROGRESS, message, details=[{"run": str(run), "href": f"/api/runs/{run}"}])
    if key == earlier["requestKey"]:
        return Started(run, finished=True)
    if key in runs_by_key:
        message = f"Run {runs_by_key[key]['runId']}, started with this Idempotency-Key, was superseded by {run}."
        raise ArcError(Code.RUN_SUPERSEDED, message, details=[{"run": str(run), "href": f"/api/runs/{run}"}])
    return None


def _remembered(earlier: Json) -> Json:
    digest = _digest(read_request(earlier["request"]))
    return {"key": earlier["requestKey"], "runId": earlier["runId"], "request": digest}


def _digest(request: AnyRequest) -> str:
    """Equal for equal requests, also when one was accepted before the request had its newest fields."""
    fields = request.as_json()
    for name in _NEWER_FIELDS:
        if fields.get(name, ...) is None:
            del fields[name]
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:32]


def _payload(request: AnyRequest, key: str, origin: Origin, earlier: Json | None, author: Author) -> Json:
    keys: list[Json] = []
    if earlier:
        keys = [_remembered(earlier), *earlier["keys"]][:_KEYS_CARRIED]
    payload: dict[str, Any] = {
        "runId": uuid.uuid4().hex[:12],
        "operation": request.operation,
        "requestKey": key,
        "keys": keys,
        "request": request.as_json(),
        "createdAt": timestamp(datetime.now(UTC)),
        "correlationId": origin.correlation_id,
        "traceparent": origin.traceparent,
        "source": author.event_source,
        "startedBy": author.identity.as_json(),
        "roles": sorted(author.roles),
    }
    return payload
