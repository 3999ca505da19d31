"""Address ranges made few: thousands of them, from untrusted input, in little time.

The standard library's networks do the same with objects, which take a hundred times as long.
"""

import socket
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import ip_network

_LONGEST = 64
_FAMILIES = ((socket.AF_INET, 32), (socket.AF_INET6, 128))

type Prefixes = set[tuple[int, int]]
"""Prefixes of one family: the bits that count, as a number, and how many they are."""


def merge_ranges(ranges: Iterable[str], most: int) -> list[str]:
    """At most so many ranges of each family that cover these; what is not a range is left out."""
    texts = [cidr for cidr in ranges if len(cidr) <= _LONGEST]
    written: list[str] = []
    for family, bits in _FAMILIES:
        prefixes = _collapsed({prefix for cidr in texts if (prefix := _read(cidr, family, bits)) is not None})
        if len(prefixes) > most:
            prefixes = _widened(prefixes, bits, most)
        written += _written(prefixes, bits)
    return written


def _read(cidr: str, family: socket.AddressFamily, bits: int) -> tuple[int, int] | None:
    address, slash, length = cidr.partition("/")
    try:
        number = int.from_bytes(socket.inet_pton(family, address))
    except (OSError, ValueError):
        return None
    if not slash:
        return number, bits
    if not (length.isascii() and length.isdecimal() and len(length) <= 3 and int(length) <= bits):
        return None
    return number >> (bits - int(length)), int(length)


def _collapsed(prefixes: Prefixes) -> Prefixes:
    """The fewest prefixes that cover exactly the same."""
    by_length: dict[int, set[int]] = {}
    for number, length in prefixes:
        by_length.setdefault(length, set()).add(number)
    lengths = sorted(by_length)
    for at, length in enumerate(lengths):
        for shorter in lengths[:at]:
            outer = by_length[shorter]
            by_length[length] = {number for number in by_length[length] if number >> (length - shorter) not in outer}
    for length in range(max(lengths, default=0), 0, -1):
        numbers = by_length.get(length, set())
        twins = {number for number in numbers if number ^ 1 in numbers}
        by_length[length] = numbers - twins
        by_length.setdefault(length - 1, set()).update(number >> 1 for number in twins)
    return {(number, length) for length, numbers in by_length.items() for number in numbers}


def _widened(prefixes: Prefixes, bits: int, most: int) -> Prefixes:
    """At most so many that cover these: all cut to one length, the longest with which they are few enough."""

    def cut(length: int) -> Prefixes:
        return {(number >> max(0, has - length), min(has, length)) for number, has in prefixes}

    longest = bisect_right(range(bits + 1), most, key=lambda length: len(cut(length))) - 1
    return _collapsed(cut(max(0, longest)))


def _written(prefixes: Prefixes, bits: int) -> Iterator[str]:
    for number, length in sorted((number << (bits - length), length) for number, length in prefixes):
        # By its bytes: a small number would be taken for an address of the other family.
        yield str(ip_network((number.to_bytes(bits // 8), length)))
