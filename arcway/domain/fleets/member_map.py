"""The states of a fleet's members as text: three bits each, so that 10,000 members fit into a status.

Two members share one letter of the URL-safe base 64 alphabet (RFC 4648), the first in its upper half.
"""

from enum import IntEnum

from arcway.domain.text import counted

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
VALUES = {letter: value for value, letter in enumerate(ALPHABET)}


class MemberState(IntEnum):
    """The state of one member of a fleet; the numbers are those of the map."""

    WAITING = 0
    RUNNING = 1
    SUCCEEDED = 2
    UNCHANGED = 3
    FAILED = 4
    CANCELED = 5
    PARKED = 6
    SKIPPED = 7

    @property
    def label(self) -> str:
        """The state as documents show it: `waiting`, `running`, …"""
        return self.name.lower()


DONE = (MemberState.SUCCEEDED, MemberState.UNCHANGED)
"""The states of members with which nothing is left to do."""


def encode(states: bytes) -> str:
    """The map of the members' states, in order."""
    padded = states + bytes(len(states) % 2)
    return "".join(ALPHABET[first * 8 + second] for first, second in zip(padded[::2], padded[1::2], strict=True))


def decode(text: str, size: int) -> bytes:
    """The states of `size` members that `encode` wrote. Raises `ValueError` when the text is not of that many."""
    if len(text) != (size + 1) // 2 or not set(text) <= VALUES.keys():
        raise ValueError(f"not a map of {counted(size, 'member')}")
    return bytes(part for letter in text for part in divmod(VALUES[letter], 8))[:size]
