"""Calls functions at given times from one thread, however many there are. It knows nothing of what it calls."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

_LONGEST_WAIT_SECONDS = 3600.0


class Alarms:
    """A queue of functions by due time. Each is called once, on the alarm thread, and must not block or raise."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        self._thread.start()

    def at(self, when: datetime, action: Callable[[], None]) -> None:
        """Call `action` at `when` (aware), at once if that has passed; never early, typically under 1 ms late."""
        # Monotonic from here on: a step of the wall clock must neither hurry nor delay what is already waiting.
        due = time.monotonic() + max(0.0, (when - datetime.now(UTC)).total_seconds())
        with self._changed:
            heapq.heappush(self._due, (due, next(self._order), action))
            if self._due[0][0] == due:
                self._changed.notify()

    def stop(self) -> None:
        """Forget everything that waits and end the thread."""
        with self._changed:
            self._stopped = True
            self._due.clear()
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and not self._is_due():
                    self._changed.wait(self._patience())
                if self._stopped:
                    return
                _, _, action = heapq.heappop(self._due)
            action()

    def _is_due(self) -> bool:
        return bool(self._due) and self._due[0][0] <= time.monotonic()

    def _patience(self) -> float | None:
        if not self._due:
            return None
        return min(_LONGEST_WAIT_SECONDS, max(0.0, self._due[0][0] - time.monotonic()))
