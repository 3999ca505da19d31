"""The remaining request budget of a subscription as Resource Manager reports it: a bucket per kind that fills up again.

It only reports; no request is refused for an empty bucket.
"""

import time
from dataclasses import dataclass, field

# Per subscription: how many requests a bucket holds, and how many come back in a second.
_BUCKETS = {"reads": (250, 25.0), "writes": (200, 10.0), "deletes": (200, 10.0)}
_KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


@dataclass(slots=True)
class _Bucket:
    remaining: float
    filled: float = field(default_factory=time.monotonic)


class Budget:
    """The buckets of every subscription."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def headers(self, method: str, path: str) -> dict[str, str]:
        """Count this request and return the rate-limit headers of its response; none outside Resource Manager."""
        parts = path.lower().split("/")
        if parts[1] not in ("subscriptions", "providers"):
            return {}
        kind = _KINDS.get(method, "writes")
        subscription = parts[2] if parts[1] == "subscriptions" and len(parts) > 2 else ""
        remaining = self._take(subscription, kind)
        scope = "subscription" if subscription else "tenant"
        names = [f"x-ms-ratelimit-remaining-{scope}-{kind}"]
        if subscription:
            names.append(f"x-ms-ratelimit-remaining-{scope}-global-{kind}")
        return {name: str(remaining * (15 if "global" in name else 1)) for name in names}

    def _take(self, subscription: str, kind: str) -> int:
        size, rate = _BUCKETS[kind]
        bucket = self._buckets.setdefault((subscription, kind), _Bucket(size))
        now = time.monotonic()
        bucket.remaining = max(0.0, min(size, bucket.remaining + (now - bucket.filled) * rate) - 1)
        bucket.filled = now
        return int(bucket.remaining)
