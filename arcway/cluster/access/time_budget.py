"""Limits of one call to an API server: total seconds, work, and received bytes.

A socket's own time limit restarts with every byte, and a library reads headers and chunks without counting them.
So both are held where bytes arrive: in the TLS socket.
"""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

HEADER_BYTES = 128 * 1024
WORK_SECONDS = 1.0
"""Of this thread's own work on one answer; one in chunks of a byte takes minutes of it."""


class TooLargeError(Exception):
    """The answer has more bytes than it may have."""


class Budget:
    """What is left of a call."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._began = time.thread_time()
        self._bytes = HEADER_BYTES

    def allow(self, count: int) -> None:
        """Let so many more bytes arrive."""
        self._bytes += count

    def spend(self, count: int) -> None:
        """Count bytes that have arrived. Raises `TooLargeError`."""
        self._bytes -= count
        if self._bytes < 0:
            raise TooLargeError

    def seconds(self) -> float:
        """How long the call may still take. Raises TimeoutError when it may not."""
        remaining = self._until - time.monotonic()
        if remaining <= 0 or time.thread_time() - self._began > WORK_SECONDS:
            raise TimeoutError("the response takes too long")
        return remaining


_current: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def budget(seconds: float) -> Iterator[Budget]:
    """The budget of one call, for the sockets that this thread uses meanwhile."""
    token = _current.set(current := Budget(seconds))
    try:
        yield current
    finally:
        _current.reset(token)


class BoundedSocket(ssl.SSLSocket):
    """A TLS socket that keeps within the budget of the call in progress, if there is one."""

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Receive as the base class does."""
        spent = self._hurry()
        count = super().recv_into(buffer, nbytes, flags)
        if spent:
            spent.spend(count)
        return count

    def send(self, data: Any, flags: int = 0) -> int:
        """Send as the base class does; `sendall` does it piece by piece."""
        self._hurry()
        return super().send(data, flags)

    def _hurry(self) -> Budget | None:
        current = _current.get()
        if current:
            own = self.gettimeout()
            remaining = current.seconds()
            self.settimeout(remaining if own is None else min(own, remaining))
        return current
