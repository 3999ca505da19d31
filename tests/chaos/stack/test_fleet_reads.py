"""How many requests Resource Manager gets for each member of a fleet; members share what is the same for all."""

import math
import os
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack, closing
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options, Stack
from tests.chaos.stack.fleet_worlds import client_of, fleet_of, make_connected_clusters

MEMBERS = int(os.environ.get("ARCWAY_FLEET_MEMBERS", "12"))
_ALONE = 3
_LIST = "GET list of connectedclusters"


def _finished(stack: Stack, http: httpx.Client, body: Json) -> list[Json]:
    """The requests that Resource Manager got from the fleet."""
    http.delete("/control/requests")
    httpx.post(f"{stack.url}/api/fleets", json=body, timeout=240).raise_for_status()
    deadline = time.monotonic() + 240 + 10 * MEMBERS
    while (fleet := fleet_of(stack.url, body["fleet"])) is None or not fleet["finishedAt"]:
        assert time.monotonic() < deadline, fleet
        time.sleep(0.3)
    count = len(body["members"])
    assert (fleet["state"], fleet["counts"]["succeeded"]) == ("Succeeded", count)
    requests = [item for item in http.get("/control/requests").json() if _is_resource_managers(item["path"].lower())]
    counts = Counter(map(_kind, requests))
    print(f"{body['fleet']}: {counts.total() / count:.1f} a member: {dict(counts)}")  # noqa: T201 - the figure
    return requests


def _is_resource_managers(path: str) -> bool:
    return path.startswith(("/subscriptions", "/providers"))


def _kind(request: Json) -> str:
    parts = request["path"].lower().split("/")
    return f"{request['method']} {parts[-2] if len(parts) % 2 else f'list of {parts[-1]}'}"


def _own(requests: list[Json]) -> int:
    """Those for one member alone."""
    return sum(_kind(item) != _LIST and "/connectedclusters/" in item["path"].lower() for item in requests)


def _smallest_gap(requests: list[Json], kinds: Iterable[str]) -> float:
    """Seconds between two requests for the same shared thing; slow machines make it longer only."""
    times = [sorted(datetime.fromisoformat(r["time"]) for r in requests if _kind(r) == kind) for kind in kinds]
    gaps = [(after - before).total_seconds() for sequence in times for before, after in pairwise(sequence)]
    return min(gaps, default=math.inf)


def _defaults(stack: Stack, **fields: object) -> Json:
    return {"subscriptionId": stack.azure["subscriptionId"], "resourceGroup": "fleet", **fields}


@pytest.mark.timeout(420 + 10 * MEMBERS)
def test_members_ask_azure_for_what_is_their_own(tmp_path: Path) -> None:
    stack = embedded.start(tmp_path, Options(clusters=MEMBERS + _ALONE))
    with ExitStack() as ends:
        ends.callback(embedded.stop, tmp_path)
        http = ends.enter_context(closing(client_of(stack)))
        make_connected_clusters(http, stack.azure["subscriptionId"], 0)
        members = [
            {"name": f"c{number}", "kubeconfig": {"secret": f"arcway-cluster-{number:03}"}}
            for number in range(1, MEMBERS + _ALONE + 1)
        ]
        members, alone = members[:MEMBERS], members[MEMBERS:]
        fields: Json = {"defaults": _defaults(stack, location="eastus"), "members": members, "start": "all"}
        onboarding = _finished(stack, http, {"fleet": "connect", **fields})
        fields = {
            "operation": "update",
            "defaults": _defaults(stack, tags={"stage": "prod"}),
            "members": [{"name": member["name"]} for member in members],
            "start": "all",
        }
        updates = _finished(stack, http, {"fleet": "tag", **fields})
        half = MEMBERS // 2
        fields |= {"operation": "offboard", "defaults": _defaults(stack), "budget": "soft", "members": members[:half]}
        disconnects = _finished(stack, http, {"fleet": "disconnect", **fields})
        names = [{"name": member["name"]} for member in members[half:]]
        fields |= {"defaults": _defaults(stack, azureOnly=True), "members": names}
        deletions = _finished(stack, http, {"fleet": "delete", **fields})
        # Of the first members of a group each reads for itself: no other has come yet.
        assert _own(onboarding) <= 3 * MEMBERS + 3
        assert _own(updates) <= 2 * MEMBERS + 3
        assert _own(disconnects) <= 4 * half + 3
        assert _own(deletions) <= 3 * len(names) + 3
        assert _smallest_gap(onboarding + updates + disconnects + deletions, [_LIST]) > 4.9
        # One at a time: no listing, no longer waits, and no more requests than with one.
        fields = {"defaults": _defaults(stack, resourceGroup="alone", createResourceGroup=True, location="eastus")}
        sequence = _finished(stack, http, {"fleet": "alone", "members": alone, "window": 1, **fields})
        assert _own(sequence) <= 6 * _ALONE
        assert _LIST not in map(_kind, sequence)
        constants = ("GET subscriptions", "GET resourcegroups", "GET list of permissions")
        assert _smallest_gap(onboarding, constants) > 59
