"""How long a step that failed waits before it is tried again. Must not know the step nor what went wrong with it."""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

LONGEST_BACK_OFF = 60.0
LONGEST_WAIT = 3600.0


def back_off(
    run_id: str, step: str, attempt: int, error: Mapping[str, Any], longest: float = LONGEST_BACK_OFF
) -> float:
    """Seconds: exponential, with jitter that every replay repeats; never less than what the server asked for."""
    seed = hashlib.sha256(f"{run_id}/{step}/{attempt}".encode()).digest()[0] / 255
    pause = min(2.0 ** min(attempt - 1, 30), longest) * (0.75 + 0.5 * seed)
    return max(pause, asked_to_wait(error.get("retryAfterSeconds")))


def asked_to_wait(seconds: object) -> float:
    """The seconds that a server asked to wait, as far as anybody waits for a server; 0 for what is no number."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or math.isnan(seconds):
        return 0.0
    return float(min(max(seconds, 0), LONGEST_WAIT))
