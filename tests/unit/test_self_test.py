"""The self-test of a process: what it finds, and what health shows of it to whom."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.installation import Installation
from arcway.private_file import memory_file_problem, private_file
from arcway.self_test import SelfTest, report_at_start, run_self_test
from tests.installations import local_installation
from tests.unit.triggers.task_hub import Api, TaskHub
from triggers.access.callers import Role
from triggers.health import _report

VAULT = "https://arcway.vault.azure.net"


class FakeHelm:
    """A Helm that loads, or not."""

    def __init__(self, problem: str | None = None) -> None:
        self.problem = problem
        self.checks = 0

    def check(self) -> None:
        self.checks += 1
        if self.problem:
            raise ArcError(Code.HELM_TIMEOUT, self.problem)


def installation(helm: FakeHelm, **settings: str) -> Installation:
    made = local_installation(**settings)
    made.__dict__["helm"] = helm
    return made


@pytest.fixture
def no_memory_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A sandbox that forbids anonymous files."""

    def forbidden(name: str, flags: int = 0) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "memfd_create", forbidden, raising=False)
    memory_file_problem.cache_clear()
    yield
    memory_file_problem.cache_clear()


def test_self_test_passes_where_everything_works(tmp_path: Path) -> None:
    test = run_self_test(installation(FakeHelm(), ARCWAY_VAULTS=VAULT, ARCWAY_WORK_DIR=str(tmp_path / "work")))
    assert (test.passed, test.settings, test.work_folder, test.helm) == (True, None, None, None)


def test_library_that_does_not_load_is_reported(tmp_path: Path) -> None:
    helm = FakeHelm("The Helm worker died during check: OSError: GLIBC_2.34 not found")
    test = run_self_test(installation(helm, ARCWAY_VAULTS=VAULT, ARCWAY_WORK_DIR=str(tmp_path / "work")))
    assert not test.passed
    assert "GLIBC_2.34 not found" in (test.helm or "")


def test_work_folder_that_others_reach_is_reported(tmp_path: Path) -> None:
    made = installation(FakeHelm(), ARCWAY_VAULTS=VAULT, ARCWAY_WORK_DIR=str(tmp_path / "work"))
    (tmp_path / "work").mkdir()
    (tmp_path / "work").chmod(0o755)
    test = run_self_test(made)
    assert not test.passed
    assert "accessible to other users" in (test.work_folder or "")


def test_installation_without_a_vault_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    made = installation(FakeHelm())
    test = run_self_test(made)
    assert (test.passed, test.settings) == (False, "ARCWAY_VAULTS names no vault, so no kubeconfig can be read")
    report_at_start(made)
    assert "self-test: settings: ARCWAY_VAULTS names no vault" in caplog.text


@pytest.mark.usefixtures("no_memory_files")
def test_secrets_are_in_a_private_folder_where_memory_files_are_forbidden() -> None:
    with private_file("content") as path:
        status = Path(path).stat()
        assert (Path(path).read_text(), stat.S_IMODE(status.st_mode)) == ("content", 0o600)
        assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
    assert not Path(path).exists()


@pytest.mark.usefixtures("no_memory_files")
def test_forbidden_memory_files_are_reported_and_not_a_failure() -> None:
    test = run_self_test(installation(FakeHelm(), ARCWAY_VAULTS=VAULT))
    assert test.passed
    assert _report(test).memory_files == "a private folder instead: the system forbids it: Operation not permitted"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has anonymous files")
def test_memory_files_work_on_linux() -> None:
    assert memory_file_problem() is None


def test_report_names_what_is_running() -> None:
    assert set(_report(None).model_dump().values()) == {"running"}
    assert set(_report(SelfTest(None, None, None, None)).model_dump().values()) == {"ok"}


@pytest.mark.parametrize(("problem", "status"), [(None, 200), ("no library", 503)])
async def test_health_is_503_when_the_self_test_fails(
    problem: str | None, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arcway.queries.resource_manager_answers", lambda _: "AzureCloud")
    api = Api(TaskHub(), Role.READ, installation=installation(FakeHelm(problem), ARCWAY_VAULTS=VAULT))
    response = await api.send("GET health")
    assert response.status == status
    assert response.body["selfTest"]["helm"].startswith("ok" if problem is None else "ARC-5004")


async def test_self_test_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arcway.queries.resource_manager_answers", lambda _: "AzureCloud")
    monkeypatch.setattr("triggers.dependencies.FRESH_SECONDS", 0.0)
    helm = FakeHelm()
    api = Api(TaskHub(), installation=installation(helm, ARCWAY_VAULTS=VAULT))
    await api.send("GET health")
    await api.send("GET health")
    assert helm.checks == 1


async def test_failed_self_test_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arcway.queries.resource_manager_answers", lambda _: "AzureCloud")
    monkeypatch.setattr("triggers.dependencies.FRESH_SECONDS", 0.0)
    monkeypatch.setattr("triggers.dependencies.RETEST_SECONDS", 0.0)
    helm = FakeHelm("no library")
    api = Api(TaskHub(), installation=installation(helm, ARCWAY_VAULTS=VAULT))
    assert (await api.send("GET health")).status == 503
    helm.problem = None
    assert (await api.send("GET health")).status == 200
