"""A queue: locks, deliveries, settlement, expiry and dead-lettering. A subscription is one too, and so is a
dead-letter queue.

All times are milliseconds since 1970, UTC.
"""

import heapq
from collections import deque
from typing import Protocol
from uuid import UUID, uuid4

from arcway_local.service_bus.entity import Entity, Rules, Surroundings
from arcway_local.service_bus.model import LockLost, Message, MessageNotFound, State

EXPIRED = ("TTLExpiredException", "The message expired and was dead lettered.")
TOO_MANY_DELIVERIES = "MaxDeliveryCountExceeded"


class Consumer(Protocol):
    """A receiver of messages."""

    locks: bool
    """Whether messages are locked for it; otherwise they are gone once delivered."""

    @property
    def ready(self) -> bool:
        """Whether it accepts a message now."""

    def deliver(self, message: Message) -> None:
        """Deliver a message to it."""


class Queue(Entity):
    """Messages in the order of their numbers, for competing consumers."""

    def __init__(self, path: str, rules: Rules, around: Surroundings, dead_letters: "Queue | None") -> None:
        super().__init__(path, rules, around)
        self.dead_letters = dead_letters
        self.consumers: deque[Consumer] = deque()
        self._ready: list[int] = []
        # In the order of expiry, because every lock lasts the same time and a renewed one goes to the end.
        self._locks: dict[UUID, Message] = {}

    def restore(self, message: Message) -> None:
        """Restore a stored message, with its lock if it had one. Call it in the order in which the locks end."""
        super().restore(message)
        if message.expires_at is not None and message.state is not State.SCHEDULED:
            self._at(message.expires_at, message)
        if message.lock is not None:
            self._locks[message.lock] = message
            self._around.due(message.locked_until)
        elif message.state is State.ACTIVE:
            self._make_ready(message)

    def pump(self) -> None:
        """Deliver waiting messages to the consumers that are ready, in turn."""
        while self._ready:
            for _ in range(len(self.consumers)):
                consumer = self.consumers[0]
                self.consumers.rotate(-1)
                if consumer.ready:
                    break
            else:
                return
            message = self._take(consumer.locks)
            if message is None:
                return
            consumer.deliver(message)

    def leave(self, consumer: Consumer) -> None:
        """Remove a consumer; its locks stay until they expire, as in Service Bus without sessions."""
        if consumer in self.consumers:
            self.consumers.remove(consumer)

    def complete(self, token: UUID) -> None:
        """Settle a message as completed: it is removed. Raises LockLost."""
        self._forget(self._unlock(token))

    def abandon(self, token: UUID) -> None:
        """Make a message available again; counts as a failed delivery. Raises LockLost."""
        self._give_back(self._unlock(token), failed=True)

    def release(self, token: UUID) -> None:
        """Put the message back; this does not count as a delivery. Raises LockLost."""
        self._give_back(self._unlock(token), failed=False)

    def defer(self, token: UUID) -> None:
        """Set a message aside until a client asks for its sequence number. Raises LockLost."""
        message = self._unlock(token)
        message.state = State.DEFERRED
        message.delivery_count += 1
        self._around.records.put(self.path, message)

    def dead_letter(self, token: UUID, reason: str | None, description: str | None) -> None:
        """Move the message to the dead-letter queue. Raises LockLost."""
        self._bury(self._unlock(token), reason, description)

    def renew(self, tokens: list[UUID]) -> list[int]:
        """Renew locks for their full time, all or none; returns their new ends. Raises LockLost."""
        messages = [self._locked(token) for token in tokens]
        until = self._around.clock() + self.rules.lock_duration
        for token, message in zip(tokens, messages, strict=True):
            self._locks[token] = self._locks.pop(token)
            message.locked_until = until
            self._around.records.put(self.path, message)
        self._around.due(until)
        return [until] * len(tokens)

    def receive_deferred(self, sequences: list[int], lock: bool) -> list[Message]:
        """Receive deferred messages, all or none. Raises MessageNotFound."""
        messages = [self.messages.get(sequence) for sequence in sequences]
        deferred = [
            candidate
            for candidate in messages
            if candidate is not None and candidate.state is State.DEFERRED and candidate.lock is None
        ]
        if len(deferred) != len(messages):
            raise MessageNotFound(f"{self.path} has no deferred messages with all of these numbers: {sequences}")
        for message in deferred:
            self._hand_out(message, lock)
        return deferred

    def peek(self, start: int, count: int) -> list[Message]:
        """Up to `count` messages in any state from a number on, changing nothing."""
        return [self.messages[sequence] for sequence in sorted(self.messages) if sequence >= start][:count]

    def expire_locks(self, sequence: int | None = None) -> int:
        """Expire the lock of one message, or all locks, now; returns their number."""
        ended = [lock for lock in self._locks.values() if sequence is None or lock.sequence == sequence]
        for message in ended:
            self._end_lock(message)
        return len(ended)

    def counts(self) -> dict[str, int]:
        """The number of messages by state."""
        states = [message.state for message in self.messages.values()]
        return {
            "active": states.count(State.ACTIVE),
            "deferred": states.count(State.DEFERRED),
            "scheduled": states.count(State.SCHEDULED),
            "locked": len(self._locks),
            "deadLetter": len(self.dead_letters.messages) if self.dead_letters is not None else 0,
        }

    def advance(self, now: int) -> None:
        """Expire locks and messages, and activate scheduled messages, that are due at `now`."""
        while self._locks:
            message = next(iter(self._locks.values()))
            if message.locked_until > now:
                break
            self._end_lock(message)
        super().advance(now)

    def next_due(self) -> int | None:
        """When the next lock or message expires or becomes active; None if none does."""
        due = super().next_due()
        lock = next(iter(self._locks.values())).locked_until if self._locks else None
        return min(due, lock) if due is not None and lock is not None else due if lock is None else lock

    def _deadline(self, message: Message, now: int) -> None:
        if message.state is State.SCHEDULED:
            super()._deadline(message, now)
        elif message.lock is None and message.expires_at is not None and message.expires_at <= now:
            self._expire(message)

    def _arrive(self, message: Message, lifetime: int | None, now: int) -> None:
        limits = [limit for limit in (lifetime, self.rules.lifetime) if limit is not None]
        if limits:
            message.expires_at = now + min(limits)
        self.messages[message.sequence] = message
        self._around.records.put(self.path, message)
        if message.expires_at is not None:
            self._at(message.expires_at, message)
        self._make_ready(message)

    def _make_ready(self, message: Message) -> None:
        heapq.heappush(self._ready, message.sequence)
        self._around.wake(self)

    def _take(self, lock: bool) -> Message | None:
        now = self._around.clock()
        while self._ready:
            message = self.messages.get(heapq.heappop(self._ready))
            if message is None or message.lock is not None or message.state is not State.ACTIVE:
                continue
            if message.expires_at is not None and message.expires_at <= now:
                self._expire(message)
                continue
            self._hand_out(message, lock)
            return message
        return None

    def _hand_out(self, message: Message, lock: bool) -> None:
        if not lock:
            self._forget(message)
            return
        message.lock = uuid4()
        message.locked_until = self._around.clock() + self.rules.lock_duration
        self._locks[message.lock] = message
        self._around.records.put(self.path, message)
        self._around.due(message.locked_until)

    def _locked(self, token: UUID) -> Message:
        message = self._locks.get(token)
        if message is not None and message.locked_until <= self._around.clock():
            self._end_lock(message)
            message = None
        if message is None:
            raise LockLost(
                "The lock supplied is invalid. Either the lock expired, or the message has already been removed "
                f"from the queue. Lock: {token}, entity: {self.path}."
            )
        return message

    def _unlock(self, token: UUID) -> Message:
        message = self._locked(token)
        del self._locks[token]
        message.lock = None
        return message

    def _end_lock(self, message: Message) -> None:
        if message.lock is not None:
            del self._locks[message.lock]
            message.lock = None
        self._give_back(message, failed=True)

    def _give_back(self, message: Message, failed: bool) -> None:
        message.delivery_count += failed
        limit = self.rules.most_deliveries
        if message.state is State.ACTIVE and failed and limit is not None and message.delivery_count >= limit:
            description = f"Message could not be consumed after {message.delivery_count} delivery attempts."
            self._bury(message, TOO_MANY_DELIVERIES, description)
        elif message.expires_at is not None and message.expires_at <= self._around.clock():
            self._expire(message)
        else:
            self._around.records.put(self.path, message)
            if message.state is State.ACTIVE:
                self._make_ready(message)

    def _expire(self, message: Message) -> None:
        if self.rules.dead_letter_expired:
            self._bury(message, *EXPIRED)
        else:
            self._forget(message)

    def _bury(self, message: Message, reason: str | None, description: str | None) -> None:
        del self.messages[message.sequence]
        # What is dead-lettered in a dead-letter queue stays there.
        grave = self.dead_letters or self
        message.state, message.expires_at = State.ACTIVE, None
        message.reason, message.description = reason, description
        grave.receive_dead(message)

    def receive_dead(self, message: Message) -> None:
        """Accept a message from the queue whose dead-letter queue this is; it keeps its number."""
        self.messages[message.sequence] = message
        self._around.records.put(self.path, message)
        self._make_ready(message)
