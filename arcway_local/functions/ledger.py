"""Works out what has to be written: compares the engine's state with what the journal holds already.

The engine reaches its instances and entities through `Watched` dicts, which remember every key that was looked up, so
that nothing that may have changed is overlooked, by whatever it was changed. Only differences are written: new history
rows, what arrived and what was dealt with. The module knows no file, lock or thread.
"""

import json
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from datetime import datetime
from typing import Any, cast, override

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.testing.in_memory_backend import EntityState, OrchestrationInstance, PendingLockRequest

from arcway_local.functions.journal import Statement
from arcway_local.functions.records import Activity, Instance, Link

Mail = dict[int, tuple[int, pb.HistoryEvent]]
"""The inbox rows of one owner: identity of the event -> its position, and the event, to keep the identity valid."""


class Watched[Value](dict[str, Value]):
    """A dict that collects in `touched` the keys through which its values were reached or replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: set[str] = set()

    @override
    def get(self, key: str, default: Any = None, /) -> Any:
        self.touched.add(key)
        return super().get(key, default)

    @override
    def __getitem__(self, key: str, /) -> Value:
        self.touched.add(key)
        return super().__getitem__(key)

    @override
    def __setitem__(self, key: str, value: Value, /) -> None:
        self.touched.add(key)
        super().__setitem__(key, value)

    @override
    def __delitem__(self, key: str, /) -> None:
        self.touched.add(key)
        super().__delitem__(key)

    def take_touched(self) -> list[tuple[str, Value | None]]:
        """The touched keys with their present values, None for those that are gone; begins to collect again."""
        touched_items = [(key, super(Watched, self).get(key)) for key in self.touched]
        self.touched.clear()
        return touched_items


@dataclass
class _Kept:
    """What the journal holds of one instance or entity."""

    identity: tuple[str, Link | None] = ("", None)
    row: tuple[Any, ...] = ()
    history: list[pb.HistoryEvent] = field(default_factory=list)
    written: int = 0
    mail: Mail = field(default_factory=dict)


class Ledger:
    """The differences between the engine's state and the journal's. Call with the engine locked."""

    def __init__(self) -> None:
        self.instances: Watched[OrchestrationInstance] = Watched()
        self.entities: Watched[EntityState] = Watched()
        self._kept: dict[str, _Kept] = {}
        self._kept_locks: list[str] = []
        self._explicit: list[Statement] = []
        self._position = 0

    def adopt_instance(self, instance: Instance, mail: Mail) -> None:
        """Take over an instance that was read from the journal."""
        identity, history = (instance.execution_id, instance.parent), instance.history
        self._kept[instance.instance_id] = _Kept(identity, _progress(instance), history, len(history), mail)
        self._adopt(mail)
        dict.__setitem__(self.instances, instance.instance_id, instance)

    def adopt_entity(self, entity: EntityState, mail: Mail) -> None:
        """Take over an entity that was read from the journal."""
        self._kept[entity.instance_id] = _Kept(row=_entity(entity), mail=mail)
        self._adopt(mail)
        dict.__setitem__(self.entities, entity.instance_id, entity)

    def adopt_locks(self, requests: list[PendingLockRequest]) -> None:
        """Take over the requests for locks that were read from the journal."""
        self._kept_locks = [request.critical_section_id for request in requests]

    def _adopt(self, mail: Mail) -> None:
        self._position = max(self._position, *(position for position, _ in mail.values()), 0)

    def add_activity(self, activity: Activity) -> None:
        """An activity was scheduled."""
        values = (
            activity.token,
            activity.instance_id,
            activity.execution_id,
            activity.task_id,
            activity.name,
            activity.input,
        )
        self._explicit.append(("INSERT INTO activities VALUES (?,?,?,?,?,?)", values))

    def remove_activity(self, token: str) -> None:
        """The outcome of an activity is known."""
        self._explicit.append(("DELETE FROM activities WHERE token=?", (token,)))

    def add_signal(self, token: str, entity_id: str, due: datetime, event: pb.HistoryEvent) -> None:
        """A signal to an entity waits for its time."""
        values = (token, entity_id, due.isoformat(), event.SerializeToString())
        self._explicit.append(("INSERT INTO delayed_signals VALUES (?,?,?,?)", values))

    def remove_signal(self, token: str) -> None:
        """A delayed signal has been queued."""
        self._explicit.append(("DELETE FROM delayed_signals WHERE token=?", (token,)))

    def take_changes(self, locks: list[PendingLockRequest]) -> list[Statement]:
        """The statements that bring the journal up to date, none if it is."""
        changes, self._explicit = self._explicit, []
        for key, instance in self.instances.take_touched():
            changes.extend(self._instance_changes(key, cast("Instance | None", instance)))
        for key, entity in self.entities.take_touched():
            changes.extend(self._entity_changes(key, entity))
        sections = [request.critical_section_id for request in locks]
        if sections != self._kept_locks:
            self._kept_locks = sections
            changes.append(("DELETE FROM lock_requests", ()))
            changes.extend(("INSERT INTO lock_requests VALUES (?,?,?,?)", row) for row in _lock_rows(locks))
        return changes

    def _instance_changes(self, key: str, instance: Instance | None) -> Iterator[Statement]:
        written = self._kept.get(key)
        identity = None if instance is None else (instance.execution_id, instance.parent)
        if written is not None and written.identity != identity:
            del self._kept[key]
            written = None
            for sql in _FORGET_INSTANCE:
                yield sql, (key,)
        if instance is None or identity is None:
            return
        if written is None:
            written = self._kept[key] = _Kept(identity)
            yield "INSERT INTO instances VALUES (?,?,?,?,?,?,?,?,?,?,?)", _identity(instance)
        if (row := _progress(instance)) != written.row:
            written.row = row
            status, output, custom, failure, completed = row
            details = None if failure is None else failure.SerializeToString()
            values = (key, status, output, custom, details, _moment(completed))
            yield "INSERT OR REPLACE INTO progress VALUES (?,?,?,?,?,?)", values
        yield from _history_changes(key, instance, written)
        yield from self._mail_changes(key, written.mail, instance.pending_events, instance.dispatched_events)

    def _entity_changes(self, key: str, entity: EntityState | None) -> Iterator[Statement]:
        written = self._kept.get(key)
        if entity is None:
            if self._kept.pop(key, None) is not None:
                yield "DELETE FROM entities WHERE id=?", (key,)
                yield "DELETE FROM inbox WHERE owner=?", (key,)
            return
        if written is None:
            written = self._kept[key] = _Kept()
        if (row := _entity(entity)) != written.row:
            written.row = row
            yield "INSERT OR REPLACE INTO entities VALUES (?,?,?,?)", (key, *row)
        yield from self._mail_changes(key, written.mail, entity.pending_operations, entity.dispatched_operations)

    def _mail_changes(
        self, key: str, mail: Mail, pending: list[pb.HistoryEvent], dispatched: list[pb.HistoryEvent]
    ) -> Iterator[Statement]:
        arrived = len(pending)
        while arrived and id(pending[arrived - 1]) not in mail:
            arrived -= 1
        for event in pending[arrived:]:
            self._position += 1
            mail[id(event)] = (self._position, event)
            yield "INSERT INTO inbox VALUES (?,?,?)", (key, self._position, event.SerializeToString())
        # What is in flight stays in the inbox until its outcome is known: after a crash it is handed out again.
        if dispatched or len(mail) == len(pending):
            return
        waiting = {id(event) for event in pending}
        dealt_with = [identity for identity in mail if identity not in waiting]
        positions = [mail.pop(letter)[0] for letter in dealt_with]
        last = max(positions)
        if all(position > last for position, _ in mail.values()):
            yield "DELETE FROM inbox WHERE owner=? AND position<=?", (key, last)
            return
        # What the holder of an entity's lock asks for overtakes what others asked for before.
        for position in positions:
            yield "DELETE FROM inbox WHERE owner=? AND position=?", (key, position)


_FORGET_INSTANCE = (
    "DELETE FROM instances WHERE id=?",
    "DELETE FROM progress WHERE id=?",
    "DELETE FROM history WHERE instance=?",
    "DELETE FROM inbox WHERE owner=?",
)


def _history_changes(key: str, instance: Instance, written: _Kept) -> Iterator[Statement]:
    # Rewinding puts another list in place; everything else appends.
    if instance.history is not written.history:
        if written.written:
            yield "DELETE FROM history WHERE instance=?", (key,)
        written.history, written.written = instance.history, 0
    if written.written < len(instance.history):
        chunk = pb.HistoryChunk(events=instance.history[written.written :])
        yield "INSERT INTO history VALUES (?,?,?)", (key, written.written, chunk.SerializeToString())
        written.written = len(instance.history)


def _identity(instance: Instance) -> tuple[Any, ...]:
    parent = (None,) * 3 if instance.parent is None else astuple(instance.parent)
    tags = json.dumps(instance.tags)
    created, start_at = instance.created_at.isoformat(), _moment(instance.start_at)
    return (
        instance.instance_id,
        instance.execution_id,
        instance.name,
        instance.version,
        instance.input,
        tags,
        *parent,
        created,
        start_at,
    )


def _progress(instance: Instance) -> tuple[Any, ...]:
    # No time of the last update: it is that of the newest event, which spares a row for every event that arrives.
    return (instance.status, instance.output, instance.custom_status, instance.failure_details, instance.completed_at)


def _entity(entity: EntityState) -> tuple[Any, ...]:
    return (entity.serialized_state, entity.last_modified_at.isoformat(), entity.locked_by)


def _lock_rows(requests: list[PendingLockRequest]) -> Iterator[tuple[Any, ...]]:
    for position, request in enumerate(requests):
        yield position, request.critical_section_id, request.parent_instance_id, json.dumps(request.lock_set)


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
