"""The command line follows a run while the function app is killed and started again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from arcway_local import stack as embedded
from arcway_local.stack import Options
from tests.chaos.stack.storm import restarted, start

ROOT = Path(__file__).parents[3]
KILLS = 2


@pytest.mark.timeout(600)
def test_following_survives_kills_of_the_function_app(tmp_path: Path) -> None:
    stack = embedded.start(tmp_path, Options(clusters=1, seconds=2.0))
    try:
        run_id = start(stack, 1)
        environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "ARCWAY_STATE": str(tmp_path)}
        command = [sys.executable, "-W", "ignore", "-m", "arcway.cli", "status", run_id, "--follow"]
        follower = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(KILLS):
            _wait_for_change(stack.url, run_id)
            os.kill(stack.pids["functions"], signal.SIGKILL)
            assert follower.poll() is None, follower.communicate()
            stack = restarted(tmp_path)
        output, errors = follower.communicate(timeout=300)
    finally:
        embedded.stop(tmp_path)
    assert follower.returncode == 0, errors
    assert "waitForMetadata: Succeeded" in errors
    assert "Succeeded" in output


def _wait_for_change(url: str, run_id: str) -> None:
    """Wait until the run is in another phase, so that every kill hits a run in progress."""
    first = httpx.get(f"{url}/api/runs/{run_id}", timeout=60).raise_for_status().json()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        run = httpx.get(f"{url}/api/runs/{run_id}", timeout=60).raise_for_status().json()
        assert run["finishedAt"] is None
        if (run["phase"], run["updatedAt"]) != (first["phase"], first["updatedAt"]):
            return
        time.sleep(0.05)
    raise AssertionError("the run does not change")
