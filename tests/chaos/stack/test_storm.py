"""Kills at random moments lose nothing: every run ends Connected, nothing is doubled."""

import os
import random
from pathlib import Path

import pytest

from tests.chaos.stack.storm import storm

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
