"""Links: messages in from senders, messages out to receivers, requests in and answers out.

It knows what each end of a link has to do, and must not know frames' bytes or sockets. A link speaks through its
session.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

from arcway.local.service_bus.codec import CodecError
from arcway.local.service_bus.faults import SEND_FAULTS, Fault, Faults
from arcway.local.service_bus.model import LockLost, Message, Refused, TooLarge
from arcway.local.service_bus.queue import Queue
from arcway.local.service_bus.sections import compose, delivery_tag
from arcway.local.service_bus.values import Described, Symbol, ULong

ACCEPTED = Described(ULong(0x24), [])
CREDIT = 1000


class Speaker(Protocol):
    """What a link needs of its session."""

    @property
    def writable(self) -> bool:
        """Whether deliveries can go out."""

    def deliver(self, link: "OutgoingLink", tag: bytes, content: bytes, token: UUID | None) -> None:
        """Send a delivery; with a token, it is to be settled."""

    def settle_incoming(self, delivery: int, outcome: Described) -> None:
        """Tell the sender what became of its delivery."""

    def flow(self, link: "Link", delivery_count: int, credit: int, drain: bool) -> None:
        """Tell the peer the link's credit."""

    def drop(self, link: "Link", condition: str, description: str) -> None:
        """End the link, which is an error for the peer."""

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after a while, unless the connection is gone by then."""

    def now(self) -> int:
        """Milliseconds since 1970."""


def error(condition: str, description: str) -> Described:
    """An AMQP error. The SDK reads the third field of an error without looking whether it is there."""
    return Described(ULong(0x1D), [Symbol(condition), description, {}])


def rejected(condition: str, description: str) -> Described:
    """The outcome for what was refused."""
    return Described(ULong(0x25), [error(condition, description)])


class Link:
    """One link, by the handle that both ends use for it."""

    def __init__(self, session: Speaker, handle: int, address: str) -> None:
        self.session = session
        self.handle = handle
        self.address = address

    def on_flow(self, fields: list[Any]) -> None:
        """The peer told its credit or asked for ours."""

    def close(self) -> None:
        """The link is gone."""


class IncomingLink(Link):
    """Takes deliveries apart from frames and gives each to a sink, which may raise Refused or CodecError."""

    def __init__(
        self, session: Speaker, handle: int, address: str, sink: Callable[[bytes, int], None], largest: int
    ) -> None:
        super().__init__(session, handle, address)
        self._sink = sink
        self._largest = largest
        self._parts: list[bytes] = []
        self._size = 0
        self._first: list[Any] | None = None
        self._delivery_count = 0
        self._credit = CREDIT

    def grant(self, delivery_count: int) -> None:
        """Let the sender send, from its first count on."""
        self._delivery_count = delivery_count
        self.session.flow(self, self._delivery_count, self._credit, False)

    def on_flow(self, fields: list[Any]) -> None:
        """Senders tell their count; whoever wants an answer gets our credit."""
        if fields[9]:
            self.session.flow(self, self._delivery_count, self._credit, False)

    def on_transfer(self, fields: list[Any], payload: bytes) -> None:
        """A frame of a delivery has come."""
        if self._first is None:
            self._first = fields
        self._size += len(payload)
        if self._size <= self._largest:
            self._parts.append(payload)
        else:
            self._parts.clear()
        if fields[5] and not fields[10]:
            return
        first, content, size = self._first, b"".join(self._parts), self._size
        self._first, self._size = None, 0
        self._parts.clear()
        self._delivery_count = (self._delivery_count + 1) & 0xFFFFFFFF
        self._credit -= 1
        if not fields[10]:
            self._take(int(first[1] or 0), bool(first[4] or fields[4]), int(first[3] or 0), content, size)
        if self._credit <= CREDIT // 2:
            self._credit = CREDIT
            self.session.flow(self, self._delivery_count, self._credit, False)

    def _take(self, delivery: int, settled: bool, form: int, content: bytes, size: int) -> None:
        outcome = ACCEPTED
        try:
            if size > self._largest:
                raise TooLarge(f"The message has {size} bytes; the most are {self._largest}.")
            self._sink(content, form)
        except CodecError as problem:
            outcome = rejected("amqp:decode-error", str(problem))
        except Refused as problem:
            outcome = rejected(problem.condition, str(problem))
        if not settled:
            self._acknowledge(delivery, outcome)

    def _acknowledge(self, delivery: int, outcome: Described) -> None:
        self.session.settle_incoming(delivery, outcome)


class EntranceLink(IncomingLink):
    """Takes messages for a queue or topic, and suffers the faults that were ordered for it."""

    def __init__(
        self,
        session: Speaker,
        handle: int,
        address: str,
        sink: Callable[[bytes, int], None],
        largest: int,
        faults: Faults,
    ) -> None:
        super().__init__(session, handle, address, sink, largest)
        self._faults = faults
        self._fault: Fault | None = None

    def _take(self, delivery: int, settled: bool, form: int, content: bytes, size: int) -> None:
        fault = self._fault = self._faults.take(SEND_FAULTS, self.address)
        if fault is not None and fault.kind == "dropLink":
            self.session.drop(self, fault.condition, fault.description)
        elif fault is not None and fault.kind == "rejectSend":
            self._acknowledge(delivery, rejected(fault.condition, fault.description))
        else:
            super()._take(delivery, settled, form, content, size)

    def _acknowledge(self, delivery: int, outcome: Described) -> None:
        if self._fault is not None and self._fault.kind == "delaySend":
            self.session.later(self._fault.seconds, lambda: self.session.settle_incoming(delivery, outcome))
        else:
            super()._acknowledge(delivery, outcome)


class OutgoingLink(Link):
    """Sends while the receiver has given credit."""

    def __init__(self, session: Speaker, handle: int, address: str) -> None:
        super().__init__(session, handle, address)
        self._delivery_count = 0
        self._credit = 0

    def on_flow(self, fields: list[Any]) -> None:
        """The receiver gives credit, or wants what is left of it spent or returned."""
        if fields[6] is not None:
            seen = int(fields[5]) if fields[5] is not None else 0
            self._credit = max(0, min(seen + int(fields[6]) - self._delivery_count, 0x7FFFFFFF))
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
        """Apply the receiver's outcome; what it is to be answered."""
        try:
            _apply(self._queue, token, outcome)
        except LockLost as lost:
            return rejected(lost.condition, str(lost))
        # Dead-lettering is answered without the error, which would mean that it was refused.
        return Described(outcome.descriptor, [] if outcome.descriptor == 0x25 else outcome.value)

    def close(self) -> None:
        """The receiver is gone."""
        self._queue.leave(self)

    def look_again(self) -> None:
        """There may be room for a message."""
        if self.ready:
            self._wake(self._queue)

    def _more(self) -> None:
        self.look_again()

    def _drain(self) -> None:
        # What can be delivered goes before what is left of the credit is returned.
        self._queue.pump()
        super()._drain()


class AnswerLink(OutgoingLink):
    """Sends the answers to requests; they wait for credit, and need no settlement."""

    def __init__(self, session: Speaker, handle: int, address: str) -> None:
        super().__init__(session, handle, address)
        self._waiting: deque[bytes] = deque()

    def answer(self, content: bytes) -> None:
        """Send an answer, as soon as the receiver wants it."""
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
