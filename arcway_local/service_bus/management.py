"""The operations of `$management`: lock renewal, peek, schedule, cancel, deferred messages, settlement by token.

It knows requests as decoded values and the queue that they are for. Names and shapes are
those of Microsoft's "AMQP request-response-based operations" page, as far as SDK 7.15 uses them.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from arcway_local.service_bus.broker import Broker
from arcway_local.service_bus.codec import CodecError
from arcway_local.service_bus.model import BadRequest, Message, NotSimulated, TooLarge
from arcway_local.service_bus.queue import Queue
from arcway_local.service_bus.sections import Request, compose, read_draft
from arcway_local.service_bus.values import Array, UInt

_TIMESTAMPS, _LONGS = 0x83, 0x81
_LARGEST_PEEK = 1000

type Answer = dict[str, Any] | None
"""The body of the answer, None for "no content"."""


class Management:
    """Handles requests to one entity, whose messages have at most `largest` bytes."""

    def __init__(self, broker: Broker, address: str, largest: int) -> None:
        """Raises EntityNotFound."""
        self._broker = broker
        self._address = address
        self._largest = largest
        broker.find(address)
        self._operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "renew-lock": self._renew_lock,
            "peek-message": self._peek,
            "schedule-message": self._schedule,
            "cancel-scheduled-message": self._cancel,
            "receive-by-sequence-number": self._receive,
            "update-disposition": self._settle,
        }

    def answer(self, request: Request) -> Answer:
        """Execute a request and return its response. Raises Refused."""
        name = str(request.properties.get("operation", ""))
        operation = self._operations.get(name.removeprefix("com.microsoft:"))
        if operation is None:
            raise NotSimulated(f"The operation {name!r} is not simulated.")
        if not isinstance(request.body, dict):
            raise BadRequest(f"The body of {name} must be a map.")
        return operation(request.body)

    @property
    def _queue(self) -> Queue:
        return self._broker.queue(self._address)

    def _renew_lock(self, body: dict[str, Any]) -> Answer:
        ends = self._queue.renew(_many(body, "lock-tokens", UUID))
        return {"expirations": Array(_TIMESTAMPS, ends)}

    def _peek(self, body: dict[str, Any]) -> Answer:
        count = min(_one(body, "message-count", int), _LARGEST_PEEK)
        messages = self._queue.peek(_one(body, "from-sequence-number", int), count)
        return {"messages": [{"message": self._composed(message)} for message in messages]} if messages else None

    def _schedule(self, body: dict[str, Any]) -> Answer:
        target = self._broker.target(self._address)
        drafts = []
        for entry in _many(body, "messages", dict):
            content = _one(entry, "message", bytes)
            if len(content) > self._largest:
                raise TooLarge(f"A message of {len(content)} bytes exceeds the limit of {self._largest} bytes.")
            try:
                draft = read_draft(content)
            except CodecError as error:
                raise BadRequest(f"A message to be scheduled is malformed: {error}") from error
            if draft.scheduled_for is None:
                raise BadRequest("A message to be scheduled does not say for when.")
            drafts.append(replace(draft, scheduled_for=max(draft.scheduled_for, self._broker.clock() + 1)))
        taken = [target.enqueue(draft) for draft in drafts]
        # A duplicate is dropped silently, as on a send; it still needs a number in the answer.
        numbers = [target.last_sequence if message is None else message.sequence for message in taken]
        return {"sequence-numbers": Array(_LONGS, numbers)}

    def _cancel(self, body: dict[str, Any]) -> Answer:
        self._broker.target(self._address).cancel(_many(body, "sequence-numbers", int))
        return {}

    def _receive(self, body: dict[str, Any]) -> Answer:
        lock = _one(body, "receiver-settle-mode", UInt) != 0
        messages = self._queue.receive_deferred(_many(body, "sequence-numbers", int), lock)
        entries = []
        for message in messages:
            entry: dict[str, Any] = {"message": self._composed(message)}
            if message.lock is not None:
                entry["lock-token"] = message.lock
            entries.append(entry)
        return {"messages": entries}

    def _settle(self, body: dict[str, Any]) -> Answer:
        queue, status = self._queue, _one(body, "disposition-status", str)
        reason, description = body.get("deadletter-reason"), body.get("deadletter-description")
        settle: dict[str, Callable[[UUID], None]] = {
            "completed": queue.complete,
            "abandoned": queue.abandon,
            "defered": queue.defer,
            "suspended": lambda token: queue.dead_letter(token, _text(reason), _text(description)),
        }
        if status not in settle:
            raise BadRequest(f"{status!r} is not a way to settle a message.")
        for token in _many(body, "lock-tokens", UUID):
            settle[status](token)
        return {}

    def _composed(self, message: Message) -> bytes:
        return compose(message, self._broker.clock())


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _one[T](body: dict[str, Any], name: str, kind: type[T]) -> T:
    value = body.get(name)
    if not isinstance(value, kind):
        raise BadRequest(f"{name} must be of type {kind.__name__}.")
    return value


def _many[T](body: dict[str, Any], name: str, kind: type[T]) -> list[T]:
    value = body.get(name)
    if not isinstance(value, list) or not all(isinstance(entry, kind) for entry in value):
        raise BadRequest(f"{name} must be a list of type {kind.__name__}.")
    return value
