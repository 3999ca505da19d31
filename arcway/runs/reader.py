"""Reads runs from the engine: one by its id, and lists of them by page."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import azure.durable_functions as df
import grpc
from durabletask.client import OrchestrationState

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import RunId
from arcway.domain.json_values import Json
from arcway.domain.request import AnyRequest, read_request
from arcway.domain.text import excerpt
from arcway.runs.document import OVER, to_document
from arcway.runs.index import ListedRun, RunIndex, in_utc


async def get_instance(client: df.DurableFunctionsClient, instance: str) -> OrchestrationState | None:
    """The instance's state, None when there is none. Raises `ArcError` ARC-6007."""
    try:
        return await client.get_orchestration_state(instance)
    except grpc.RpcError as error:
        raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine does not respond.") from error


def is_over(state: OrchestrationState) -> bool:
    """Whether the instance has ended."""
    return state.runtime_status in OVER


def input_of(state: OrchestrationState) -> Json:
    """The input that the instance was started with."""
    payload: Json = state.get_input()
    return payload


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
        return (
            _is_equal(self.state, run["state"])
            and _is_equal(self.operation, run["operation"])
            and _is_equal(self.subscription, cluster["subscriptionId"])
            and _is_equal(self.resource_group, cluster["resourceGroup"])
        )


def _is_equal(expected: str | None, text: str) -> bool:
    return expected is None or expected.lower() == text.lower()


async def list_runs(index: RunIndex, client: df.DurableFunctionsClient, created_from: datetime) -> Sequence[ListedRun]:
    """All runs on clusters since then, newest first, without inputs and results. Raises `ArcError` ARC-6007."""
    start = in_utc(created_from)
    return [run for run in await index.newest_first(client) if run.created_at >= start]


async def list_page(
    index: RunIndex, client: df.DurableFunctionsClient, chosen: Filter, top: int, token: str | None
) -> tuple[list[Json], str | None]:
    """One page of runs, newest first, and the token of the next. Raises `ArcError` ARC-1006 for a token not ours."""
    last = _read_token(token) if token else None
    behind = (run for run in await list_runs(index, client, chosen.created_from) if last is None or run.position < last)
    runs = list(islice((run for run in behind if chosen.takes(run.summary)), top + 1))
    return [run.document() for run in runs[:top]], _token(runs[top - 1]) if len(runs) > top else None


def _token(run: ListedRun) -> str:
    return base64.urlsafe_b64encode(json.dumps(run.position).encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[str, str]:
    try:
        created_at, run_id = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        details = [{"field": "continuationToken", "message": "is not a token from this list"}]
        raise ArcError(Code.INVALID_PARAMETERS, details=details) from error
    return str(created_at), str(run_id)
