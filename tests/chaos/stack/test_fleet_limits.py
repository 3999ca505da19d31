"""Fleets within Azure's limits: small buckets that refuse are used, and never asked when they are empty."""

import os
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from arcway.domain.json_values import Json
from arcway_local import processes
from arcway_local import stack as embedded
from arcway_local.stack import Options
from tests.chaos.stack.fleet_worlds import client_of, fleet_of, make_connected_clusters

MEMBERS = int(os.environ.get("ARCWAY_FLEET_MEMBERS", "30"))

type Buckets = Mapping[str, Mapping[str, int]]

_BUCKETS: Buckets = {"reads": {"size": 60, "perSecond": 10}, "writes": {"size": 8, "perSecond": 1}}
_SHARED: Buckets = {"reads": {"size": 60, "perSecond": 10}, "writes": {"size": 10, "perSecond": 2}}


@pytest.mark.timeout(300 + 6 * MEMBERS)
def test_a_fleet_stays_within_the_limits_and_uses_them(tmp_path: Path) -> None:
    stack = embedded.start(tmp_path, Options(clusters=0, limits=_limits(_BUCKETS)))
    with ExitStack() as ends:
        ends.callback(embedded.stop, tmp_path)
        http, subscription = ends.enter_context(closing(client_of(stack))), stack.azure["subscriptionId"]
        _prepare(http, subscription, MEMBERS, _BUCKETS)
        requests = _requests_of(http, subscription, {stack.url: range(MEMBERS)})
        writes = _accepted_writes(requests)
        assert Counter(item["status"] for item in requests)[429] <= 1
        assert len(writes) == MEMBERS
        used = MEMBERS / _offered(writes, _BUCKETS["writes"])
        reads = sum(item["method"] == "GET" for item in requests) / MEMBERS
        print(f"{used:.0%} of the writes used, {reads:.1f} reads a member")  # noqa: T201 - the figure of the report
        assert used >= 0.7


@pytest.mark.slow
@pytest.mark.timeout(300 + 6 * MEMBERS)
def test_fleets_of_two_function_hosts_share_the_limits_and_use_them(tmp_path: Path) -> None:
    stack = embedded.start(tmp_path / "first", Options(clusters=0, limits=_limits(_SHARED)))
    with ExitStack() as ends:
        ends.callback(embedded.stop, tmp_path / "first")
        url, pid = embedded.start_another_host(tmp_path / "second", stack)
        ends.callback(processes.stop, [pid])
        http, subscription = ends.enter_context(closing(client_of(stack))), stack.azure["subscriptionId"]
        _prepare(http, subscription, 2 * MEMBERS, _SHARED)
        halves = {stack.url: range(MEMBERS), url: range(MEMBERS, 2 * MEMBERS)}
        requests = _requests_of(http, subscription, halves)
        writes, statuses = _accepted_writes(requests), Counter(item["status"] for item in requests)
        assert len(writes) == 2 * MEMBERS
        used = len(writes) / _offered(writes, _SHARED["writes"])
        print(f"{used:.0%} of the writes of two hosts used, {statuses[429]} refused")  # noqa: T201 - the figure of the report
        assert statuses[429] <= 1
        assert used >= 0.7


def _limits(buckets: Buckets) -> str:
    return ",".join(f"{kind}={bucket['size']}+{bucket['perSecond']}/s" for kind, bucket in buckets.items())


def _prepare(http: httpx.Client, subscription: str, count: int, buckets: Buckets) -> None:
    make_connected_clusters(http, subscription, count)
    http.put(f"/control/buckets/{subscription}", json=buckets).raise_for_status()
    http.delete("/control/requests")


def _requests_of(http: httpx.Client, subscription: str, members: Mapping[str, range]) -> list[Json]:
    """The requests to Resource Manager of fleets, one at each host, which tag these connected clusters."""
    for url, numbers in members.items():
        body = {
            "fleet": "limits",
            "operation": "update",
            "defaults": {"subscriptionId": subscription, "resourceGroup": "fleet", "tags": {"stage": "prod"}},
            "members": [{"name": f"m{number}"} for number in numbers],
            "window": 50,
            "start": "all",
        }
        httpx.post(f"{url}/api/fleets", json=body, timeout=240).raise_for_status()
    deadline = time.monotonic() + 240 + 5 * MEMBERS
    for url, numbers in members.items():
        while (fleet := fleet_of(url, "limits")) is None or not fleet["finishedAt"]:
            assert time.monotonic() < deadline, fleet
            time.sleep(0.3)
        assert (fleet["state"], fleet["counts"]["succeeded"]) == ("Succeeded", len(numbers))
    return [item for item in http.get("/control/requests").json() if "/subscriptions/" in item["path"].lower()]


def _accepted_writes(requests: list[Json]) -> list[Json]:
    return [item for item in requests if item["method"] == "PATCH" and item["status"] < 300]


def _offered(writes: list[Json], bucket: Mapping[str, int]) -> float:
    """How many writes Azure would have taken from the first to the last."""
    first, last = (datetime.fromisoformat(writes[place]["time"]) for place in (0, -1))
    return bucket["size"] + (last - first).total_seconds() * bucket["perSecond"]
