"""What is sent, and when, against a Resource Manager that keeps its own buckets; the clock is virtual."""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.pipeline import Pipeline
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest

from arcway.azure.buckets import Bucket
from arcway.azure.budget import POLL, Budget, BudgetPolicy
from arcway.domain.arm_limits import AZURE_LIMITS, Kind, Limit, parse_limits
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import Origin
from arcway.telemetry import correlated

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
CLUSTER = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Kubernetes/connectedClusters/c"


class Clock:
    """Seconds that pass when a caller waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class ResourceManager(HttpTransport[Any, Any]):
    """Answers as Azure does, from a bucket that others may use, too. Every request is noted with its time."""

    clock: Clock
    size: float
    per_second: float
    shows: bool = True
    sent: list[tuple[float, str, int]] = field(default_factory=list)
    answer: Callable[[Any], tuple[int, dict[str, str]]] | None = None

    def __post_init__(self) -> None:
        self.level, self.filled, self.closed_until = self.size, self.clock.now, 0.0

    def send(self, request: Any, **options: Any) -> Any:
        assert POLL not in options
        status, headers = self.answer(request) if self.answer else self._answer()
        self.sent.append((self.clock.now, request.method, status))
        return SimpleNamespace(status_code=status, headers=headers)

    def _answer(self) -> tuple[int, dict[str, str]]:
        now = self.clock.now
        self.level = min(self.size, self.level + (now - self.filled) * self.per_second)
        self.filled = now
        if self.level < 1 - 1e-9 or now < self.closed_until:
            self.closed_until = now + 2
            return 429, {"Retry-After": "2"}
        self.level -= 1
        name = "x-ms-ratelimit-remaining-subscription-writes"
        return 200, {name: str(int(self.level + 1e-9))} if self.shows else {}

    @property
    def statuses(self) -> Counter[int]:
        return Counter(status for _, _, status in self.sent)

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""


class Installation:
    """One installation's requests to that Resource Manager."""

    def __init__(self, arm: ResourceManager, limits: dict[Kind, Limit] | None = None) -> None:
        limit = Limit(arm.size, arm.per_second)
        every: dict[Kind, Limit] = {"reads": limit, "writes": limit, "deletes": limit}
        self.clock = arm.clock
        self.budget = Budget(limits or every, clock=arm.clock, sleep=arm.clock.sleep)
        self.pipeline = Pipeline(arm, policies=[BudgetPolicy(self.budget)])

    def send(self, method: str = "PUT", path: str = CLUSTER, run: str | None = None, **options: Any) -> Any:
        with correlated(Origin("correlation", None, run)):
            request = HttpRequest(method, f"https://arm.example{path}")
            return self.pipeline.run(request, **options).http_response

    def wait(self, *arguments: Any, **options: Any) -> float:
        """Send, and return the seconds after which to come back; 0 when it was sent and taken."""
        try:
            answer = self.send(*arguments, **options)
        except ArcError as error:
            known = (error.code, error.retryable) == (Code.AZURE_THROTTLED, True)
            return error.retry_after or 0.0 if known else 0.0
        return float(answer.headers["Retry-After"]) if answer.status_code == 429 else 0.0


def arm_with(size: float = 20, per_second: float = 0.5, **fields: Any) -> ResourceManager:
    return ResourceManager(Clock(), size, per_second, **fields)


def fill_up(installation: Installation, **options: Any) -> int:
    """Send until a request has to wait; returns how many were sent."""
    for count in range(1000):
        if installation.wait(run=f"run-{count}", **options):
            return count
    raise AssertionError("no limit")


def drive(installations: list[Installation], writes: int) -> float:
    """Runs that write once each, shared among the installations, each coming back when the budget says.

    Returns the seconds that it took.
    """
    clock = installations[0].clock
    began = clock.now
    due = [(clock.now, number) for number in range(writes)]
    heapq.heapify(due)
    while due:
        at, number = heapq.heappop(due)
        clock.now = max(clock.now, at)
        if wait := installations[number % len(installations)].wait(run=f"run-{number}"):
            heapq.heappush(due, (clock.now + wait + 0.01, number))
    return clock.now - began


def test_an_empty_bucket_sends_nothing_and_names_a_turn_to_each() -> None:
    arm = arm_with()
    installation = Installation(arm)
    sent = fill_up(installation)
    assert 15 <= sent <= 20
    waits = [installation.wait(run=f"later-{number}") for number in range(10)]
    assert len(arm.sent) == sent
    assert waits == sorted(waits)
    steps = [after - before for before, after in pairwise(waits)]
    assert steps == pytest.approx([2.0] * 9)
    assert arm.statuses == {200: sent}


def test_a_caller_that_comes_back_has_kept_its_turn() -> None:
    arm = arm_with()
    installation = Installation(arm)
    fill_up(installation)
    first, second = (installation.wait(run=name) for name in ("first", "second"))
    installation.clock.now += first + 0.01
    # Others that come meanwhile stand behind.
    assert all(installation.wait(run=f"new-{number}") > 1 for number in range(5))
    assert installation.wait(run="first") == 0
    installation.clock.now += second - first
    assert installation.wait(run="second") == 0


def test_an_abandoned_turn_is_not_kept_forever() -> None:
    arm = arm_with()
    installation = Installation(arm)
    fill_up(installation)
    for number in range(40):
        installation.wait(run=f"canceled-{number}")
    installation.clock.now += 200
    assert fill_up(installation) > 10


def test_a_turn_within_a_second_is_waited_for_in_place() -> None:
    arm = arm_with(per_second=10)
    installation = Installation(arm)
    assert not any(installation.wait(run=f"run-{number}") for number in range(60))
    assert arm.clock.now - 1000 == pytest.approx((60 - 18) / 10, abs=0.2)
    assert arm.statuses == {200: 60}


@pytest.mark.parametrize("writes", [60, 120])
def test_many_writes_use_the_bucket_and_are_never_refused(writes: int) -> None:
    arm = arm_with(per_second=1)
    seconds = drive([Installation(arm)], writes)
    assert arm.statuses == {200: writes}
    assert writes >= 0.95 * (arm.size + seconds * arm.per_second)


def test_two_installations_on_one_bucket_see_one_another() -> None:
    arm = arm_with(per_second=1)
    seconds = drive([Installation(arm), Installation(arm)], 120)
    assert arm.statuses[429] <= 1
    assert arm.statuses[200] == 120
    assert 0.9 * (arm.size + seconds * arm.per_second) <= 120


def test_what_azure_shows_lowers_the_bucket_and_never_raises_it() -> None:
    arm = arm_with()
    remaining = {"value": "3"}
    name = "X-Ms-Ratelimit-Remaining-Subscription-Global-Writes"
    arm.answer = lambda _request: (200, {name: remaining["value"]})
    installation = Installation(arm)
    assert installation.wait(run="a") == 0
    assert fill_up(installation) <= 3
    for untrue in ("99999", "-1", "many", "", "1" * 50):
        remaining["value"] = untrue
        assert installation.wait(run="b") > 0 or fill_up(installation) <= 1


@pytest.mark.parametrize("header", ["30", "0030"])
def test_a_429_stops_its_bucket_alone_until_retry_after(header: str) -> None:
    arm = arm_with(250, 25)
    arm.answer = lambda _request: (429, {"Retry-After": header})
    installation = Installation(arm)
    assert installation.send(run="a").status_code == 429
    arm.answer = None
    arm.clock.now += 29.5
    waits = [installation.wait(run=f"run-{number}") for number in range(50)]
    assert len(arm.sent) == 1 + sum(wait == 0 for wait in waits)
    # Those whose turn is within a second wait in place, none of them less than until then.
    assert min(at for at, _, _ in arm.sent[1:]) >= 1030
    assert installation.wait("GET", run="b") == 0
    assert installation.wait(path=CLUSTER.replace("1111", "2222"), run="b") == 0


def test_a_refused_caller_is_first_when_the_time_is_over() -> None:
    arm = arm_with()
    installation = Installation(arm)
    arm.answer = lambda _request: (429, {"Retry-After": "10"})
    installation.send(run="refused")
    arm.answer = None
    assert all(installation.wait(run=f"run-{number}") >= 10 for number in range(5))
    arm.clock.now += 10.01
    assert installation.wait(run="refused") == 0


def test_a_429_without_a_time_stops_nothing_for_long() -> None:
    arm = arm_with(250, 25)
    arm.answer = lambda _request: (429, {})
    installation = Installation(arm)
    installation.send(run="a")
    arm.answer = None
    assert installation.wait(run="b") == 0
    assert arm.clock.now - 1000 < 1


def test_polls_leave_a_fifth() -> None:
    arm = arm_with(100)
    installation = Installation(arm)
    looks = fill_up(installation, method="GET", **{POLL: True})
    others = fill_up(installation, method="GET")
    assert others == 20
    assert 70 <= looks <= 80


def test_a_caller_outside_of_runs_is_not_in_line() -> None:
    arm = arm_with()
    installation = Installation(arm)
    fill_up(installation)
    assert installation.wait() == 0
    assert installation.wait() == 0
    waits = [installation.wait() for _ in range(3)]
    assert waits == sorted(set(waits))
    assert arm.statuses[429] == 0


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        (CLUSTER, True),
        (f"/Subscriptions/{SUBSCRIPTION.upper()}", True),
        (f"//subscriptions//{SUBSCRIPTION}/resourcegroups", True),
        ("/subscriptions", False),
        ("/metadata/endpoints", False),
        ("/azure-arc-k8sagents/GetHelmSettings", False),
        (f"/secrets/subscriptions/{SUBSCRIPTION}", False),
    ],
)
def test_only_what_belongs_to_a_subscription_counts(path: str, counts: bool) -> None:
    arm = arm_with()
    arm.answer = lambda _request: (200, {})
    installation = Installation(arm)
    for number in range(30):
        installation.wait(run=f"run-{number}", path=path)
    assert (len(arm.sent) < 30) is counts
    assert (installation.wait(run="other") > 1) is counts


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("GET", "reads"),
        ("HEAD", "reads"),
        ("DELETE", "deletes"),
        ("PUT", "writes"),
        ("PATCH", "writes"),
        ("POST", "writes"),
    ],
)
def test_kinds_have_buckets_of_their_own(method: str, kind: Kind) -> None:
    arm = arm_with(10_000, 1)
    limits: dict[Kind, Limit] = {**AZURE_LIMITS, kind: Limit(4, 0.1)}
    installation = Installation(arm, limits)
    assert fill_up(installation, method=method) <= 4
    for other in {"GET", "DELETE", "PUT"} - {{"reads": "GET", "deletes": "DELETE", "writes": "PUT"}[kind]}:
        assert installation.wait(other, run="other") == 0


def test_a_request_without_an_answer_is_counted_once() -> None:
    arm = arm_with()

    def fail(_request: Any) -> Any:
        raise OSError

    arm.answer = fail
    installation = Installation(arm)
    for number in range(5):
        with pytest.raises(OSError):  # noqa: PT011 - the one raised above
            installation.send(run=f"run-{number}")
    arm.answer, arm.level = None, 15
    sent = fill_up(installation)
    assert 10 <= sent <= 15
    assert arm.statuses == {200: sent}


def test_a_part_of_what_is_left_is_under_way_at_once() -> None:
    bucket, now = Bucket(Limit(40, 1)), 100.0
    # What others have used is not known yet: one goes first, unless its answer takes long.
    assert [bucket.take(now, f"a{number}") > 0 for number in range(3)] == [False, True, True]
    assert bucket.take(now + 2, "b") == 0
    for _ in range(2):
        bucket.answered(now + 2, 20)
    sent = [number for number in range(20) if bucket.take(now + 2, f"c{number}") == 0]
    assert 3 <= len(sent) <= 5
    assert 0 < bucket.take(now + 2, f"c{len(sent)}") <= 1


def test_limits_are_read_or_refused() -> None:
    assert parse_limits("") == AZURE_LIMITS
    limits = parse_limits("reads=25+2.5/s, writes=20+1/s")
    assert (limits["reads"], limits["writes"]) == (Limit(25, 2.5), Limit(20, 1))
    assert limits["deletes"] == AZURE_LIMITS["deletes"]
    for wrong in ("reads", "reads=25", "reads=0+1/s", "writes=20+0/s", "posts=1+1/s", "reads=-1+1/s", "reads=٣+1/s"):
        with pytest.raises(ValueError, match=wrong.replace("+", r"\+")):
            parse_limits(wrong)
