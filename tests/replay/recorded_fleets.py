"""Histories of real fleets as files: `python -m tests.replay.recorded_fleets` records them from an embedded stack."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options, Stack
from tests.chaos.stack.fleet_worlds import client_of, make_connected_clusters
from tests.replay.recorded import batches_of, write

CANARY: list[Json] = [{"name": "canary", "first": 2, "maxFailures": 0}, {"name": "rest", "maxFailures": 5}]
_MEMBERS = 60
_SECONDS = 120


class Recorder:
    """Fleets of updates, each with a name of its own; members that do not exist fail."""

    def __init__(self, stack: Stack) -> None:
        self.http = httpx.Client(base_url=f"{stack.url}/api", timeout=240)
        self._subscription = stack.azure["subscriptionId"]

    def start(self, name: str, members: list[str], **fields: object) -> None:
        defaults = {"subscriptionId": self._subscription, "resourceGroup": "fleet", "tags": {"fleet": name}}
        own = {"fleet": name, "operation": "update", "defaults": defaults}
        body = {**own, "members": [{"name": member} for member in members], **fields}
        self.http.post("/fleets", json=body).raise_for_status()

    def command(self, name: str, command: str, **fields: object) -> None:
        self.http.post(f"/fleets/{name}/{command}", json=fields).raise_for_status()

    def until(self, name: str, condition: Callable[[Json], bool]) -> Json:
        """The fleet, once it is so."""
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            fleet: Json = self.http.get(f"/fleets/{name}").raise_for_status().json()
            if condition(fleet):
                return fleet
            time.sleep(0.1)
        raise AssertionError(f"{name} did not get there in {_SECONDS} s")

    def until_state(self, name: str, state: str) -> Json:
        return self.until(name, lambda fleet: fleet["state"] == state)


def _generations(fleets: Recorder) -> None:
    fleets.start("fleet-generations", [f"m{number}" for number in range(_MEMBERS)])
    fleets.until_state("fleet-generations", "Succeeded")


def _halted(fleets: Recorder) -> None:
    name = "fleet-halted"
    fleets.start(name, ["m0", "missing", "m1", "m2"], stages=CANARY, count=["refused"])
    fleets.until_state(name, "Halted")
    fleets.command(name, "retry")
    fleets.until(name, lambda fleet: fleet["state"] == "Halted" and not fleet["counts"]["running"])
    fleets.command(name, "resume", maxFailures=3)
    fleets.until_state(name, "Incomplete")


def _gated(fleets: Recorder) -> None:
    name = "fleet-gated"
    fleets.start(name, ["m0", "m1", "m2"], stages=[{**CANARY[0], "approve": "after", "soak": "2s"}, CANARY[1]])
    fleets.until(name, lambda fleet: (fleet["gate"] or {}).get("state") == "waiting")
    fleets.command(name, "pause")
    fleets.until_state(name, "Paused")
    fleets.command(name, "approve", comment="fine")
    fleets.command(name, "resume")
    fleets.until_state(name, "Succeeded")


def _canceled(fleets: Recorder) -> None:
    name = "fleet-canceled"
    fleets.start(name, ["m0", "m1", "m2"], stages=[{**CANARY[0], "soak": "1h"}, CANARY[1]])
    fleets.until_state(name, "Soaking")
    fleets.command(name, "cancel", running="cancel")
    fleets.until_state(name, "Canceled")


SCENARIOS: dict[str, tuple[Callable[[Recorder], None], str]] = {
    "fleet-generations": (_generations, "Succeeded"),
    "fleet-halted": (_halted, "Incomplete"),
    "fleet-gated": (_gated, "Succeeded"),
    "fleet-canceled": (_canceled, "Canceled"),
}
"""What is done with each fleet, and how it ends."""


def main() -> None:
    """Record every scenario, or those that the command line names."""
    names = sys.argv[1:] or [*SCENARIOS]
    with tempfile.TemporaryDirectory() as folder:
        stack = embedded.start(Path(folder), Options(clusters=0))
        instances: dict[str, str] = {}
        try:
            with closing(client_of(stack)) as http:
                make_connected_clusters(http, stack.azure["subscriptionId"], _MEMBERS)
            fleets = Recorder(stack)
            for name in names:
                SCENARIOS[name][0](fleets)
                instances[name] = fleets.http.get(f"/fleets/{name}").json()["id"].partition(".")[0]
                sys.stdout.write(f"{json.dumps(name)}\n")
            fleets.http.close()
        finally:
            embedded.stop(Path(folder))
        for name, instance in instances.items():
            write(name, batches_of(Path(folder) / "journal.db", instance))


if __name__ == "__main__":
    main()
