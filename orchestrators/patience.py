"""How long a phase may take: its own limit, to which waits that Azure requests do not count.

A server that keeps asking cannot hold up a run: each run has one budget of such waiting. It takes time as a value.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from arcway.domain.codes import Code, Family, family
from arcway.domain.phases import ASKED_SECONDS
from arcway.domain.retry_after import clamped

# Azure's clients speak with codes of this kind; the cluster's own waits are part of the phase.
_THROTTLED = Code.AZURE_THROTTLED


class Patience:
    """The deadline of the phase in progress and what is left of the budget."""

    def __init__(self) -> None:
        self.deadline: datetime | None = None
        self._left = float(ASKED_SECONDS)

    def begin(self, now: datetime, seconds: float | None) -> None:
        """Start a limit; None is none."""
        self.deadline = now + timedelta(seconds=seconds) if seconds else None

    def is_throttled(self, error: Mapping[str, Any]) -> bool:
        """Whether waiting for this error costs no attempt: Azure says when to come back, and there is budget left."""
        return error["code"] == _THROTTLED and self.asked_by(error) > 0 and self._left > 0

    def asked_by(self, error: Mapping[str, Any]) -> float:
        """The seconds that Azure asks to wait with an error; 0 when it does not."""
        return (clamped(error.get("retryAfterSeconds")) or 0.0) if family(str(error["code"])) is Family.AZURE else 0.0

    def allows(self, until: datetime, asked: float) -> bool:
        """Whether the phase may wait until then, `asked` seconds of it because Azure asked to."""
        granted = min(asked, self._left)
        self._left -= granted
        if self.deadline is not None:
            self.deadline += timedelta(seconds=granted)
        return self.deadline is None or until <= self.deadline
