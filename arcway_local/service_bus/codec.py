"""AMQP 1.0's type system in bytes: encode, decode, skip (part 1 of the OASIS standard).

Sizes and counts from the network are checked against the bytes that have arrived before they are used.
"""

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from arcway_local.service_bus.values import (
    Array,
    Byte,
    Described,
    Float,
    Int,
    Opaque,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

_DEEPEST = 32
_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}


class CodecError(ValueError):
    """The bytes are not an AMQP value."""


_FIXED: dict[int, tuple[struct.Struct, Callable[[Any], Any]]] = {
    0x50: (struct.Struct(">B"), UByte),
    0x51: (struct.Struct(">b"), Byte),
    0x52: (struct.Struct(">B"), UInt),
    0x53: (struct.Struct(">B"), ULong),
    0x54: (struct.Struct(">b"), Int),
    0x55: (struct.Struct(">b"), int),
    0x56: (struct.Struct(">B"), bool),
    0x60: (struct.Struct(">H"), UShort),
    0x61: (struct.Struct(">h"), Short),
    0x70: (struct.Struct(">I"), UInt),
    0x71: (struct.Struct(">i"), Int),
    0x72: (struct.Struct(">f"), Float),
    0x80: (struct.Struct(">Q"), ULong),
    0x81: (struct.Struct(">q"), int),
    0x82: (struct.Struct(">d"), float),
    0x83: (struct.Struct(">q"), Timestamp),
    0x98: (struct.Struct(">16s"), lambda raw: UUID(bytes=raw)),
}
_EMPTY: dict[int, Callable[[], Any]] = {
    0x40: lambda: None,
    0x41: lambda: True,
    0x42: lambda: False,
    0x43: lambda: UInt(0),
    0x44: lambda: ULong(0),
    0x45: list,
}
_TEXTS: dict[int, Callable[[bytes], Any]] = {
    0x0: bytes,
    0x1: lambda raw: raw.decode(),
    0x3: lambda raw: Symbol(raw.decode("ascii")),
}


def decode(data: bytes, position: int = 0) -> tuple[Any, int]:
    """The value that starts at a position, and the position after it. Raises CodecError."""
    try:
        return _value(data, position, _DEEPEST)
    except (struct.error, IndexError, UnicodeDecodeError, TypeError) as error:
        # A TypeError is a map's key that cannot be one: a list or a map.
        raise CodecError(f"no AMQP value at byte {position}: {error}") from error


def skip(data: bytes, position: int) -> int:
    """The position after the value that starts at a position, without decoding it. Raises CodecError."""
    try:
        for _ in range(_DEEPEST):
            code = data[position]
            position += 1
            if code:
                end = position + _length(data, position, code)
                if end > len(data):
                    raise CodecError(f"a value ends after the last byte, at {end}")
                return end
            position = skip(data, position)
    except (struct.error, IndexError) as error:
        raise CodecError(f"a value is cut off at byte {position}") from error
    raise CodecError("descriptors are nested too deeply")


def _length(data: bytes, position: int, code: int) -> int:
    kind = code >> 4
    if kind in _WIDTHS:
        return _WIDTHS[kind]
    if kind in (0xA, 0xC, 0xE):
        return 1 + data[position]
    if kind in (0xB, 0xD, 0xF):
        (size,) = struct.unpack_from(">I", data, position)
        return 4 + int(size)
    raise CodecError(f"no type has the code {code:#04x}")


def _value(data: bytes, position: int, depth: int) -> tuple[Any, int]:
    code = data[position]
    if code:
        return _plain(data, position + 1, code, depth)
    if not depth:
        raise CodecError("values are nested too deeply")
    descriptor, position = _value(data, position + 1, depth - 1)
    value, position = _value(data, position, depth - 1)
    return Described(descriptor, value), position


def _plain(data: bytes, position: int, code: int, depth: int) -> tuple[Any, int]:
    if (fixed := _FIXED.get(code)) is not None:
        layout, make = fixed
        return make(layout.unpack_from(data, position)[0]), position + layout.size
    if (empty := _EMPTY.get(code)) is not None:
        return empty(), position
    end = position + _length(data, position, code)
    if end > len(data):
        raise CodecError(f"a value ends after the last byte, at {end}")
    kind = code >> 4
    if kind in (0xA, 0xB):
        value = _TEXTS.get(code & 0xF)
        if value is None:
            raise CodecError(f"no type has the code {code:#04x}")
        return value(data[position + (1 if kind == 0xA else 4) : end]), end
    if kind in _WIDTHS:
        return Opaque(code, data[position:end]), end
    if not depth:
        raise CodecError("values are nested too deeply")
    return _compound(data, position, end, code, depth - 1), end


def _compound(data: bytes, position: int, end: int, code: int, depth: int) -> Any:
    wide = bool(code >> 4 & 1)
    (count,) = struct.unpack_from(">I" if wide else ">B", data, position + (4 if wide else 1))
    position += 8 if wide else 2
    # Each element of a list or a map takes a byte at least; an array's may take none.
    if count > end - position and (code not in (0xE0, 0xF0) or count > 0xFFFF):
        raise CodecError(f"{count} elements in {end - position} bytes")
    if code in (0xE0, 0xF0):
        return _array(data, position, end, count, depth)
    items: list[Any] = []
    for _ in range(count):
        item, position = _value(data, position, depth)
        items.append(item)
    if position != end:
        raise CodecError("a compound value has another size than it says")
    if code in (0xC0, 0xD0):
        return items
    if code not in (0xC1, 0xD1) or count % 2:
        raise CodecError(f"no map, and no type has the code {code:#04x}")
    return dict(zip(items[::2], items[1::2], strict=True))


def _array(data: bytes, position: int, end: int, count: int, depth: int) -> Array:
    code = data[position]
    if not code or code >> 4 >= 0xC:
        raise CodecError("arrays of described or compound values are not supported")
    position += 1
    items = []
    for _ in range(count):
        item, position = _plain(data, position, code, depth)
        items.append(item)
    if position != end:
        raise CodecError("an array has another size than it says")
    return Array(code, items)


def encode(value: Any) -> bytes:
    """The value's bytes. A plain int is a long, a plain float a double. Raises TypeError, struct.error."""
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise TypeError(f"AMQP has no type for {type(value).__name__}")
    return encoder(value)


def described(code: int, value: bytes) -> bytes:
    """An encoded value under a numeric descriptor below 256."""
    return bytes((0x00, 0x53, code)) + value


def encode_list(items: list[Any]) -> bytes:
    """A list of values; trailing nulls are left out, which every AMQP composite allows."""
    last = len(items)
    while last and items[last - 1] is None:
        last -= 1
    return _sized(0xC0, 0xD0, last, b"".join([encode(item) for item in items[:last]])) if last else b"\x45"


def _sized(small: int, large: int, count: int, body: bytes) -> bytes:
    if len(body) < 255 and count < 256:
        return struct.pack(">BBB", small, len(body) + 1, count) + body
    return struct.pack(">BII", large, len(body) + 4, count) + body


def _variable(small: int, large: int, raw: bytes) -> bytes:
    if len(raw) < 256:
        return struct.pack(">BB", small, len(raw)) + raw
    return struct.pack(">BI", large, len(raw)) + raw


def _plain_list(items: list[Any]) -> bytes:
    return _sized(0xC0, 0xD0, len(items), b"".join([encode(item) for item in items])) if items else b"\x45"


def _map(items: dict[Any, Any]) -> bytes:
    body = b"".join([encode(key) + encode(value) for key, value in items.items()])
    return _sized(0xC1, 0xD1, 2 * len(items), body)


def _encode_array(array: Array) -> bytes:
    body = bytes((array.code,)) + b"".join([_element(array.code, item) for item in array])
    return struct.pack(">BII", 0xF0, len(body) + 4, len(array)) + body


def _element(code: int, item: Any) -> bytes:
    if (fixed := _FIXED.get(code)) is not None:
        return fixed[0].pack(item.bytes if isinstance(item, UUID) else item)
    if code in (0xB0, 0xB1, 0xB3):
        raw = item if isinstance(item, bytes) else str(item).encode()
        return struct.pack(">I", len(raw)) + raw
    if code in (0xA0, 0xA1, 0xA3):
        raw = item if isinstance(item, bytes) else str(item).encode()
        return struct.pack(">B", len(raw)) + raw
    return b"" if code in _EMPTY else encode(item)[1:]


def _uint(value: int) -> bytes:
    return struct.pack(">BB", 0x52, value) if 0 <= value < 256 else struct.pack(">BI", 0x70, value)


def _ulong(value: int) -> bytes:
    return struct.pack(">BB", 0x53, value) if 0 <= value < 256 else struct.pack(">BQ", 0x80, value)


def _int(value: int) -> bytes:
    return struct.pack(">Bb", 0x54, value) if -128 <= value < 128 else struct.pack(">Bi", 0x71, value)


def _long(value: int) -> bytes:
    return struct.pack(">Bb", 0x55, value) if -128 <= value < 128 else struct.pack(">Bq", 0x81, value)


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    UByte: lambda value: struct.pack(">BB", 0x50, value),
    int: _long,
    UInt: _uint,
    ULong: _ulong,
    Int: _int,
    UShort: lambda value: struct.pack(">BH", 0x60, value),
    Byte: lambda value: struct.pack(">Bb", 0x51, value),
    Short: lambda value: struct.pack(">Bh", 0x61, value),
    Timestamp: lambda value: struct.pack(">Bq", 0x83, value),
    Float: lambda value: struct.pack(">Bf", 0x72, value),
    float: lambda value: struct.pack(">Bd", 0x82, value),
    UUID: lambda value: b"\x98" + value.bytes,
    bytes: lambda value: _variable(0xA0, 0xB0, value),
    str: lambda value: _variable(0xA1, 0xB1, value.encode()),
    Symbol: lambda value: _variable(0xA3, 0xB3, value.encode("ascii")),
    list: _plain_list,
    dict: _map,
    Array: _encode_array,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
    Opaque: lambda value: bytes((value.code,)) + value.raw,
}
