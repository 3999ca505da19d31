"""The links on which clients receive messages of queues and responses to requests.

A link speaks through its session.
"""

from collections import deque
from collections.abc import Callable
from typing import Any
from uuid import UUID

from arcway_local.service_bus.links import Link, Speaker, rejected
from arcway_local.service_bus.model import LockLost, Message
from arcway_local.service_bus.queue import Queue
from arcway_local.service_bus.sections import compose, delivery_tag
from arcway_local.service_bus.values import Described


class OutgoingLink(Link):
    """Sends as long as the receiver has given credit."""

    def __init__(self, session: Speaker, handle: int, address: str) -> None:
        super().__init__(session, handle, address)
        self._delivery_count = 0
        self._credit = 0

    def on_flow(self, fields: list[Any]) -> None:
        """Called with a flow frame: new credit, or a request to use up or return what remains."""
        if fields[6] is not None:
            delivery_count = int(fields[5]) if fields[5] is not None else 0
            self._credit = max(0, min(delivery_count + int(fields[6]) - self._delivery_count, 0x7FFFFFFF))
            self._more()
        if fields[8]:
            self._drain()
        elif fields[9]:
            self.session.flow(self, self._delivery_count, self._credit, False)

    def _more(self) -> None:
        """There is new credit."""

    def _drain(self) -> None:
        self._delivery_count = (self._delivery_count + self._credit) & 0xFFFFFFFF
        self._credit = 0
        self.session.flow(self, self._delivery_count, 0, True)

    def _count(self) -> None:
        self._credit -= 1
        self._delivery_count = (self._delivery_count + 1) & 0xFFFFFFFF


class ExitLink(OutgoingLink):
    """Delivers a queue's messages to a receiver: a consumer of the queue."""

    def __init__(self, session: Speaker, handle: int, queue: Queue, locks: bool, wake: Callable[[Queue], None]) -> None:
        super().__init__(session, handle, queue.path)
        self.locks = locks
        self._queue = queue
        self._wake = wake
        queue.consumers.append(self)

    @property
    def ready(self) -> bool:
        """Whether there is credit, and room on the connection."""
        return self._credit > 0 and self.session.writable

    def deliver(self, message: Message) -> None:
        """Send a message."""
        self._count()
        tag = delivery_tag(message.lock) if message.lock is not None else message.key.to_bytes(16, "little")
        self.session.deliver(self, tag, compose(message, self.session.now()), message.lock)

    def settle(self, token: UUID, outcome: Described) -> Described:
        """Apply the receiver's outcome; returns the outcome to reply with."""
        try:
            _apply(self._queue, token, outcome)
        except LockLost as lost:
            return rejected(lost.condition, str(lost))
        # Dead-lettering is answered without the error, which would mean that it was refused.
        return Described(outcome.descriptor, [] if outcome.descriptor == 0x25 else outcome.value)

    def close(self) -> None:
        """Called when the link has ended."""
        self._queue.leave(self)

    def look_again(self) -> None:
        """Deliver messages if there is room now."""
        if self.ready:
            self._wake(self._queue)

    def _more(self) -> None:
        self.look_again()

    def _drain(self) -> None:
        # What can be delivered goes before what is left of the credit is returned.
        self._queue.pump()
        super()._drain()


class AnswerLink(OutgoingLink):
    """Sends responses to requests; they wait for credit, and need no settlement."""

    def __init__(self, session: Speaker, handle: int, address: str) -> None:
        super().__init__(session, handle, address)
        self._waiting: deque[bytes] = deque()

    def answer(self, content: bytes) -> None:
        """Send a response as soon as there is credit for it."""
        self._waiting.append(content)
        self._more()

    def _more(self) -> None:
        while self._waiting and self._credit > 0:
            self._count()
            self.session.deliver(self, self._delivery_count.to_bytes(4), self._waiting.popleft(), None)


def _apply(queue: Queue, token: UUID, outcome: Described) -> None:
    value = outcome.value if isinstance(outcome.value, list) else []
    if outcome.descriptor == 0x24:
        queue.complete(token)
    elif outcome.descriptor == 0x25:
        queue.dead_letter(token, *_reason(value))
    elif outcome.descriptor == 0x27 and len(value) > 1 and value[1]:
        queue.defer(token)
    elif outcome.descriptor == 0x27 and value and value[0]:
        queue.abandon(token)
    else:
        queue.release(token)


def _reason(rejection: list[Any]) -> tuple[str | None, str | None]:
    """Reason and description of dead-lettering: in the error's info, else the error itself."""
    problem = rejection[0] if rejection else None
    if not isinstance(problem, Described) or not isinstance(problem.value, list):
        return None, None
    condition, description, info = [*problem.value, None, None, None][:3]
    if isinstance(info, dict) and ("DeadLetterReason" in info or "DeadLetterErrorDescription" in info):
        condition, description = info.get("DeadLetterReason"), info.get("DeadLetterErrorDescription")
    elif condition == "com.microsoft:dead-letter":
        condition = description = None
    return (
        condition if isinstance(condition, str) else None,
        description if isinstance(description, str) else None,
    )
