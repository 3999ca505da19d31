"""An AMQP session: its links by handle, transfer windows, and the deliveries that wait for settlement.

It handles frames as performatives. Our handles are the ones that the peer chose, which the protocol permits.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

from arcway_local.service_bus.attaching import Attacher, Attachment
from arcway_local.service_bus.framing import ATTACH, DETACH, DISPOSITION, FLOW, TRANSFER, FrameError, frame
from arcway_local.service_bus.links import IncomingLink, Link, error
from arcway_local.service_bus.model import Refused
from arcway_local.service_bus.outgoing import AnswerLink, ExitLink
from arcway_local.service_bus.values import Described, UInt, ULong

WINDOW = 5000
_OVERHEAD = 128
"""More than the header and the fields of a transfer frame take."""


class Peer(Protocol):
    """What a session needs of its connection."""

    largest_frame: int
    writable: bool

    def send(self, data: bytes) -> None:
        """Send bytes after the changes that they report are stored."""

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` after so many seconds, unless the connection has ended."""

    def now(self) -> int:
        """Milliseconds since 1970."""


class Session:
    """One session. Raises FrameError for frames that are invalid in its state."""

    def __init__(self, peer: Peer, channel: int, begin: list[Any], attacher: Attacher, largest_message: int) -> None:
        self._peer = peer
        self._channel = channel
        self._attacher = attacher
        self._largest_message = largest_message
        self._links: dict[int, Link] = {}
        self._dropped: set[int] = set()
        self._next_incoming = int(begin[1])
        self._received = 0
        self._next_outgoing = 0
        self._next_delivery = 0
        self._room = int(begin[2])
        self._waiting: deque[bytes] = deque()
        self._unsettled: dict[int, tuple[ExitLink, UUID]] = {}

    @property
    def links(self) -> list[Link]:
        """The attached links."""
        return list(self._links.values())

    @property
    def writable(self) -> bool:
        """Whether deliveries can go out."""
        return self._peer.writable and not self._waiting and self._room > 0

    def now(self) -> int:
        """Milliseconds since 1970."""
        return self._peer.now()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` after so many seconds, unless the connection has ended."""
        self._peer.later(seconds, action)

    def on_attach(self, fields: list[Any]) -> None:
        """Called with an attach frame: opens a link."""
        attachment = Attachment.read(fields)
        if attachment.handle in self._links:
            raise FrameError(f"handle {attachment.handle} is in use")
        try:
            link = self._attacher.attach(self, attachment, self._answers)
        except Refused as refused:
            # Null ends tell the peer that the link will not live; the reason follows in the detach.
            self._answer_attach(fields, None, None, self._largest_message)
            self._dropped.add(attachment.handle)
            self._send(DETACH, [UInt(attachment.handle), True, error(refused.condition, str(refused))])
            return
        self._links[attachment.handle] = link
        self._dropped.discard(attachment.handle)
        largest = link.largest if isinstance(link, IncomingLink) else self._largest_message
        self._answer_attach(fields, attachment.source, attachment.target, largest)
        if isinstance(link, IncomingLink):
            link.grant(int(fields[9] or 0))

    def _answer_attach(
        self, fields: list[Any], source: Described | None, target: Described | None, largest: int
    ) -> None:
        peer_receives = bool(fields[2])
        self._send(
            ATTACH,
            [
                *(fields[0], fields[1], not peer_receives, fields[3], fields[4], source, target, None, None),
                *(UInt(0) if peer_receives else None, ULong(largest)),
            ],
        )

    def _answers(self, address: str) -> AnswerLink | None:
        for link in self._links.values():
            if isinstance(link, AnswerLink) and link.address == address:
                return link
        return None

    def on_flow(self, fields: list[Any]) -> None:
        """Called with a flow frame: the peer's window and, with a handle, a link's credit."""
        expected = int(fields[0]) if fields[0] is not None else 0
        self._room = max(0, min(expected + int(fields[1]) - self._next_outgoing, 0x7FFFFFFF))
        while self._waiting and self._room > 0:
            self._transfer(self._waiting.popleft())
        if fields[4] is not None and (named := self._link(int(fields[4]))) is not None:
            named.on_flow(fields)
        self.look_again()

    def look_again(self) -> None:
        """Deliver messages if there is room now."""
        for link in self._links.values():
            if isinstance(link, ExitLink):
                link.look_again()

    def on_transfer(self, fields: list[Any], payload: bytes) -> None:
        """Called with a transfer frame: a message, or a part of one."""
        self._next_incoming = (self._next_incoming + 1) & 0xFFFFFFFF
        self._received += 1
        link = self._link(int(fields[0]))
        if isinstance(link, IncomingLink):
            link.on_transfer(fields, payload)
        elif link is not None:
            raise FrameError("a transfer to a link that sends")
        if self._received >= WINDOW // 2:
            self._received = 0
            self._send(FLOW, self._window())

    def on_disposition(self, fields: list[Any]) -> None:
        """Called with a disposition frame: settles deliveries with the peer's outcome."""
        by_receiver, first, last, settled, outcome = bool(fields[0]), int(fields[1]), fields[2], fields[3], fields[4]
        if not by_receiver:
            return
        last = first if last is None else int(last)
        # Numbers in frames are not believed: what is unsettled is looked through rather than a range.
        deliveries = (
            (first,)
            if first == last
            else tuple(delivery_id for delivery_id in self._unsettled if first <= delivery_id <= last)
        )
        for delivery in deliveries:
            unsettled = self._unsettled.get(delivery)
            if unsettled is None or (outcome is None and not settled):
                continue
            del self._unsettled[delivery]
            if outcome is None:
                continue
            answer = unsettled[0].settle(unsettled[1], outcome)
            if not settled:
                self._send(DISPOSITION, [False, UInt(delivery), None, True, answer])

    def on_detach(self, fields: list[Any]) -> None:
        """Called with a detach frame: closes a link."""
        handle = int(fields[0])
        if (link := self._link(handle)) is None:
            self._dropped.discard(handle)
            return
        self._forget(link)
        self._send(DETACH, [UInt(handle), True])

    def drop(self, link: Link, condition: str, description: str) -> None:
        """End the link with an error for the peer."""
        self._forget(link)
        self._dropped.add(link.handle)
        self._send(DETACH, [UInt(link.handle), True, error(condition, description)])

    def close(self) -> None:
        """Called when the session has ended; ends its links."""
        for link in self.links:
            self._forget(link)

    def flow(self, link: Link, delivery_count: int, credit: int, drain: bool) -> None:
        """Send the link's credit to the peer."""
        fields = [*self._window(), UInt(link.handle), UInt(delivery_count), UInt(credit), None, drain or None]
        self._send(FLOW, fields)

    def settle_incoming(self, delivery: int, outcome: Described) -> None:
        """Report the outcome of a delivery to its sender."""
        self._send(DISPOSITION, [True, UInt(delivery), None, True, outcome])

    def deliver(self, link: Link, tag: bytes, content: bytes, token: UUID | None) -> None:
        """Send a delivery in as many frames as it needs; with a token, it is to be settled."""
        delivery = self._next_delivery
        self._next_delivery = (delivery + 1) & 0xFFFFFFFF
        if token is not None and isinstance(link, ExitLink):
            self._unsettled[delivery] = (link, token)
        size = self._peer.largest_frame - _OVERHEAD
        for start in range(0, len(content), size):
            has_more = start + size < len(content)
            fields = [UInt(link.handle), UInt(delivery), tag, UInt(0), token is None, has_more]
            data = frame(self._channel, TRANSFER, fields, content[start : start + size])
            if self._waiting or self._room <= 0:
                self._waiting.append(data)
            else:
                self._transfer(data)

    def _transfer(self, data: bytes) -> None:
        self._room -= 1
        self._next_outgoing = (self._next_outgoing + 1) & 0xFFFFFFFF
        self._peer.send(data)

    def _window(self) -> list[Any]:
        return [UInt(self._next_incoming), UInt(WINDOW), UInt(self._next_outgoing), UInt(WINDOW)]

    def _send(self, kind: int, fields: list[Any]) -> None:
        self._peer.send(frame(self._channel, kind, fields))

    def _link(self, handle: int) -> Link | None:
        """The link; None for one that was dropped while the peer was speaking."""
        link = self._links.get(handle)
        if link is None and handle not in self._dropped:
            raise FrameError(f"handle {handle} is not attached")
        return link

    def _forget(self, link: Link) -> None:
        del self._links[link.handle]
        link.close()
        self._unsettled = {key: value for key, value in self._unsettled.items() if value[0] is not link}
