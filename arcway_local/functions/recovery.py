"""Reads the engine's state back from the journal, as it was after the last transaction.

Plain reading: what has to be done about it (handing out work again, waiting for timers) is in `Recovered`, and
done by the engine.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.testing.in_memory_backend import EntityState, OrchestrationInstance, PendingLockRequest
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from arcway_local.functions.entities import Holder
from arcway_local.functions.journal import Journal
from arcway_local.functions.ledger import Ledger, Mail
from arcway_local.functions.lifecycle import TERMINAL
from arcway_local.functions.records import Activity, Instance, Link
from arcway_local.functions.traces import of_execution


@dataclass(frozen=True)
class DelayedSignal:
    """An operation that reaches its entity at `due`."""

    token: str
    entity_id: str
    due: datetime
    event: pb.HistoryEvent


@dataclass(frozen=True)
class Recovered:
    """What was waiting besides instances and entities, which are in the ledger."""

    activities: list[Activity]
    lock_requests: list[PendingLockRequest]
    signals: list[DelayedSignal]


def recover(journal: Journal, ledger: Ledger) -> Recovered:
    """Fill `ledger` and return the rest. Raises JournalError when the file cannot be read or understood."""
    try:
        inbox = _inbox(journal)
        _instances(journal, ledger, inbox)
        _entities(journal, ledger, inbox)
        recovered = Recovered(_activities(journal, ledger), _lock_requests(journal), _signals(journal))
    except (DecodeError, ValueError, TypeError) as error:
        raise journal.damaged(str(error)) from error
    ledger.adopt_locks(recovered.lock_requests)
    return recovered


def unfired_timers(instance: Instance) -> dict[int, datetime]:
    """When the timers of this execution are due by task id, without those that have fired."""
    waiting = {
        event.eventId: event.timerCreated.fireAt.ToDatetime(UTC)
        for event in instance.history
        if event.HasField("timerCreated")
    }
    for event in (*instance.history, *instance.pending_events):
        if event.HasField("timerFired"):
            waiting.pop(event.timerFired.timerId, None)
    return waiting


def ended_children(parent: Instance) -> set[int]:
    """The task ids of the sub-orchestrations whose end `parent` has received."""
    return {
        getattr(event, kind).taskScheduledId
        for event in (*parent.history, *parent.pending_events)
        for kind in ("subOrchestrationInstanceCompleted", "subOrchestrationInstanceFailed")
        if event.HasField(kind)
    }


def holders(instances: Iterable[OrchestrationInstance]) -> dict[str, Holder]:
    """Who asked for which locks, by critical section: it is in the histories."""
    holders_by_name = {}
    for instance in instances:
        link = Link(instance.instance_id, cast(Instance, instance).execution_id, 0)
        for event in instance.history:
            if event.HasField("entityLockRequested"):
                lock_request = event.entityLockRequested
                holders_by_name[lock_request.criticalSectionId] = Holder(link, tuple(lock_request.lockSet))
    return holders_by_name


def _inbox(journal: Journal) -> dict[str, list[tuple[int, pb.HistoryEvent]]]:
    events: dict[str, list[tuple[int, pb.HistoryEvent]]] = defaultdict(list)
    for owner, position, event in journal.read("SELECT owner, position, event FROM inbox ORDER BY owner, position"):
        events[owner].append((position, pb.HistoryEvent.FromString(event)))
    return events


def _instances(journal: Journal, ledger: Ledger, inbox: dict[str, list[tuple[int, pb.HistoryEvent]]]) -> None:
    histories: dict[str, list[pb.HistoryEvent]] = defaultdict(list)
    for key, events in journal.read("SELECT instance, events FROM history ORDER BY instance, position"):
        histories[key].extend(pb.HistoryChunk.FromString(events).events)
    rows = journal.read(
        "SELECT i.id, name, status, version, input, output, custom_status, created, completed, failure, tags,"
        " execution, parent, parent_execution, parent_task, start_at"
        " FROM instances i LEFT JOIN progress p ON p.id = i.id ORDER BY created"
    )
    for row in rows:
        mail = inbox.get(row[0], [])
        ended = row[2] in TERMINAL
        instance = _instance(row, histories[row[0]], [] if ended else [event for _, event in mail])
        ledger.adopt_instance(instance, _as_mail(mail))
        if ended and mail:
            # What came too late is not needed; the next transaction removes it.
            ledger.instances.touched.add(instance.instance_id)


def _instance(row: tuple[Any, ...], history: list[pb.HistoryEvent], pending: list[pb.HistoryEvent]) -> Instance:
    key, name, status, version, input_, output, custom, created, completed, failure, tags, execution, *columns = row
    parent, parent_execution, parent_task, start_at = columns
    if status is None:
        raise ValueError(f"the orchestration {key} has no status")
    begun = datetime.fromisoformat(created)
    newest = (event.timestamp.ToDatetime(UTC) for event in (*history[-1:], *pending))
    return Instance(
        instance_id=key,
        name=name,
        status=status,
        version=version,
        input=input_,
        output=output,
        custom_status=custom,
        created_at=begun,
        last_updated_at=max(newest, default=begun),
        completed_at=_moment(completed),
        failure_details=None if failure is None else pb.TaskFailureDetails.FromString(failure),
        history=history,
        pending_events=pending,
        tags=json.loads(tags),
        execution_id=execution,
        parent=None if parent is None else Link(parent, parent_execution, parent_task),
        start_at=_moment(start_at),
        trace=_trace((*history[:2], *pending)),
    )


def _trace(events: Iterable[pb.HistoryEvent]) -> pb.TraceContext | None:
    """The trace that an execution continues: it is in the event that opened it."""
    for event in events:
        if event.HasField("executionStarted") and event.executionStarted.HasField("parentTraceContext"):
            return event.executionStarted.parentTraceContext
    return None


def _entities(journal: Journal, ledger: Ledger, inbox: dict[str, list[tuple[int, pb.HistoryEvent]]]) -> None:
    for key, state, modified, locked_by in journal.read("SELECT id, state, modified, locked_by FROM entities"):
        mail = inbox.get(key, [])
        entity = EntityState(
            instance_id=key,
            serialized_state=state,
            last_modified_at=datetime.fromisoformat(modified),
            locked_by=locked_by,
            pending_operations=[event for _, event in mail],
        )
        ledger.adopt_entity(entity, _as_mail(mail))


def _activities(journal: Journal, ledger: Ledger) -> list[Activity]:
    # In the order in which they were scheduled, as far as one execution goes.
    rows = journal.read("SELECT token, instance, execution, task, name, input FROM activities ORDER BY instance, task")
    return [
        Activity(
            instance_id=instance,
            name=name,
            task_id=task,
            input=input_,
            completion_token=0,
            execution_id=execution,
            trace=_own_trace(dict.get(ledger.instances, instance), execution),
            token=token,
        )
        for token, instance, execution, task, name, input_ in rows
    ]


def _own_trace(instance: OrchestrationInstance | None, execution: str) -> pb.TraceContext:
    return of_execution(execution, cast(Instance, instance).trace if instance is not None else None)


def _lock_requests(journal: Journal) -> list[PendingLockRequest]:
    rows = journal.read("SELECT section, parent, entities FROM lock_requests ORDER BY position")
    return [PendingLockRequest(section, parent, json.loads(entities)) for section, parent, entities in rows]


def _signals(journal: Journal) -> list[DelayedSignal]:
    rows = journal.read("SELECT token, entity, due, event FROM delayed_signals")
    return [
        DelayedSignal(token, entity, datetime.fromisoformat(due), pb.HistoryEvent.FromString(event))
        for token, entity, due, event in rows
    ]


def _as_mail(rows: Iterable[tuple[int, pb.HistoryEvent]]) -> Mail:
    return {id(event): (position, event) for position, event in rows}


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
