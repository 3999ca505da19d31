"""Links in general, and the links on which clients send messages and requests.

A link speaks through its session.
"""

from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

from arcway_local.service_bus.codec import CodecError
from arcway_local.service_bus.faults import SEND_FAULTS, Fault, Faults
from arcway_local.service_bus.model import Refused, TooLarge
from arcway_local.service_bus.values import Described, Symbol, ULong

ACCEPTED = Described(ULong(0x24), [])
CREDIT = 1000


class Speaker(Protocol):
    """What a link needs of its session."""

    @property
    def writable(self) -> bool:
        """Whether deliveries can go out."""

    def deliver(self, link: "Link", tag: bytes, content: bytes, token: UUID | None) -> None:
        """Send a delivery; with a token, it is to be settled."""

    def settle_incoming(self, delivery: int, outcome: Described) -> None:
        """Report the outcome of a delivery to its sender."""

    def flow(self, link: "Link", delivery_count: int, credit: int, drain: bool) -> None:
        """Send the link's credit to the peer."""

    def drop(self, link: "Link", condition: str, description: str) -> None:
        """End the link with an error for the peer."""

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` after so many seconds, unless the connection has ended."""

    def now(self) -> int:
        """Milliseconds since 1970."""


def error(condition: str, description: str) -> Described:
    """An AMQP error. The third field is always present, because the SDK reads it unconditionally."""
    return Described(ULong(0x1D), [Symbol(condition), description, {}])


def rejected(condition: str, description: str) -> Described:
    """The outcome of a refused delivery."""
    return Described(ULong(0x25), [error(condition, description)])


class Link:
    """One link, by the handle that both ends use for it."""

    def __init__(self, session: Speaker, handle: int, address: str) -> None:
        self.session = session
        self.handle = handle
        self.address = address

    def on_flow(self, fields: list[Any]) -> None:
        """Called with a flow frame: the peer's credit, or a request for ours."""

    def close(self) -> None:
        """Called when the link has ended."""


class IncomingLink(Link):
    """Assembles deliveries from frames and passes each to a sink, which may raise Refused or CodecError."""

    def __init__(
        self, session: Speaker, handle: int, address: str, sink: Callable[[bytes, int], None], largest: int
    ) -> None:
        super().__init__(session, handle, address)
        self.largest = largest
        self._sink = sink
        self._parts: list[bytes] = []
        self._size = 0
        self._first: list[Any] | None = None
        self._delivery_count = 0
        self._credit = CREDIT
        self._open = True

    def grant(self, delivery_count: int) -> None:
        """Give the sender credit, counted from `delivery_count`."""
        self._delivery_count = delivery_count
        self.session.flow(self, self._delivery_count, self._credit, False)

    def on_flow(self, fields: list[Any]) -> None:
        """Called with a flow frame of the sender; one that asks for it gets our credit."""
        if fields[9]:
            self.session.flow(self, self._delivery_count, self._credit, False)

    def on_transfer(self, fields: list[Any], payload: bytes) -> None:
        """Called with a frame of a delivery."""
        if self._first is None:
            self._first = fields
        self._size += len(payload)
        if self._size <= self.largest:
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
        if self._open and self._credit <= CREDIT // 2:
            self._credit = CREDIT
            self.session.flow(self, self._delivery_count, self._credit, False)

    def close(self) -> None:
        """Called when the link has ended; it gets no more credit."""
        self._open = False

    def _take(self, delivery: int, settled: bool, form: int, content: bytes, size: int) -> None:
        outcome = ACCEPTED
        try:
            if size > self.largest:
                raise TooLarge(
                    f"The received message (delivery-id:{delivery}, size:{size} bytes) exceeds the limit "
                    f"({self.largest} bytes) currently allowed on the link."
                )
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
    """Accepts messages for a queue or topic; injected faults apply."""

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
