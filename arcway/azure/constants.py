"""What is the same for all clusters of a group or subscription: read once for a fleet, not once for each member.

Only good answers are kept, those with which a run can continue, and for a minute: a run that is tried again after a fix
never gets what was wrong before. What an answer means is its reader's concern.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

KEPT_SECONDS = 60.0
_MOST_KEPT = 4000

type Key = tuple[str, Hashable]
"""The subscription, in any case, and what is read in it."""


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    read_at: float = float("-inf")
    value: Any = None


class Constants:
    """The good answers that this installation had within the last minute. `clock` gives seconds that only grow."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()  # the longest unused first

    def read[T](self, key: Key, read: Callable[[], T], is_good: Callable[[T], bool], *, shared: bool) -> T:
        """The value: an answer of the last minute if it is `shared`, else read now. Raises what `read` raises.

        Callers that share it wait while one of them reads.
        """
        if not shared:
            return self._keep(self._entry(key), read(), is_good)
        entry = self._entry(key)
        with entry.lock:
            if self._clock() - entry.read_at < KEPT_SECONDS:
                kept: T = entry.value
                return kept
            return self._keep(entry, read(), is_good)

    def forget(self, subscription_id: str) -> None:
        """Azure has refused a change in the subscription: nothing that is known of it is to be relied on."""
        with self._lock:
            for key in [key for key in self._entries if key[0] == subscription_id.lower()]:
                del self._entries[key]

    def _keep[T](self, entry: _Entry, value: T, is_good: Callable[[T], bool]) -> T:
        entry.value, entry.read_at = value, self._clock() if is_good(value) else float("-inf")
        return value

    def _entry(self, key: Key) -> _Entry:
        key = (key[0].lower(), key[1])
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            if len(self._entries) > _MOST_KEPT:
                self._entries.popitem(last=False)
            return entry
