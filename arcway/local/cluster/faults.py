"""Faults of a cluster's API on order: silence, delay, error answers, dropped connections.

Plain data and its countdown. It must not know HTTP beyond method and path.
"""

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Fault:
    """One order: for the next `count` requests (None: all) whose method and path match.

    `path` is a regular expression searched in the path below the cluster's prefix; `seconds` belongs to delay,
    `status` and `retry_after_seconds` to status.
    """

    kind: Literal["silent", "delay", "status", "disconnect"]
    method: str = ""
    path: str = ""
    count: int | None = None
    seconds: float = 0
    status: int = 500
    retry_after_seconds: int | None = None

    def takes(self, method: str, path: str) -> bool:
        """Whether the fault is for this request; counts it if so."""
        if self.count == 0 or (self.method and self.method != method) or not re.search(self.path, path):
            return False
        if self.count is not None:
            self.count -= 1
        return True


class Faults:
    """The orders of one cluster, the oldest first."""

    def __init__(self) -> None:
        self._orders: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Take an order."""
        self._orders.append(fault)

    def clear(self) -> None:
        """Drop all orders."""
        self._orders.clear()

    def listed(self) -> list[Fault]:
        """The orders that still wait for requests."""
        return [fault for fault in self._orders if fault.count != 0]

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for a request, or None."""
        return next((fault for fault in self._orders if fault.takes(method, path)), None)
