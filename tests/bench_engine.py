"""Measures the embedded engine and host, and how far what is bound in time passes its bound; asserts nothing."""

import socket
import tempfile
import time
from pathlib import Path
from unittest import mock

from arcway.cli.client import CommandError
from arcway.cli.credentials import exec_plugin
from arcway.cluster.access.kubeconfig import Access, read_kubeconfig
from arcway.cluster.helm import pool
from arcway.cluster.helm.pool import WorkerPool
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway_local.certificates import CertificateAuthority
from tests.arcway_local.functions.conftest import Place
from tests.arcway_local.functions.driving import open_runs
from tests.contract.functions_host.hosting import hosted, sample_app
from tests.unit.cli.test_exec_plugin import CLUSTER, plugin

_RUNS = 1000
_PLUGIN_SECONDS = 0.5
_HELM_SECONDS = 2.0


def measure() -> Json:
    """Seconds of the wall clock, and of the processor where the name has it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return {
            f"recovery of {_RUNS} open runs, seconds": _recovery(folder),
            "processor seconds of an idle host in one second": _idle(folder),
            "seconds past an exec plug-in's limit": _plugin(),
            "seconds past Helm's limit at a silent server": _helm(folder),
        }


def _recovery(folder: Path) -> float:
    place = Place(folder / "journal.db")
    try:
        open_runs(place.engine, _RUNS)
        place.engine.stop()
        begun = time.perf_counter()
        place.again()
        return round(time.perf_counter() - begun, 2)
    finally:
        place.close()


def _idle(folder: Path) -> float:
    with hosted(sample_app(folder), folder / "log", SAMPLE_SCHEDULE="0 0 0 1 1 *") as host:
        host.start("listens", "idle")
        host.until("idle", "Running")
        host.start("waits", "one-second", 1)
        facts_before: float = host.facts()["cpu"]
        host.http.get("/api/wait/one-second").raise_for_status()
        return round(float(host.facts()["cpu"]) - facts_before, 3)


def _plugin() -> float:
    with mock.patch.object(exec_plugin, "LONGEST_SECONDS", _PLUGIN_SECONDS):
        begun = time.perf_counter()
        try:
            exec_plugin.run(plugin("import signal; signal.pause()"), CLUSTER, "me", yes=True)
        except CommandError:
            return round(time.perf_counter() - begun - _PLUGIN_SECONDS, 2)
    raise AssertionError("the plug-in never ends")


def _helm(folder: Path) -> float:
    authority = CertificateAuthority.open(folder / "ca")
    helm = WorkerPool(folder / "work", 1, None)
    try:
        with socket.create_server(("127.0.0.1", 0)) as silent, mock.patch.object(pool, "CALL_SECONDS", _HELM_SECONDS):
            server = f"https://127.0.0.1:{silent.getsockname()[1]}"
            cluster_access = Access(server, authority.certificate_pem.decode(), token="nobody")
            access = read_kubeconfig(cluster_access.as_kubeconfig(), None, allow_loopback=True)
            begun = time.perf_counter()
            try:
                helm.release(access, "agents", "none")
            except ArcError:
                return round(time.perf_counter() - begun - _HELM_SECONDS, 2)
    finally:
        helm.close()
    raise AssertionError("the server never answers")
