"""Reads runs from the engine's state: the one place that knows how a run and an orchestration instance relate."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import datetime

import azure.durable_functions as df
import grpc
from durabletask.client import OrchestrationQuery, OrchestrationState, OrchestrationStatus

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import RunId
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover, read_leftovers
from arcway.domain.request import AnyRequest, phases_of_request, read_request
from arcway.domain.run import Cluster, Run, RunError, new_run, read_run
from arcway.domain.text import excerpt, presentable
from arcway.domain.timestamps import timestamp
from arcway.telemetry import log

# Any escape of JSON but that of the mark of a text that was cut.
_ESCAPED = re.compile(r"\\(?!u2026|[\"\\])")
_OVER = (OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED)


async def get_instance(client: df.DurableFunctionsClient, instance: str) -> OrchestrationState | None:
    """The instance's state, None when there is none. Raises `ArcError` ARC-6007."""
    try:
        return await client.get_orchestration_state(instance)
    except grpc.RpcError as error:
        raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine does not respond.") from error


def is_over(state: OrchestrationState) -> bool:
    """Whether the instance has ended."""
    return state.runtime_status in _OVER


def input_of(state: OrchestrationState) -> Json:
    """The input that the instance was started with."""
    payload: Json = state.get_input()
    return payload


_CHANGES_NOTHING = ("checkCluster", "pollRegistration", "waitForMetadata", "publishResult")


async def get_run(client: df.DurableFunctionsClient, run_id: str) -> Json:
    """The run with this public id. Raises `ArcError` ARC-6001 unknown, ARC-6002 superseded by a later run."""
    run = RunId.parse(run_id)
    state = await get_instance(client, run.instance) if run else None
    if run is None or state is None:
        raise ArcError(Code.RUN_NOT_FOUND, f"Run {excerpt(run_id, 80)} does not exist.")
    later = RunId(run.instance, input_of(state)["runId"])
    if later != run:
        raise ArcError(
            Code.RUN_SUPERSEDED,
            f"Run {run} was superseded by {later}.",
            details=[{"run": str(later), "href": f"/api/runs/{later}"}],
        )
    return to_document(state, with_result=True)


async def request_of(client: df.DurableFunctionsClient, run_id: str) -> AnyRequest:
    """The request that started the run. Raises `ArcError` ARC-6001 or ARC-6002 as `get_run` does."""
    await get_run(client, run_id)
    state = await get_instance(client, run_id.partition(".")[0])
    if state is None:
        raise ArcError(Code.RUN_NOT_FOUND, f"Run {excerpt(run_id, 80)} does not exist.")
    return read_request(input_of(state)["request"])


def to_document(state: OrchestrationState, *, with_result: bool) -> Json:
    """The run's document; for an unreadable state a placeholder, so that it hides no other run."""
    try:
        run: Json = _view(state, with_result=with_result)
        if with_result or not _is_plain(state.serialized_custom_status):
            run = presentable(run)
        Run.model_validate({**run, "result": None})
        datetime.fromisoformat(run["createdAt"])
    except (LookupError, AttributeError, TypeError, ValueError, RecursionError) as error:
        log.warning("run of instance %s cannot be shown: %s", state.instance_id, type(error).__name__)
        return _not_to_be_shown(state)
    return run


def _is_plain(status: str | None) -> bool:
    """Whether a status has plain letters only, so that it need not be gone through; a list has many."""
    return status is not None and status.isascii() and status.isprintable() and not _ESCAPED.search(status)


def _view(state: OrchestrationState, *, with_result: bool) -> Json:
    payload = input_of(state)
    document = state.get_custom_status()
    if not isinstance(document, dict):
        document = _accepted(state, payload)
    document = read_run(document)
    created = read_leftovers(document.pop("made", []))
    if state.runtime_status == OrchestrationStatus.COMPLETED and with_result:
        document = read_run(state.get_output())
    elif state.runtime_status == OrchestrationStatus.TERMINATED:
        document = _ended(document, state, created, "Canceled", ArcError(Code.RUN_TERMINATED))
    elif state.runtime_status == OrchestrationStatus.FAILED and document["state"] != "Failed":
        document = _ended(document, state, created, "Failed", ArcError(Code.INTERNAL_ERROR))
    elif state.runtime_status == OrchestrationStatus.SUSPENDED:
        document = {**document, "phases": [_suspended(phase) for phase in document["phases"]]}
    run: Json = document
    return run


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs a list shows; None shows all."""

    created_from: datetime
    state: str | None = None
    operation: str | None = None
    subscription: str | None = None
    resource_group: str | None = None

    def takes(self, run: Json) -> bool:
        """Whether the list shows this run."""
        cluster = run["cluster"]
        expected = (
            (self.state, run["state"]),
            (self.operation, run["operation"]),
            (self.subscription, cluster["subscriptionId"]),
            (self.resource_group, cluster["resourceGroup"]),
        )
        return all(want is None or want.lower() == has.lower() for want, has in expected)


async def list_runs(client: df.DurableFunctionsClient, created_from: datetime) -> list[Json]:
    """All runs on clusters since then, newest first. Raises `ArcError` ARC-6007."""
    query = OrchestrationQuery(
        created_time_from=created_from, instance_id_prefix="cluster-", fetch_inputs_and_outputs=True
    )
    try:
        states = await client.get_all_orchestration_states(query)
    except grpc.RpcError as error:
        raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine does not respond.") from error
    return sorted((to_document(state, with_result=False) for state in states), key=_position, reverse=True)


async def list_page(
    client: df.DurableFunctionsClient, chosen: Filter, top: int, token: str | None
) -> tuple[list[Json], str | None]:
    """One page of runs, newest first, and the token of the next. Raises `ArcError` ARC-1006 for a token not ours."""
    last_id = _read_token(token) if token else None
    runs = [run for run in await list_runs(client, chosen.created_from) if chosen.takes(run)]
    if last_id is not None:
        runs = [run for run in runs if _position(run) < last_id]
    return runs[:top], _token(runs[top - 1]) if len(runs) > top else None


def _position(run: Json) -> tuple[str, str]:
    return str(run["createdAt"]), str(run["id"])


def _token(run: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(_position(run)).encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[str, str]:
    try:
        created_at, run_id = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        details = [{"field": "continuationToken", "message": "is not a token from this list"}]
        raise ArcError(Code.INVALID_PARAMETERS, details=details) from error
    return str(created_at), str(run_id)


def _not_to_be_shown(state: OrchestrationState) -> Json:
    """What the engine alone knows of a run."""
    created, updated = _time(state.created_at), _time(state.last_updated_at)
    error = ArcError(Code.INTERNAL_ERROR, "The state of this run cannot be read.")
    over = is_over(state)
    run = Run(
        id=f"{state.instance_id}.{_run_of(state)}",
        operation="onboard",
        state="Failed" if over else "Running",
        cluster=Cluster(subscription_id="", resource_group="", name="(unknown)", location=None, resource_id=""),
        phases=[],
        error=RunError(code=error.code, message=error.message, remedy=error.remedy),
        created_at=created,
        updated_at=updated,
        finished_at=updated if over else None,
        correlation_id="",
    )
    return run.as_json()


def _run_of(state: OrchestrationState) -> str:
    try:
        run_id = RunId.parse(f"{state.instance_id}.{input_of(state)['runId']}")
    except (LookupError, TypeError, ValueError):
        run_id = None
    return run_id.run if run_id else "0" * 12


def _time(time: datetime) -> str:
    return timestamp(time)


def _accepted(state: OrchestrationState, payload: Json) -> Json:
    run_id = f"{state.instance_id}.{payload['runId']}"
    request = read_request(payload["request"])
    return new_run(run_id, request, phases_of_request(request), payload).as_json()


def _ended(run: Json, state: OrchestrationState, created: list[Json], outcome: str, error: ArcError) -> Json:
    """A run that could not end itself: what it had made stays, and so may what its phase had begun."""
    begun = [
        leftover("Phase", phase["name"], reason="MayExist")
        for phase in run["phases"]
        if phase["startedAt"] and not phase["finishedAt"] and phase["name"] not in _CHANGES_NOTHING
    ]
    ended = _time(state.last_updated_at)
    phases = [
        phase if phase["finishedAt"] or not phase["startedAt"] else {**phase, "state": outcome, "finishedAt": ended}
        for phase in run["phases"]
    ]
    why = {"code": error.code, "message": error.message, "phase": run["phase"], "retryable": error.retryable}
    failure = {**why, "remedy": error.remedy, "details": []}
    over = {"state": outcome, "phases": phases, "error": failure, "finishedAt": ended, "updatedAt": ended}
    added = [item for item in (*created, *begun) if item not in run["leftovers"]]
    return {**run, **over, "leftovers": [*run["leftovers"], *added]}


def _suspended(phase: Json) -> Json:
    if phase["finishedAt"] or not phase["startedAt"]:
        return phase
    return {**phase, "state": "Waiting", "detail": "suspended by an operator"}
