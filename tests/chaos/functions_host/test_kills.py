"""`kill -9` at random moments while runs start, work and wait: nothing acknowledged is lost, nothing is done twice that
must not be.

ARCWAY_CHAOS_RUNS, ARCWAY_CHAOS_KILLS and ARCWAY_CHAOS_SEED make it larger or repeat one that failed.
"""

import os
import random
import shutil
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from arcway_local.functions.journal import FILE_NAME, Journal
from tests.contract.functions_host.hosting import MANAGEMENT, Host, eventually, hosted

RUNS = int(os.environ.get("ARCWAY_CHAOS_RUNS", "16"))
KILLS = int(os.environ.get("ARCWAY_CHAOS_KILLS", "3"))
EFFECTS_OF_ONE = {"1 0", "1 1", "1 2", "2 0", "2 1", "2 2"}
ACTIVITIES_AT_ONCE = 4
"""As the app's host.json says: no more can be under way, and so have to be repeated, when the host is killed."""


class Experiment:
    """The app, its effects, and what the host has acknowledged so far."""

    def __init__(self, folder: Path, seed: int, workers: int) -> None:
        self.random = random.Random(seed)
        self.app = folder / "app"
        shutil.copytree(Path(__file__).parent / "app", self.app, ignore=shutil.ignore_patterns("__pycache__"))
        self.effects_file = folder / "effects"
        self.effects_file.touch()
        self.settings = {"EFFECTS": str(self.effects_file), "FUNCTIONS_WORKER_PROCESS_COUNT": str(workers)}
        self.data = folder / "data"
        self.log = folder / "log"
        self.acknowledged: dict[str, set[str]] = {f"run{number:04}": set() for number in range(RUNS)}
        self.suspended = set(self.random.sample(sorted(self.acknowledged), RUNS // 4))

    def effects(self) -> list[str]:
        return self.effects_file.read_text().splitlines()

    def ask(self, host: Host, name: str) -> None:
        """Ask for everything that has not been acknowledged for this run yet; ends early when the host is gone."""
        acknowledged = self.acknowledged[name]
        try:
            if "start" not in acknowledged and host.status(name).status_code == 404:
                url = f"{MANAGEMENT}/orchestrators/everything/{name}"
                assert host.http.post(url, json={"round": 1}).status_code == 202
            acknowledged.add("start")
            if "event" not in acknowledged:
                assert host.raise_event(name, "go", name).status_code == 202
                acknowledged.add("event")
            if name in self.suspended and "suspend" not in acknowledged:
                assert host.post(f"{name}/suspend").status_code == 202
                acknowledged.add("suspend")
        except httpx.TransportError:
            return

    def until_killed(self, share: float) -> None:
        """Host the app, ask for `share` of the runs, and kill the host after a random number of further effects."""
        names = sorted(self.acknowledged)[: round(len(self.acknowledged) * share)]
        target = len(self.effects()) + self.random.randrange(1, 3 * RUNS)
        with hosted(self.app, self.log, self.data, **self.settings) as host:
            with ThreadPoolExecutor(4) as pool:
                requests = [pool.submit(self.ask, host, name) for name in names]
                self.until_effects(target)
                host.kill()
            for message in requests:
                message.result()

    def until_effects(self, target: int) -> None:
        """Return at that number of effects, or when there has been none for a while: what is left is suspended."""
        pause, last, since = threading.Event(), -1, time.monotonic()
        while (count := len(self.effects())) < target and time.monotonic() < since + 0.5:
            if count != last:
                last, since = count, time.monotonic()
            pause.wait(0.001)

    def to_the_end(self) -> dict[str, object]:
        """Host the app until all runs have ended; the outputs, and the number that all runs together counted."""
        with hosted(self.app, self.log, self.data, **self.settings) as host:
            for name in self.acknowledged:
                self.ask(host, name)
            for name in self.suspended:
                host.until(name, "Suspended", "Completed")
                host.post(f"{name}/resume")
            ended: dict[str, object] = {
                name: eventually(partial(self._end, host, name), 45) for name in self.acknowledged
            }
            host.http.post(f"{MANAGEMENT}/orchestrators/reads/reads", json=None)
            return ended | {"total": host.until("reads", "Completed")["output"]}

    def _end(self, host: Host, name: str) -> object:
        document = host.status(name).json()
        assert document["runtimeStatus"] != "Failed", document["output"]
        return document["output"] if document["runtimeStatus"] == "Completed" else None


@pytest.mark.timeout(300 + RUNS + 10 * KILLS)
@pytest.mark.parametrize("workers", [1, 2])
def test_runs_of_every_kind_survive_kills_at_random_moments(tmp_path: Path, workers: int) -> None:
    seed = int(os.environ.get("ARCWAY_CHAOS_SEED") or random.randrange(10**6))
    experiment = Experiment(tmp_path, seed, workers)
    for number in range(KILLS):
        experiment.until_killed((number + 1) / KILLS)
    outcome = experiment.to_the_end()

    replay = f"ARCWAY_CHAOS_SEED={seed}"
    assert outcome == {name: [2, name, 1] for name in experiment.acknowledged} | {"total": RUNS}, replay
    expected = {f"{name} {effect}" for name in experiment.acknowledged for effect in EFFECTS_OF_ONE}
    expected |= {f"{name}-{turn} child" for name in experiment.acknowledged for turn in (1, 2)}
    times = Counter(experiment.effects())
    assert set(times) == expected, replay
    assert times.total() - len(expected) <= KILLS * ACTIVITIES_AT_ONCE, replay
    journal = Journal(experiment.data / FILE_NAME)
    remaining = {
        table: journal.read(f"SELECT count(*) FROM {table}")[0][0]
        for table in ("activities", "lock_requests", "delayed_signals")
    }
    journal.close()
    assert remaining == {"activities": 0, "lock_requests": 0, "delayed_signals": 0}, replay
