"""The request budget of each subscription as Resource Manager keeps it: a token bucket per kind that fills up again.

Every answer reports what remains. A request is refused for an empty bucket only where the controls gave a subscription
buckets of its own: with 429, and again, with a new Retry-After, until the time is over that Retry-After named.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from arcway_local.azure.refusals import Refusal

_KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


@dataclass(frozen=True, slots=True)
class Size:
    """How many requests a bucket holds, and how many come back in a second."""

    size: float
    per_second: float
    refuses: bool = True


# Per subscription.
_REPORTED = {"reads": Size(250, 25.0, False), "writes": Size(200, 10.0, False), "deletes": Size(200, 10.0, False)}


@dataclass(slots=True)
class _Bucket:
    size: Size
    remaining: float = field(init=False)
    filled: float
    closed_until: float = float("-inf")

    def __post_init__(self) -> None:
        self.remaining = self.size.size

    def take(self, now: float) -> int | None:
        """Take a token; returns the Retry-After if there is none."""
        self.remaining = min(self.size.size, self.remaining + (now - self.filled) * self.size.per_second)
        self.filled = now
        if self.size.refuses and (self.remaining < 1 or now < self.closed_until):
            wait = max(1, math.ceil((1 - self.remaining) / self.size.per_second))
            self.closed_until = now + wait
            return wait
        self.remaining = max(0.0, self.remaining - 1)
        return None


class Budget:
    """The buckets of every subscription."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sizes: dict[str, dict[str, Size]] = {}
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def set_sizes(self, subscription: str, sizes: Mapping[str, Mapping[str, float]]) -> None:
        """Give a subscription full buckets that refuse; kinds that are not named go back to only reporting.

        Raises KeyError, TypeError or ValueError for what describes none.
        """
        chosen = {kind: Size(float(given["size"]), float(given["perSecond"])) for kind, given in sizes.items()}
        if not chosen.keys() <= _REPORTED.keys() or any(size.per_second <= 0 for size in chosen.values()):
            raise ValueError(f"kinds are {', '.join(_REPORTED)}; perSecond must be more than 0")
        self._sizes[subscription.lower()] = chosen
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if key[0] != subscription.lower()}

    def spend(self, method: str, path: str) -> tuple[dict[str, str], Refusal | None]:
        """Count this request: the rate-limit headers of its response, and the refusal if there was no token for it.

        Outside Resource Manager there are none.
        """
        parts = path.lower().split("/")
        if parts[1] not in ("subscriptions", "providers"):
            return {}, None
        kind = _KINDS.get(method, "writes")
        subscription = parts[2] if parts[1] == "subscriptions" and len(parts) > 2 else ""
        bucket = self._bucket(subscription, kind)
        wait = bucket.take(self._clock())
        scope = "subscription" if subscription else "tenant"
        remaining = int(bucket.remaining)
        headers = {f"x-ms-ratelimit-remaining-{scope}-{kind}": str(remaining)}
        if subscription:
            headers[f"x-ms-ratelimit-remaining-{scope}-global-{kind}"] = str(remaining * 15)
        return headers, None if wait is None else _refusal(subscription, kind, wait)

    def _bucket(self, subscription: str, kind: str) -> _Bucket:
        key = (subscription, kind)
        if key not in self._buckets:
            size = self._sizes.get(subscription, {}).get(kind) or _REPORTED[kind]
            self._buckets[key] = _Bucket(size, self._clock())
        return self._buckets[key]


def _refusal(subscription: str, kind: str, wait: int) -> Refusal:
    message = (
        f"Number of {kind} for subscription '{subscription}' exceeded the limit. Please try again after '{wait}' "
        "seconds."
    )
    return Refusal(429, "SubscriptionRequestsThrottled", message, headers={"Retry-After": str(wait)})
