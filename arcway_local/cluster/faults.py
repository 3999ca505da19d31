"""Injected faults of a cluster's API: silence, delay, error responses, dropped connections.

Plain data.
"""

import re
from dataclasses import dataclass
from typing import Literal

from arcway_local.orders import Orders


@dataclass(slots=True)
class Fault:
    """A fault of the next `count` requests (None: all) whose method and path match.

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

    def fits(self, method: str, path: str) -> bool:
        """Whether the fault is for this request."""
        return self.method in ("", method) and bool(re.search(self.path, path))


type Faults = Orders[Fault]
