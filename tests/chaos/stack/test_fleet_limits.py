"""A fleet within Azure's limits: small buckets that refuse are used, and never asked when they are empty."""

import os
import time
from collections import Counter
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options
from tests.chaos.stack.fleet_worlds import client_of, fleet_of, make_connected_clusters

MEMBERS = int(os.environ.get("ARCWAY_FLEET_MEMBERS", "30"))
_WRITES = {"size": 8, "perSecond": 1}
_READS = {"size": 60, "perSecond": 10}
_LIMITS = "reads=60+10/s,writes=8+1/s"


@pytest.mark.timeout(300 + 6 * MEMBERS)
def test_a_fleet_stays_within_the_limits_and_uses_them(tmp_path: Path) -> None:
    stack = embedded.start(tmp_path, Options(clusters=0, limits=_LIMITS))
    with ExitStack() as ends:
        ends.callback(embedded.stop, tmp_path)
        http, subscription = ends.enter_context(closing(client_of(stack))), stack.azure["subscriptionId"]
        make_connected_clusters(http, subscription, MEMBERS)
        buckets = {"writes": _WRITES, "reads": _READS}
        http.put(f"/control/buckets/{subscription}", json=buckets).raise_for_status()
        http.delete("/control/requests")
        body = {
            "fleet": "limits",
            "operation": "update",
            "defaults": {"subscriptionId": subscription, "resourceGroup": "fleet", "tags": {"stage": "prod"}},
            "members": [{"name": f"m{number}"} for number in range(MEMBERS)],
            "window": 50,
            "start": "all",
        }
        httpx.post(f"{stack.url}/api/fleets", json=body, timeout=240).raise_for_status()
        deadline = time.monotonic() + 240 + 5 * MEMBERS
        while (fleet := fleet_of(stack.url, "limits")) is None or not fleet["finishedAt"]:
            assert time.monotonic() < deadline, fleet
            time.sleep(0.3)
        requests = [item for item in http.get("/control/requests").json() if "/subscriptions/" in item["path"].lower()]
        assert (fleet["state"], fleet["counts"]["succeeded"]) == ("Succeeded", MEMBERS)
        assert Counter(item["status"] for item in requests)[429] <= 1
        writes = [item for item in requests if item["method"] == "PATCH" and item["status"] < 300]
        assert len(writes) == MEMBERS
        used, reads = MEMBERS / _offered(writes), sum(item["method"] == "GET" for item in requests) / MEMBERS
        print(f"{used:.0%} of the writes used, {reads:.1f} reads a member")  # noqa: T201 - the figure of the report
        assert used >= 0.7


def _offered(writes: list[Json]) -> float:
    """How many writes Azure would have taken from the first to the last."""
    first, last = (datetime.fromisoformat(writes[place]["time"]) for place in (0, -1))
    return _WRITES["size"] + (last - first).total_seconds() * _WRITES["perSecond"]
