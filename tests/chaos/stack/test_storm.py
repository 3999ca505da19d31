"""Kills at random moments lose nothing: every run ends Connected, nothing is doubled."""

import os
import random
import signal
import time
from pathlib import Path

import httpx
import pytest

from arcway_local import stack as embedded
from arcway_local.stack import Options
from tests.chaos.stack.storm import Report, finish, look, second_worker, start, storm

CLUSTERS = int(os.environ.get("ARCWAY_STORM_CLUSTERS", "12"))
KILLS = int(os.environ.get("ARCWAY_STORM_KILLS", "2"))
SEED = int(os.environ.get("ARCWAY_STORM_SEED", str(random.SystemRandom().randrange(10**6))))


@pytest.mark.timeout(300 + 8 * CLUSTERS)
def test_nothing_is_lost_when_processes_are_killed(tmp_path: Path) -> None:
    report = storm(tmp_path, CLUSTERS, KILLS, SEED)
    message = f"seed {report.seed}, kills {report.kills}, errors {report.errors}"
    assert len(report.kills) == KILLS
    assert report.states == {"Succeeded": CLUSTERS}, message
    assert report.revisions == {1: CLUSTERS}, message
    assert report.results == CLUSTERS, message
    assert (report.unconnected, report.other_keys, report.leases) == ([], [], 0), message


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "phase",
    [
        "deployAgents",
        pytest.param("createResource", marks=pytest.mark.slow),
        pytest.param("waitForMetadata", marks=pytest.mark.slow),
    ],
)
def test_steps_that_were_in_progress_when_the_second_worker_was_killed_are_done_again(
    tmp_path: Path, phase: str
) -> None:
    stack, report = embedded.start(tmp_path, Options(clusters=1, seconds=1.0)), Report(1, 0)
    try:
        run_id, killed = start(stack, 1), second_worker(stack)
        while (run := httpx.get(f"{stack.url}/api/runs/{run_id}", timeout=60).json())["phase"] != phase:
            assert run["finishedAt"] is None
            time.sleep(0.01)
        os.kill(killed, signal.SIGKILL)
        run = finish(stack, run_id, time.monotonic() + 200)
        look(stack, 1, report)
        assert second_worker(stack) != killed
    finally:
        embedded.stop(tmp_path)
    assert (run["state"], run["error"], run["leftovers"]) == ("Succeeded", None, [])
    assert (report.revisions, report.unconnected, report.other_keys, report.leases) == ({1: 1}, [], [], 0)
