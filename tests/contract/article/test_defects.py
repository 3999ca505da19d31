"""docs/compared-with-az.md names tests that exist; and the proofs that no other test gives."""

import inspect
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from arcway.azure.providers import Providers
from arcway.cli.connect import check, connect
from arcway.cli.disconnect import disconnect
from arcway.cli.option_groups import Proxy
from arcway.cli.update import update
from arcway.cli.upgrade import upgrade
from arcway.cluster.agents import key_pair
from arcway.cluster.helm.cli import HelmProgram
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from tests.contract.article.naming import ROOT, existing_tests, named_in, rows

PAGES = [ROOT / "docs" / name for name in ("compared-with-az.md", "field-reports.md")]
RUNS = 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_row_says_what_proves_it(page: Path) -> None:
    result = rows(page.read_text())
    assert {len(row) for row in result} == {3}
    assert [row for row in result if not named_in(row[2])] == []
    assert set(named_in(page.read_text())) - existing_tests() == set()


if TYPE_CHECKING:
    from azure.mgmt.resource.resources import ResourceManagementClient


class Subscription:
    """Counts how often a provider namespace was asked about and asked to register."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._lock = threading.Lock()
        self.providers = self

    def get(self, namespace: str) -> Any:
        self._count(f"get {namespace}")
        return SimpleNamespace(as_dict=lambda: {"registrationState": "Registering"})

    def register(self, namespace: str) -> None:
        self._count(f"register {namespace}")

    def _count(self, call: str) -> None:
        with self._lock:
            self.calls.append(call)


def test_a_provider_is_asked_about_once_however_many_runs_wait() -> None:
    azure, now = Subscription(), [0.0]
    providers = Providers(lambda subscription: cast("ResourceManagementClient", azure), clock=lambda: now[0])
    every = list(range(RUNS))
    with ThreadPoolExecutor(RUNS) as runs:
        assert set(runs.map(lambda _: providers.state("one", "Microsoft.Kubernetes"), every)) == {"Registering"}
        assert sum(runs.map(lambda _: providers.register("one", "Microsoft.Kubernetes"), every)) == 1
        assert azure.calls == ["get Microsoft.Kubernetes", "register Microsoft.Kubernetes"]
        list(runs.map(lambda _: providers.state("one", "Microsoft.Kubernetes"), every))
        assert len(azure.calls) == 3
        now[0] = 6.0
        list(runs.map(lambda _: providers.state("one", "Microsoft.Kubernetes"), every))
        assert len(azure.calls) == 4
        # Another subscription is another question.
        providers.state("two", "Microsoft.Kubernetes")
        assert len(azure.calls) == 5


@pytest.mark.parametrize("command", [connect, check, disconnect, update, upgrade])
def test_every_command_that_starts_a_run_takes_the_proxy(command: Any) -> None:
    assert inspect.signature(command).parameters["proxy"].annotation is Proxy


def test_what_helm_says_is_read_in_any_language(tmp_path: Path) -> None:
    expected_text = "Error: schlägt fehl: 失败 ✗"
    program = tmp_path / "helm"
    program.write_text(f"#!/bin/sh\necho '{expected_text}' >&2\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    helm = HelmProgram(program, tmp_path / "work", count=1, ca_file=None)
    with pytest.raises(ArcError) as caught:
        helm.digest_of("r.example/charts/agents:1.0.0")
    assert (caught.value.code, expected_text in caught.value.message) == (Code.CHART_UNAVAILABLE, True)


def test_the_command_writes_nothing_at_home(tmp_path: Path) -> None:
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    for arguments in (["--help"], ["list", "--server", "http://127.0.0.1:1", "--subscription", "s"]):
        command = [sys.executable, "-W", "ignore", "-m", "arcway.cli", *arguments]
        subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, timeout=240, check=False)
    assert list(tmp_path.iterdir()) == []


def test_openssl_makes_the_key_pair() -> None:
    assert vars(key_pair)["rsa"] is rsa
    assert "openssl" in type(rsa.generate_private_key(public_exponent=65537, key_size=2048)).__module__


def test_helm_comes_with_the_requirements() -> None:
    shipped = [file for file in metadata.files("helm-python-sdk") or [] if file.suffix == ".so"]
    assert shipped
    assert "helm-python-sdk==" in (ROOT / "requirements.txt").read_text()
