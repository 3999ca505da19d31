"""Measures fleets: onboarding many clusters at once, what a fleet adds to its members, how fast it is accepted.

Asserts nothing.
"""

import tempfile
import threading
import time
import uuid
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options, Stack
from tests.bench_fleet_overhead import overhead
from tests.bench_onboarding import IN_FLIGHT, measure_once, medians
from tests.bench_times import times
from tests.chaos.stack.fleet_worlds import client_of, make_connected_clusters

_SIZES = (1_000, 5_000, 10_000)
_OVERHEAD_SIZES, _LARGE = (100, 1_000), 5_000


def measure(clusters: int, runs: int, *, large: bool) -> Json:
    """All figures of fleets; those of onboarding and of what a fleet adds are medians of so many runs.

    Each run onboards so many clusters for each number in flight, and at least that number. `large` measures a fleet of
    5,000 checks, too.
    """
    sizes = (*_OVERHEAD_SIZES, *((_LARGE,) if large else ()))
    onboardings = [measure_once(clusters, IN_FLIGHT) for _ in range(runs)]
    overheads = [_overheads(sizes) for _ in range(runs)]
    return {
        f"onboarding, at least {clusters} clusters each, median of {runs}": medians(onboardings),
        f"fleet of checks, median of {runs}": medians(overheads),
        "accepting and reading": _accepting(),
    }


def _overheads(sizes: tuple[int, ...]) -> Json:
    with tempfile.TemporaryDirectory() as folder:
        stack = embedded.start(Path(folder), Options(clusters=0))
        try:
            overhead(stack, sizes[0])  # the first of a process pays for imports
            return {f"{size:,} members": overhead(stack, size) for size in sizes}
        finally:
            embedded.stop(Path(folder))


def _accepting() -> Json:
    """Seconds and milliseconds, for fleets of several sizes."""
    with tempfile.TemporaryDirectory() as folder:
        stack = embedded.start(Path(folder), Options(clusters=0))
        try:
            with httpx.Client(base_url=f"{stack.url}/api", timeout=240) as http:
                report = {f"{size:,} members": _of_size(http, size) for size in _SIZES}
                return report | {"plan by Azure's lists": _plans(stack, http)}
        finally:
            embedded.stop(Path(folder))


def _plans(stack: Stack, http: httpx.Client) -> Json:
    """Plans for 10,000 connected clusters of one resource group: seconds, and requests that Azure got for them."""
    subscription, report = stack.azure["subscriptionId"], dict[str, Any]()
    with closing(client_of(stack)) as azure:
        make_connected_clusters(azure, subscription, _SIZES[-1])
        for operation, fields in (("update", {"tags": {"a": "b"}}), ("onboard", {"location": "eastus"})):
            defaults = {"subscriptionId": subscription, "resourceGroup": "fleet", **fields}
            defaults["kubeconfig"] = {"secret": "arcway-{name}"}
            members = [{"name": f"m{number}"} for number in range(_SIZES[-1])]
            body = {"fleet": "plan", "operation": operation, "defaults": defaults, "members": members}
            azure.delete("/control/requests").raise_for_status()
            begun = time.perf_counter()
            plan = (
                http.post("/fleets", params={"dryRun": "true", "depth": "azure"}, json=body).raise_for_status().json()
            )
            taken = round(time.perf_counter() - begun, 2)
            requests = [item for item in azure.get("/control/requests").json() if "/subscriptions/" in item["path"]]
            report[operation] = {"s": taken, "requests": len(requests), "members": len(plan["members"])}
    return report


def _of_size(http: httpx.Client, size: int) -> Json:
    """A fleet of checks that cannot succeed, one at a time: what is measured is the fleet, not its members."""
    defaults = {"subscriptionId": str(uuid.uuid4()), "resourceGroup": "g", "location": "eastus"}
    body = {
        "fleet": f"bench-{size}",
        "operation": "check",
        "defaults": {**defaults, "kubeconfig": {"secret": "arcway-{name}"}},
        "members": [{"name": f"m{number}"} for number in range(size)],
        "window": 1,
    }
    over, health = threading.Event(), list[float]()
    beside = threading.Thread(target=_ping, args=(str(http.base_url), over, health))
    beside.start()
    begun = time.perf_counter()
    fleet = http.post("/fleets", json=body).raise_for_status().json()
    accepted = time.perf_counter() - begun
    over.set()
    beside.join()
    while http.get(f"/fleets/{fleet['id']}").json()["state"] == "Accepted":
        time.sleep(0.05)
    started = time.perf_counter() - begun
    report = {
        "accepted, s": round(accepted, 2),
        "first member started, s": round(started, 2),
        "health meanwhile, slowest ms": round(max(health) * 1000) if health else None,
        "GET fleet": times(partial(http.get, f"/fleets/{fleet['id']}")),
        "members, top=100": times(partial(http.get, f"/fleets/{fleet['id']}/members?top=100")),
        "members, state=waiting": times(partial(http.get, f"/fleets/{fleet['id']}/members?state=waiting&top=100")),
        "page": times(partial(http.get, f"/page/fleets/{fleet['id']}")),
        "status, characters": len(http.get(f"/fleets/{fleet['id']}").text),
    }
    http.post(f"/fleets/{fleet['id']}/cancel", json={"running": "cancel"}).raise_for_status()
    while not http.get(f"/fleets/{fleet['id']}").json()["finishedAt"]:
        time.sleep(0.1)
    return report


def _ping(base: str, over: threading.Event, taken: list[float]) -> None:
    with httpx.Client(base_url=base, timeout=240) as http:
        while not over.is_set():
            begun = time.perf_counter()
            http.get("/health")
            taken.append(time.perf_counter() - begun)
            over.wait(0.02)
