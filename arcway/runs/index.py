"""The runs of a task hub as this process knows them, for lists: newest first, without inputs and results.

No backend of the engine counts or sorts, and Azure Storage returns instances in the order of their ids. So each process
keeps the custom status of every run and, before a list, reads only what may have changed since the last one: what is in
progress, what was created lately, and what was in progress before (docs/adr/0022-lists-of-runs.md).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched
from operator import attrgetter
from typing import Any

import azure.durable_functions as df
import grpc
from durabletask.client import OrchestrationQuery, OrchestrationState, OrchestrationStatus

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.runs.document import OVER, summary_by_status, summary_of, to_document

PAGE_SIZE = 100
"""Instances in one answer of the engine: a custom status has at most 8,192 characters, so that a full page of the
longest stays below the 4 MiB that a gRPC client takes by default."""

_PREFIX = "cluster-"
_IN_PROGRESS = [status for status in OrchestrationStatus if status not in OVER]
# The clocks of those who start runs may differ from this one by so much; a run in progress is found all the same.
CLOCK_SKEW = timedelta(seconds=10)
# What is removed elsewhere, or was missed for whatever reason, is noticed after so long at the latest.
READ_ALL_AFTER_SECONDS = 600.0
# Beyond so many it is cheaper to read all than to read each that has ended since.
MOST_SINGLE_READS = 200
_READS_AT_ONCE = 16
# All lists wait for one update: an engine that hangs must not hold them up without end.
UPDATE_SECONDS = 120.0
# An update that reads more rows than this lets the lists that follow share what it read, for so many times as long as
# it took.
MANY_ROWS, REST_FACTOR = 1000, 4


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run in a list."""

    state: OrchestrationState
    summary: Json
    """What lists filter and count by (`arcway.runs.document.summary_of`)."""
    created_at: datetime
    """The engine's time."""
    position: tuple[str, str]
    """Its place in a list; the newest run has the greatest."""

    @classmethod
    def of(cls, state: OrchestrationState, summary: Json) -> "ListedRun":
        """The run of this state."""
        return cls(state, summary, in_utc(state.created_at), (summary["createdAt"], summary["id"]))

    def document(self) -> Json:
        """The run's document without its result."""
        return to_document(self.state, with_result=False)


class RunIndex:
    """The runs of one task hub, for one event loop; every invocation brings a client of its own."""

    def __init__(self) -> None:
        self._runs: dict[str, ListedRun] = {}
        self._newest_first: Sequence[ListedRun] = ()
        self._in_progress: Sequence[str] = ()
        self._updating = asyncio.Lock()
        self._read_from = datetime.min.replace(tzinfo=UTC)
        self._read_all_at = self._rests_until = self._updated_since = -1.0
        self._removals = self._removals_read = 0

    async def newest_first(self, client: df.DurableFunctionsClient) -> Sequence[ListedRun]:
        """All runs as they are now. Raises `ArcError` ARC-6007.

        Those who ask while an update is under way share the next one. With more than a thousand runs in progress, what
        is returned may be some seconds old.
        """
        asked = time.monotonic()
        async with self._updating:
            rests = self._removals == self._removals_read and time.monotonic() < self._rests_until
            if self._updated_since < asked and not rests:
                try:
                    async with asyncio.timeout(UPDATE_SECONDS):
                        await self._update(client)
                except TimeoutError as error:
                    raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine does not respond.") from error
            return self._newest_first

    def forget(self) -> None:
        """Read all runs again before the next list, because some were removed."""
        self._removals += 1

    async def _update(self, client: df.DurableFunctionsClient) -> None:
        begun, now, rests_until, removals = time.monotonic(), datetime.now(UTC), -1.0, self._removals
        reads_all = begun >= self._read_all_at or removals != self._removals_read
        states = None if reads_all else await self._changed(client)
        if states is None:
            states = {state.instance_id: state for state in await _query(client)}
            known = {key: run for key, run in self._runs.items() if key in states}
            read_all_at = begun + READ_ALL_AFTER_SECONDS
        else:
            known, read_all_at = dict(self._runs), self._read_all_at
            if len(states) > MANY_ROWS:
                rests_until = time.monotonic() + REST_FACTOR * (time.monotonic() - begun)
        for key in [key for key, state in states.items() if state is None]:
            known.pop(key, None)
        changed = [state for key, state in states.items() if state and not _is_same(state, known.get(key))]
        known |= await _listed(client, changed)
        # Nothing is awaited from here on: a reader sees all of an update or nothing, and one that fails is repeated.
        if changed or len(known) != len(self._runs):
            self._newest_first = sorted(known.values(), key=attrgetter("position"), reverse=True)
            self._runs = {run.state.instance_id: run for run in self._newest_first}
            self._in_progress = [key for key, run in self._runs.items() if run.state.runtime_status not in OVER]
        self._read_from, self._updated_since = now - CLOCK_SKEW, begun
        self._read_all_at, self._rests_until, self._removals_read = read_all_at, rests_until, removals

    async def _changed(self, client: df.DurableFunctionsClient) -> dict[str, OrchestrationState | None] | None:
        """The states that may have changed, None for an instance that is gone; None if it takes reading all."""
        # First those in progress: what starts between the two is found by the second, and so is what has ended by then.
        in_progress = await _query(client, runtime_status=_IN_PROGRESS)
        created = await _query(client, created_time_from=self._read_from)
        states: dict[str, OrchestrationState | None] = {state.instance_id: state for state in (*in_progress, *created)}
        ended = [key for key in self._in_progress if key not in states]
        if len(ended) > MOST_SINGLE_READS:
            return None
        read = await at_once(lambda key: _read(client, key, fetch_payloads=False), ended)
        return states | dict(zip(ended, read, strict=True))


async def instances_in_progress(client: df.DurableFunctionsClient) -> frozenset[str]:
    """The instances of the clusters on which a run is in progress: one query, however many are asked about.

    Raises `ArcError` ARC-6007.
    """
    states = await _query(client, runtime_status=_IN_PROGRESS)
    return frozenset(state.instance_id for state in states if state.runtime_status not in OVER)


def in_utc(time: datetime) -> datetime:
    """The time with its zone; the SDK's times are in UTC without saying so."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _is_same(state: OrchestrationState, known: ListedRun | None) -> bool:
    names = ("created_at", "last_updated_at", "runtime_status", "serialized_custom_status")
    return known is not None and all(getattr(state, name) == getattr(known.state, name) for name in names)


async def _listed(client: df.DurableFunctionsClient, states: Sequence[OrchestrationState]) -> dict[str, ListedRun]:
    """The runs by their instances; one without a readable status, as before it begins, is read with its input."""
    runs: dict[str, ListedRun] = {}
    unclear: list[OrchestrationState] = []
    for some in batched(states, PAGE_SIZE, strict=False):
        for state in some:
            if (summary := summary_by_status(state)) is not None:
                runs[state.instance_id] = ListedRun.of(state, summary)
            else:
                unclear.append(state)
        # Others have their turn: the first list of a process goes through all runs.
        await asyncio.sleep(0)
    for whole in await at_once(lambda state: _read(client, state.instance_id), unclear):
        if whole is not None:
            runs[whole.instance_id] = ListedRun.of(whole, summary_of(to_document(whole, with_result=False)))
    return runs


async def _query(client: df.DurableFunctionsClient, **conditions: Any) -> list[OrchestrationState]:
    query = OrchestrationQuery(instance_id_prefix=_PREFIX, max_instance_count=PAGE_SIZE, **conditions)
    try:
        return await client.get_all_orchestration_states(query)
    except grpc.RpcError as error:
        raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine does not respond.") from error


async def _read(client: df.DurableFunctionsClient, instance: str, **options: bool) -> OrchestrationState | None:
    try:
        return await client.get_orchestration_state(instance, **options)
    except grpc.RpcError as error:
        raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine does not respond.") from error


async def at_once[T, R](read: Callable[[T], Awaitable[R]], items: Iterable[T]) -> list[R]:
    """What `read` returns for each item, a few at a time."""
    places = asyncio.Semaphore(_READS_AT_ONCE)

    async def one(item: T) -> R:
        async with places:
            return await read(item)

    return await asyncio.gather(*map(one, items))
