"""The real control plane that tests share: found or booted once per test run, stopped at its end.

A pytest plug-in. ARCWAY_TEST_KUBECONFIG names a kubeconfig to use instead (kind, k3s). Where neither is there, tests
that need one are skipped with one loud line, or fail if ARCWAY_TEST_CONTROL_PLANE is `required`.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from arcway_local.cluster.real.binaries import CONTROL_PLANE, HELM_CLIENT

_FOLDER = "ARCWAY_TEST_CONTROL_PLANE_DIR"
_ROOT = Path(__file__).resolve().parents[1]
_STOP_SECONDS = 240.0
NOT_BUILT = "NO REAL CONTROL PLANE: tests that need one do not run; `scripts/control-plane build` builds it"


def pytest_configure(config: pytest.Config) -> None:
    """The process that runs the tests, or that starts the workers which do, chooses the folder they share."""
    if not hasattr(config, "workerinput"):
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="arcway-control-plane-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was booted."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(os.environ.pop(_FOLDER))
    try:
        _stop(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_report_header() -> str | None:
    """The loud line."""
    return None if os.environ.get("ARCWAY_TEST_KUBECONFIG") or CONTROL_PLANE.is_built() else NOT_BUILT


@pytest.fixture(scope="session")
def control_plane() -> Path:
    """The administrator's kubeconfig of a real control plane."""
    configured = os.environ.get("ARCWAY_TEST_KUBECONFIG")
    if configured:
        return Path(configured)
    if not CONTROL_PLANE.is_built():
        _missing(NOT_BUILT)
    folder = Path(os.environ[_FOLDER])
    with _locked(folder / "lock"):
        ready = folder / "ready.json"
        if not ready.exists():
            ready.write_text(json.dumps(_boot(folder)))
        return Path(json.loads(ready.read_text())["kubeconfigs"][0])


@pytest.fixture(scope="session")
def helm_program() -> Path:
    """Helm's own client."""
    if not HELM_CLIENT.is_built():
        _missing("NO HELM CLIENT: tests that need it do not run; `scripts/control-plane build` builds it")
    return HELM_CLIENT.folder / "helm"


def _missing(reason: str) -> None:
    if os.environ.get("ARCWAY_TEST_CONTROL_PLANE") == "required":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _boot(folder: Path) -> dict[str, Any]:
    # The one who watches over it is the process that started the workers: a worker may end before the others.
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    command = [sys.executable, "-m", "arcway_local.cluster.real", "--dir", str(folder / "plane")]
    command += ["--parent", str(owner), "run"]
    log = folder / "run.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    process.stdout.close()
    if not line:
        process.wait()
        pytest.fail(f"The control plane did not start: {log.read_text()}", pytrace=False)
    # It outlives this worker, whose wait for it would be reported as a forgotten process.
    process.returncode = 0
    ready: dict[str, Any] = json.loads(line)
    return ready


def _stop(folder: Path) -> None:
    if (folder / "ready.json").exists():
        command = [sys.executable, "-m", "arcway_local.cluster.real", "--dir", str(folder / "plane"), "down"]
        subprocess.run(command, cwd=_ROOT, check=True, timeout=_STOP_SECONDS)


@pytest.fixture
def only_user(control_plane: Path) -> Iterator[Path]:
    """The administrator's kubeconfig, for a test that needs the cluster for itself among those that ask for this."""
    with _locked(Path(os.environ[_FOLDER]) / "only-user"):
        yield control_plane


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
