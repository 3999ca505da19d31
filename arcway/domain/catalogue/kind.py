"""What an error code always means."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """What a code always means: its title, its remedy and whether trying again can help."""

    title: str
    remedy: str
    retryable: bool = False
