"""AMQP 1.0's own types, where Python's are too few: what was decoded is encoded again as the same type.

Plain data.
"""

from dataclasses import dataclass
from typing import Any


class Symbol(str):
    """A symbol: equal to the string with the same characters."""

    __slots__ = ()


class UByte(int):
    """An unsigned byte."""


class UShort(int):
    """An unsigned 16-bit number."""


class UInt(int):
    """An unsigned 32-bit number."""


class ULong(int):
    """An unsigned 64-bit number."""


class Byte(int):
    """A signed byte."""


class Short(int):
    """A signed 16-bit number."""


class Int(int):
    """A signed 32-bit number. A plain `int` is a long, which has 64 bits."""


class Timestamp(int):
    """Milliseconds since 1970, UTC."""


class Float(float):
    """A 32-bit number. A plain `float` has 64 bits."""


class Array(list[Any]):
    """Values of one type, by the constructor code that all of them share."""

    def __init__(self, code: int, items: list[Any]) -> None:
        super().__init__(items)
        self.code = code


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor that says what it means."""

    descriptor: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value of a type that is not decoded further (decimals, characters), as it was encoded."""

    code: int
    raw: bytes
