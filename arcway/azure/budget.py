"""Keeps this installation's requests within Resource Manager's limits: a request that it would refuse is not sent.

A policy in the one pipeline, with a bucket for each subscription and kind of request. Vaults, the data plane and
metadata do not count, nor does what belongs to no subscription. Which request belongs to which operation it does not
know. One installation has one budget; others that use the same buckets are seen by what Azure's answers say is left.
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy

from arcway.azure.buckets import Bucket
from arcway.domain.arm_limits import AZURE_LIMITS, Kind, Limit
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.observations import observe
from arcway.domain.retry_after import retry_after
from arcway.telemetry import origin

IN_PLACE_SECONDS = 1.0
"""So long a request waits for its turn in its thread; for a later turn the caller is to come back."""
POLL = "arcway_poll"
"""Option of a request that only follows what is in progress: it leaves a part of the bucket to the others."""
_SUBSCRIPTION = re.compile(r"/+subscriptions/+([^/]+)", re.IGNORECASE)
_KINDS: Mapping[str, Kind] = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
_MOST_BUCKETS = 1000
_COUNT = re.compile(r"[0-9]{1,9}")
_PAUSE_SECONDS = 0.01
_AGAIN_SECONDS = 0.5


class Budget:
    """The buckets of one installation. `clock` gives seconds that only grow; `sleep` waits for some of them."""

    def __init__(
        self,
        limits: Mapping[Kind, Limit] = AZURE_LIMITS,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._buckets: OrderedDict[tuple[str, Kind], Bucket] = OrderedDict()  # the longest unused first

    def take(self, subscription_id: str, kind: Kind, *, is_poll: bool = False) -> Bucket:
        """Take the right to send one request, waiting in place for a turn that is near.

        Raises `ArcError` ARC-4007, with the seconds until this caller's turn, when it is later.
        """
        caller, began = _caller(), self._clock()
        while True:
            with self._lock:
                bucket, now = self._bucket(subscription_id.lower(), kind), self._clock()
                wait = bucket.take(now, caller, is_poll=is_poll)
            if wait <= 0:
                return bucket
            if now + wait - began > IN_PLACE_SECONDS:
                observe(
                    "throttled", subscription=subscription_id.lower(), kind=kind, seconds=round(wait, 3), refused=False
                )
                message = f"Azure's limit of {kind} in subscription {subscription_id} is used up; no request was sent."
                raise ArcError(Code.AZURE_THROTTLED, message, retry_after=max(wait, _AGAIN_SECONDS))
            self._sleep(max(wait, _PAUSE_SECONDS))

    def give_back(self, bucket: Bucket, response: Any, *, is_poll: bool = False) -> None:
        """Learn from the answer, None when there was none. Call it once for each request that `take` let through."""
        headers: Mapping[str, str] = response.headers if response is not None else {}
        wait = retry_after(headers.get("Retry-After"), datetime.now(UTC))
        with self._lock:
            now = self._clock()
            bucket.answered(now, _remaining(headers))
            if response is not None and response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                bucket.refused(now, None if is_poll else _caller(), wait)
                observe("throttled", seconds=wait, refused=True)

    def _bucket(self, subscription_id: str, kind: Kind) -> Bucket:
        key = (subscription_id, kind)
        bucket = self._buckets.get(key) or self._buckets.setdefault(key, Bucket(self._limits[kind]))
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return bucket


class BudgetPolicy(HTTPPolicy[Any, Any]):
    """Lets a request through when the budget has a token for it. The last policy before the request is sent."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send the request in its turn. Raises `ArcError` ARC-4007 when that is not soon."""
        is_poll = bool(request.context.options.pop(POLL, False))
        place = _SUBSCRIPTION.match(urlsplit(request.http_request.url).path)
        if place is None:
            return self.next.send(request)
        kind = _KINDS.get(request.http_request.method.upper(), "writes")
        bucket, response = self._budget.take(unquote(place[1]), kind, is_poll=is_poll), None
        try:
            answer = self.next.send(request)
            response = answer.http_response
        finally:
            self._budget.give_back(bucket, response, is_poll=is_poll)
        return answer


def _caller() -> str | None:
    """The run that is being worked for: it comes back until it has had its turn."""
    current = origin()
    return current.run if current else None


def _remaining(headers: Mapping[str, str]) -> float | None:
    """The least that the answer says is left for this caller, or for all callers of the subscription."""
    counts = [
        int(value)
        for name, value in headers.items()
        if name.lower().startswith("x-ms-ratelimit-remaining-subscription-") and _COUNT.fullmatch(value.strip())
    ]
    return min(counts, default=None)
