"""Kills of the function host while a fleet is in progress: no member is lost, none is done twice."""

import os
import random
import signal
import time
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from arcway_local import stack as embedded
from arcway_local.stack import Options
from tests.chaos.stack.fleet_worlds import client_of, fleet_of, make_connected_clusters
from tests.chaos.stack.storm import restarted

MEMBERS = int(os.environ.get("ARCWAY_FLEET_MEMBERS", "60"))
KILLS = int(os.environ.get("ARCWAY_FLEET_KILLS", "3"))
LOST = int(os.environ.get("ARCWAY_FLEET_LOST", "0"))
"""Of the events between orchestrations, one of so many is lost; the sweep finds the member after five minutes."""
WINDOW = int(os.environ.get("ARCWAY_FLEET_WINDOW", "8"))


@pytest.mark.timeout(420 + 4 * MEMBERS)
def test_a_fleet_outlives_kills_of_its_host(tmp_path: Path) -> None:
    chance = random.Random(seed := random.SystemRandom().randrange(10**6))
    stack = embedded.start(tmp_path, Options(clusters=0, seconds=0.5, lost_events=LOST))
    with ExitStack() as ends:
        ends.callback(embedded.stop, tmp_path)
        http, subscription = ends.enter_context(closing(client_of(stack))), stack.azure["subscriptionId"]
        make_connected_clusters(http, subscription, MEMBERS)
        http.delete("/control/requests")
        body = {
            "fleet": "kills",
            "operation": "update",
            "defaults": {"subscriptionId": subscription, "resourceGroup": "fleet", "tags": {"seed": str(seed)}},
            "members": [{"name": f"m{number}"} for number in range(MEMBERS)],
            "window": WINDOW,
        }
        httpx.post(f"{stack.url}/api/fleets", json=body, timeout=240).raise_for_status()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.5, 2.0))  # the moment of a kill is what is random here
            os.kill(stack.pids["functions"], signal.SIGKILL)
            stack = restarted(tmp_path)
        deadline = time.monotonic() + 240 + 3 * MEMBERS
        while (fleet := fleet_of(stack.url, "kills")) is None or not fleet["finishedAt"]:
            assert time.monotonic() < deadline, (seed, fleet)
            time.sleep(0.3)
        assert (fleet["state"], fleet["counts"]["succeeded"] + fleet["counts"]["unchanged"]) == ("Succeeded", MEMBERS)
        assert len(_runs(stack.url)) == MEMBERS
        # A write that was cut off is found to be done; none is made twice with success.
        written = Counter(
            item["path"].lower()
            for item in http.get("/control/requests").json()
            if item["method"] == "PATCH" and item["status"] < 300
        )
        assert len(written) == MEMBERS
        assert set(written.values()) == {1}


def _runs(url: str) -> set[str]:
    """The runs of all members."""
    runs = set[str]()
    token: str | None = "0"
    while token is not None:
        page = httpx.get(
            f"{url}/api/fleets/kills/members", params={"top": 500, "continuationToken": token}, timeout=240
        ).json()
        runs |= {member["run"] for member in page["value"] if member["run"]}
        token = page["continuationToken"]
    return runs
