"""Frames: the stream of bytes cut into protocol headers and performatives, and performatives made into bytes
(part 2 of the OASIS standard).

Field types are checked here, so that callers can rely on them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from arcway_local.service_bus.codec import CodecError, decode, described, encode_list
from arcway_local.service_bus.values import Described, Symbol, UByte, UInt, ULong, UShort

OPEN: Final = 0x10
BEGIN: Final = 0x11
ATTACH: Final = 0x12
FLOW: Final = 0x13
TRANSFER: Final = 0x14
DISPOSITION: Final = 0x15
DETACH: Final = 0x16
END: Final = 0x17
CLOSE: Final = 0x18
SASL_MECHANISMS: Final = 0x40
SASL_INIT: Final = 0x41
SASL_OUTCOME: Final = 0x44

AMQP: Final = 0
SASL: Final = 3
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"
SMALLEST_MAXIMUM = 512

type _Field = tuple[type | tuple[type, ...], bool]
_MANY = (list, Symbol)
# Of each field: its type, and whether it must be there.
_LAYOUTS: dict[int, tuple[_Field, ...]] = {
    OPEN: (
        *((str, True), (str, False), (UInt, False), (UShort, False), (UInt, False)),
        *((_MANY, False), (_MANY, False), (_MANY, False), (_MANY, False), (dict, False)),
    ),
    BEGIN: (
        *((UShort, False), (UInt, True), (UInt, True), (UInt, True), (UInt, False)),
        *((_MANY, False), (_MANY, False), (dict, False)),
    ),
    ATTACH: (
        *((str, True), (UInt, True), (bool, True), (UByte, False), (UByte, False), (Described, False)),
        *((Described, False), (dict, False), (bool, False), (UInt, False), (ULong, False)),
        *((_MANY, False), (_MANY, False), (dict, False)),
    ),
    FLOW: (
        *((UInt, False), (UInt, True), (UInt, True), (UInt, True), (UInt, False), (UInt, False)),
        *((UInt, False), (UInt, False), (bool, False), (bool, False), (dict, False)),
    ),
    TRANSFER: (
        *((UInt, True), (UInt, False), (bytes, False), (UInt, False), (bool, False), (bool, False)),
        *((UByte, False), (Described, False), (bool, False), (bool, False), (bool, False)),
    ),
    DISPOSITION: ((bool, True), (UInt, True), (UInt, False), (bool, False), (Described, False), (bool, False)),
    DETACH: ((UInt, True), (bool, False), (Described, False)),
    END: ((Described, False),),
    CLOSE: ((Described, False),),
    SASL_INIT: ((Symbol, True), (bytes, False), (str, False)),
}


class FrameError(ValueError):
    """The bytes are not a frame; the stream cannot be read further."""


@dataclass(frozen=True, slots=True)
class Header:
    """A protocol header: which protocol the peer wants to speak."""

    protocol: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A performative with all of its fields, absent ones as None, and the bytes after it."""

    channel: int
    kind: int
    fields: list[Any]
    payload: bytes


class FrameReader:
    """Cuts a stream of bytes, however it arrives, into headers and frames."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Header | Frame]:
        """Add received bytes and yield what is complete; empty frames are left out. Raises FrameError."""
        self._buffer += data
        position = 0
        try:
            while len(self._buffer) - position >= 8:
                if self._buffer[position : position + 4] == b"AMQP":
                    size = 8
                    item: Header | Frame | None = _header(bytes(self._buffer[position : position + 8]))
                else:
                    (size,) = struct.unpack_from(">I", self._buffer, position)
                    if not 8 <= size <= self._largest:
                        raise FrameError(f"a frame of {size} bytes")
                    if len(self._buffer) - position < size:
                        break
                    item = _frame(bytes(self._buffer[position : position + size]))
                position += size
                if item is not None:
                    yield item
        finally:
            del self._buffer[:position]


def _header(data: bytes) -> Header:
    if data[5:] != b"\x01\x00\x00" or data[4] not in (AMQP, SASL):
        raise FrameError(f"protocol {data[4]}, version {data[5]}.{data[6]}.{data[7]}")
    return Header(data[4])


def _frame(data: bytes) -> Frame | None:
    offset, kind, channel = struct.unpack_from(">BBH", data, 4)
    start = 4 * offset
    if not 8 <= start <= len(data) or kind not in (0, 1):
        raise FrameError(f"a frame of type {kind} with its body at byte {start}")
    if start == len(data):
        return None
    try:
        body, end = decode(data, start)
    except CodecError as error:
        raise FrameError(str(error)) from error
    if not isinstance(body, Described) or not isinstance(body.descriptor, ULong) or not isinstance(body.value, list):
        raise FrameError("a frame without a performative")
    # A frame of type 1 is SASL's.
    if (body.descriptor >= SASL_MECHANISMS) != bool(kind):
        raise FrameError(f"performative {body.descriptor:#04x} in a frame of type {kind}")
    return Frame(0 if kind else channel, int(body.descriptor), _fields(body.descriptor, body.value), data[end:])


def _fields(kind: int, values: list[Any]) -> list[Any]:
    layout = _LAYOUTS.get(kind)
    if layout is None:
        raise FrameError(f"no performative {kind:#04x}")
    if len(values) > len(layout):
        raise FrameError(f"performative {kind:#04x} with {len(values)} fields")
    values.extend([None] * (len(layout) - len(values)))
    for value, (expected, required) in zip(values, layout, strict=True):
        if (required or value is not None) and not isinstance(value, expected):
            raise FrameError(f"performative {kind:#04x} with a field of type {type(value).__name__}")
    return values


def header(protocol: int) -> bytes:
    """The protocol header for AMQP or SASL."""
    return struct.pack(">4sBBBB", b"AMQP", protocol, 1, 0, 0)


def frame(channel: int, kind: int, fields: list[Any], payload: bytes = b"") -> bytes:
    """The bytes of a frame."""
    body = described(kind, encode_list(fields)) + payload
    return struct.pack(">IBBH", len(body) + 8, 2, 1 if kind >= SASL_MECHANISMS else 0, channel) + body
