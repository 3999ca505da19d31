"""One client's connection: SASL, open and close, sessions by channel. An invalid frame ends the
connection of its sender, and nothing else.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from arcway_local.service_bus import framing
from arcway_local.service_bus.attaching import Attacher
from arcway_local.service_bus.broker import Broker
from arcway_local.service_bus.cbs import Grants
from arcway_local.service_bus.faults import Faults
from arcway_local.service_bus.framing import Frame, FrameError, FrameReader, Header, frame
from arcway_local.service_bus.links import error
from arcway_local.service_bus.session import WINDOW, Session
from arcway_local.service_bus.values import Array, UByte, UInt, UShort

_LARGEST_FRAME = 65536
_HIGHEST_CHANNEL = 255
_MECHANISMS = ("ANONYMOUS", "MSSBCBS")
_SYMBOLS = 0xB3
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class House:
    """What all connections share.

    `changed` is called when something may have to be delivered, kept or sent; `secrets` are the shared access keys by
    name, `largest_message` is in bytes.
    """

    broker: Broker
    faults: Faults
    secrets: dict[str, str]
    largest_message: int
    connections: "set[Connection]"
    changed: Callable[["Connection | None"], None]


class Connection(asyncio.Protocol):
    """The protocol of one socket."""

    def __init__(self, house: House) -> None:
        self.largest_frame = framing.SMALLEST_MAXIMUM
        self.writable = True
        self._house = house
        self._reader = FrameReader(_LARGEST_FRAME)
        self._out: list[bytes] = []
        self._sessions: dict[int, Session] = {}
        self._transport: asyncio.Transport | None = None
        self._timers: set[asyncio.TimerHandle] = set()
        self._opened = False
        self._closing = False
        grants = Grants(house.secrets)
        self._attacher = Attacher(house.broker, house.faults, grants, house.largest_message)

    @property
    def sessions(self) -> list[Session]:
        """The open sessions."""
        return list(self._sessions.values())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when a client has connected."""
        # asyncio gives TCP servers nothing else.
        self._transport = cast(asyncio.Transport, transport)
        if self._house.faults.take(("refuseConnection",)) is not None:
            self.abort()
        self._house.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the connection has ended; its links end with it."""
        self._house.connections.discard(self)
        self._transport = None
        for timer in self._timers:
            timer.cancel()
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        self._house.changed(None)

    def pause_writing(self) -> None:
        """Called when the send buffer is full: deliveries stop."""
        self.writable = False

    def resume_writing(self) -> None:
        """Called when the send buffer has room: deliveries resume."""
        self.writable = True
        for session in self._sessions.values():
            session.look_again()
        self._house.changed(None)

    def data_received(self, data: bytes) -> None:
        """Called with received bytes; handles each complete frame."""
        try:
            for item in self._reader.feed(data):
                if self._closing:
                    break
                if isinstance(item, Header):
                    self._on_header(item)
                else:
                    self._on_frame(item)
        except FrameError as problem:
            _LOGGER.info("A client sent what cannot be understood: %s.", problem)
            self._fail("amqp:framing-error" if not self._opened else "amqp:decode-error", str(problem))
        self._house.changed(self)

    def send(self, data: bytes) -> None:
        """Send bytes at the next `transmit`."""
        self._out.append(data)
        if len(self._out) == 1:
            self._house.changed(self)

    def transmit(self) -> None:
        """Send what `send` collected. Call it after the changes that it reports are stored."""
        if self._transport is None:
            return
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()
        if self._closing:
            self._transport.close()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` after so many seconds, unless the connection has ended."""

        def act() -> None:
            self._timers.discard(timer)
            action()

        timer = asyncio.get_running_loop().call_later(seconds, act)
        self._timers.add(timer)

    def now(self) -> int:
        """Milliseconds since 1970."""
        return self._house.broker.clock()

    def abort(self) -> None:
        """End the connection without a close frame."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def _on_header(self, header: Header) -> None:
        if self._opened:
            raise FrameError("a protocol header in the middle of a connection")
        self.send(framing.header(header.protocol))
        if header.protocol == framing.SASL:
            offered = Array(_SYMBOLS, list(_MECHANISMS))
            self.send(frame(0, framing.SASL_MECHANISMS, [offered]))

    def _on_frame(self, received: Frame) -> None:
        if received.kind == framing.SASL_INIT:
            is_supported = received.fields[0] in _MECHANISMS
            self.send(frame(0, framing.SASL_OUTCOME, [UByte(0 if is_supported else 1)]))
            self._closing = not is_supported
        elif received.kind == framing.OPEN:
            self._on_open(received.fields)
        elif not self._opened:
            raise FrameError(f"performative {received.kind:#04x} before open")
        elif received.kind == framing.BEGIN:
            self._on_begin(received.channel, received.fields)
        elif received.kind == framing.END:
            self._session(received.channel).close()
            del self._sessions[received.channel]
            self.send(frame(received.channel, framing.END, []))
        elif received.kind == framing.CLOSE:
            self.send(frame(0, framing.CLOSE, []))
            self._closing = True
        else:
            self._in_session(self._session(received.channel), received)

    def _in_session(self, session: Session, frame: Frame) -> None:
        if frame.kind == framing.TRANSFER:
            session.on_transfer(frame.fields, frame.payload)
        elif frame.kind == framing.DISPOSITION:
            session.on_disposition(frame.fields)
        elif frame.kind == framing.FLOW:
            session.on_flow(frame.fields)
        elif frame.kind == framing.ATTACH:
            session.on_attach(frame.fields)
        else:
            session.on_detach(frame.fields)

    def _on_open(self, fields: list[Any]) -> None:
        if self._opened:
            raise FrameError("open for the second time")
        requested_size = _LARGEST_FRAME if fields[2] is None else int(fields[2])
        if requested_size < framing.SMALLEST_MAXIMUM:
            raise FrameError(f"a largest frame of {requested_size} bytes")
        self._opened = True
        self.largest_frame = min(requested_size, _LARGEST_FRAME)
        opened = ["arcway-service-bus", None, UInt(_LARGEST_FRAME), UShort(_HIGHEST_CHANNEL)]
        self.send(frame(0, framing.OPEN, opened))
        if fields[4]:
            # Half of the time after which the client would give us up, in seconds.
            self._keep_alive(max(int(fields[4]) / 2000, 0.1))

    def _keep_alive(self, seconds: float) -> None:
        def beat() -> None:
            self.send(framing.EMPTY_FRAME)
            self._keep_alive(seconds)

        self.later(seconds, beat)

    def _on_begin(self, channel: int, fields: list[Any]) -> None:
        if channel in self._sessions or channel > _HIGHEST_CHANNEL:
            raise FrameError(f"begin on channel {channel}")
        self._sessions[channel] = Session(self, channel, fields, self._attacher, self._house.largest_message)
        begun = [UShort(channel), UInt(0), UInt(WINDOW), UInt(WINDOW), UInt(0xFFFF)]
        self.send(frame(channel, framing.BEGIN, begun))

    def _session(self, channel: int) -> Session:
        session = self._sessions.get(channel)
        if session is None:
            raise FrameError(f"channel {channel} has not begun")
        return session

    def _fail(self, condition: str, description: str) -> None:
        self._closing = True
        if self._opened:
            self.send(frame(0, framing.CLOSE, [error(condition, description)]))
