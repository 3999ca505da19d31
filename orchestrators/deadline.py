"""How long a phase may take: its own limit, towards which the time that Azure asks to wait does not count.

A server that asks without end is not waited for without end: a run has one budget of such waiting.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from arcway.domain.codes import Code, Family, family
from arcway.domain.phases import ASKED_SECONDS
from arcway.domain.retry_after import clamped

_THROTTLED = Code.AZURE_THROTTLED


class Deadline:
    """The deadline of the phase in progress and the rest of the run's budget."""

    def __init__(self) -> None:
        self.time: datetime | None = None
        self._budget = float(ASKED_SECONDS)

    def start(self, now: datetime, seconds: float | None) -> None:
        """Start a limit; None is none."""
        self.time = now + timedelta(seconds=seconds) if seconds else None

    def extend(self, seconds: float) -> None:
        """Let so much time not count: it was not the phase's."""
        if self.time is not None:
            self.time += timedelta(seconds=seconds)

    def is_throttled(self, error: Mapping[str, Any]) -> bool:
        """Whether waiting for this error costs no attempt: Azure says when to come back, and the budget has a rest."""
        return error["code"] == _THROTTLED and self.requested_by(error) > 0 and self._budget > 0

    def is_throttled_within(self, error: Mapping[str, Any]) -> bool:
        """The same also without a time from Azure, for as long as there is a limit that ends it."""
        without_time = error["code"] == _THROTTLED and self.requested_by(error) == 0 and self.time is not None
        return without_time or self.is_throttled(error)

    def requested_by(self, error: Mapping[str, Any]) -> float:
        """The seconds that Azure asks to wait with an error; 0 when it does not."""
        # The cluster's own waits are part of the phase.
        if family(str(error["code"])) is not Family.AZURE:
            return 0.0
        return clamped(error.get("retryAfterSeconds")) or 0.0

    def allows(self, until: datetime, requested: float) -> bool:
        """Whether the phase may wait until then, `requested` seconds of it because Azure asks to."""
        granted = min(requested, self._budget)
        self._budget -= granted
        self.extend(granted)
        return self.time is None or until <= self.time
