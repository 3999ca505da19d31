"""How long a step that failed waits before it is tried again."""

import hashlib
from collections.abc import Mapping
from typing import Any

from arcway.domain.retry_after import clamped

LONGEST_BACK_OFF = 60.0


def back_off(
    run_id: str, step: str, attempt: int, error: Mapping[str, Any], longest: float = LONGEST_BACK_OFF
) -> float:
    """Seconds: exponential, with jitter that every replay repeats; never less than what the server asked for, which is
    an hour at most, whatever an envelope says that was written before.
    """
    seed = hashlib.sha256(f"{run_id}/{step}/{attempt}".encode()).digest()[0] / 255
    pause = min(2.0 ** min(attempt - 1, 30), longest) * (0.75 + 0.5 * seed)
    return max(pause, clamped(error.get("retryAfterSeconds")) or 0.0)
