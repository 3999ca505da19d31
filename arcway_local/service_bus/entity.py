"""What queues, subscriptions and topics have in common: numbering, duplicate detection, scheduling.

All times are milliseconds since 1970, UTC.
"""

import abc
import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from arcway_local.service_bus.model import Draft, Message, MessageNotFound, State


@dataclass(frozen=True, slots=True)
class Rules:
    """The properties of an entity that change what it does. Times are milliseconds; None: without end."""

    lifetime: int | None = None
    lock_duration: int = 60_000
    most_deliveries: int | None = 10
    dead_letter_expired: bool = False
    duplicate_window: int | None = None
    largest_message: int | None = None
    """In bytes; None: what the namespace takes."""


class Records(Protocol):
    """The storage of what must survive the process."""

    def put(self, entity: str, message: Message) -> None:
        """Store a new or changed message."""

    def remove(self, message: Message) -> None:
        """Delete a message."""

    def number(self, entity: str, sequence: int) -> None:
        """Store the last sequence number of the entity."""

    def remember(self, entity: str, message_id: str, until: int) -> None:
        """Store a message id; until that time, messages with the same id are duplicates."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an entity needs from the broker.

    `clock` returns milliseconds, `key` a new key for a message. An entity calls `due` with the time of its next change,
    and `wake` when messages wait for receivers.
    """

    clock: Callable[[], int]
    key: Callable[[], int]
    due: Callable[[int], None]
    wake: Callable[["Entity"], None]
    records: Records


class Entity(abc.ABC):
    """Accepts drafts, numbers them, drops duplicates, holds scheduled ones until they are due."""

    def __init__(self, path: str, rules: Rules, around: Surroundings) -> None:
        self.path = path
        self.rules = rules
        self.messages: dict[int, Message] = {}
        self.history: dict[str, int] = {}
        self.last_sequence = 0
        self._around = around
        self._deadlines: list[tuple[int, int]] = []

    def enqueue(self, draft: Draft, enqueue_sequence: int = 0) -> Message | None:
        """Accept a message, scheduled ones included; returns it, or None for a duplicate."""
        now = self._around.clock()
        if self._is_duplicate(draft.message_id, now):
            return None
        message = Message(
            key=self._around.key(),
            content=draft.content,
            message_id=draft.message_id,
            sequence=self._next_sequence(),
            enqueued_at=now,
            expires_at=None,
            enqueue_sequence=enqueue_sequence,
        )
        if draft.scheduled_for is not None and draft.scheduled_for > now:
            message.state, message.scheduled_for = State.SCHEDULED, draft.scheduled_for
            if draft.lifetime is not None:
                message.expires_at = draft.scheduled_for + draft.lifetime
            self.messages[message.sequence] = message
            self._around.records.put(self.path, message)
            self._at(draft.scheduled_for, message)
        else:
            self._arrive(message, draft.lifetime, now)
        return message

    def cancel(self, sequences: list[int]) -> None:
        """Cancel scheduled messages, all or none. Raises MessageNotFound."""
        messages = [self.messages.get(sequence) for sequence in sequences]
        scheduled = [message for message in messages if message is not None and message.state is State.SCHEDULED]
        if len(scheduled) != len(messages):
            raise MessageNotFound(f"{self.path} has no scheduled messages with all of these numbers: {sequences}")
        for message in scheduled:
            self._forget(message)

    def restore(self, message: Message) -> None:
        """Restore a message that an earlier process stored."""
        self.messages[message.sequence] = message
        if message.state is State.SCHEDULED and message.scheduled_for is not None:
            self._at(message.scheduled_for, message)

    def advance(self, now: int) -> None:
        """Apply what is due at `now`."""
        while self._deadlines and self._deadlines[0][0] <= now:
            _, sequence = heapq.heappop(self._deadlines)
            if (message := self.messages.get(sequence)) is not None:
                self._deadline(message, now)

    def next_due(self) -> int | None:
        """When `advance` has to be called again at the latest; None: time changes nothing."""
        return self._deadlines[0][0] if self._deadlines else None

    def _deadline(self, message: Message, now: int) -> None:
        if message.state is not State.SCHEDULED or message.scheduled_for is None or message.scheduled_for > now:
            return
        # Service Bus numbers a scheduled message again when it becomes active (its documentation of sequence numbers).
        self._forget(message)
        lifetime = None if message.expires_at is None else message.expires_at - message.scheduled_for
        message.key, message.sequence = self._around.key(), self._next_sequence()
        message.state, message.enqueued_at = State.ACTIVE, now
        self._arrive(message, lifetime, now)

    @abc.abstractmethod
    def _arrive(self, message: Message, lifetime: int | None, now: int) -> None:
        """A message has become active. `lifetime` is the sender's wish."""

    def _forget(self, message: Message) -> None:
        del self.messages[message.sequence]
        self._around.records.remove(message)

    def _at(self, when: int, message: Message) -> None:
        # Settled messages leave their deadlines behind.
        if len(self._deadlines) > 2 * len(self.messages) + 1000:
            self._deadlines = [entry for entry in self._deadlines if entry[1] in self.messages]
            heapq.heapify(self._deadlines)
        heapq.heappush(self._deadlines, (when, message.sequence))
        self._around.due(when)

    def _next_sequence(self) -> int:
        self.last_sequence += 1
        self._around.records.number(self.path, self.last_sequence)
        return self.last_sequence

    def _is_duplicate(self, message_id: str | None, now: int) -> bool:
        window = self.rules.duplicate_window
        if window is None or message_id is None:
            return False
        while self.history:
            oldest = next(iter(self.history))
            if self.history[oldest] > now:
                break
            del self.history[oldest]
        if message_id in self.history:
            return True
        self.history[message_id] = now + window
        self._around.records.remember(self.path, message_id, now + window)
        return False
