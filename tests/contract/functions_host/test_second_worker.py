"""The second worker process: who does what, and what happens when it, or its host, ends."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.functions_host.hosting import Host, command, environment, eventually, hosted

TWO = {"FUNCTIONS_WORKER_PROCESS_COUNT": "2"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, folder = Path(__file__).parent / "process_app", tmp_path_factory.mktemp("processes") / "app"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def host(app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with hosted(app, tmp_path_factory.mktemp("log") / "log", None, **TWO) as running:
        yield running


def outcome(host: Host, name: str, activity: str, value: Any) -> Any:
    document = host.run("calls", name, {"activity": activity, "input": value})
    assert document["runtimeStatus"] == "Completed", document
    return document["output"]


def started(path: Path) -> int | None:
    return int(path.read_text()) if path.exists() and path.read_text() else None


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_activities_run_in_a_process_of_their_own_after_everything_else(host: Host, name: str) -> None:
    reply = outcome(host, name, "where", {"ä": [1, None, "\n"]})
    assert reply["payload"] == {"ä": [1, None, "\n"]}
    assert reply["process"] not in (host.process.pid, os.getpid())
    assert reply["nice"] > os.nice(0)
    assert host.http.get("/api/process").text == str(host.process.pid)


def test_an_activity_that_raises_fails_its_call(host: Host, name: str) -> None:
    document = host.run("calls", name, {"activity": "raises", "input": "too bad"})
    assert document["runtimeStatus"] == "Failed"
    assert "too bad" in document["output"]


def test_an_activity_gets_the_client_of_the_engine(host: Host, name: str) -> None:
    assert outcome(host, name, "asks", name) == "calls"


def test_the_call_is_repeated_when_the_process_has_ended(host: Host, name: str, tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    host.start("calls", f"{name}-beside", {"activity": "waits", "input": str(beside)})
    first = eventually(lambda: started(beside))
    calls = tmp_path / "calls"
    assert outcome(host, name, "ends_the_process", {"file": str(calls), "times": 1}) == 2
    # What ran beside it is repeated, too.
    eventually(lambda: started(beside) != first or None)
    beside.unlink()
    assert host.until(f"{name}-beside", "Completed")["output"] == "gone"
    assert len(set(calls.read_text().split())) == 2


def test_what_is_called_while_there_is_no_process_is_called_once_by_the_next(
    host: Host, name: str, tmp_path: Path
) -> None:
    os.kill(outcome(host, name, "where", None)["process"], signal.SIGKILL)
    calls = tmp_path / "calls"
    for number in range(20):
        request = {"activity": "ends_the_process", "input": {"file": str(calls), "times": 0}}
        assert host.start("calls", f"{name}-{number}", request).status_code == 202
    for number in range(20):
        assert host.until(f"{name}-{number}", "Completed", "Failed")["runtimeStatus"] == "Completed"
    assert len(calls.read_text().splitlines()) == 20


def test_an_activity_that_ends_each_process_fails_its_call_alone(host: Host, name: str, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    request = {"activity": "ends_the_process", "input": {"file": str(calls), "times": 99}}
    document = host.run("calls", name, request)
    assert document["runtimeStatus"] == "Failed"
    assert "the worker ended with 9 at each of 5 attempts" in document["output"]
    assert len(calls.read_text().splitlines()) == 5
    assert outcome(host, f"{name}-after", "where", None)["payload"] is None


def test_the_process_ends_with_a_host_that_is_killed_and_its_call_is_repeated(
    app: Path, name: str, tmp_path: Path
) -> None:
    beside = tmp_path / "beside"
    with hosted(app, tmp_path / "log", tmp_path / "data", **TWO) as host:
        host.start("calls", name, {"activity": "waits", "input": str(beside)})
        worker = eventually(lambda: started(beside))
        host.kill()
        eventually(lambda: has_ended(worker) or None, 5)
    beside.unlink()
    with hosted(app, tmp_path / "log", tmp_path / "data", **TWO) as host:
        assert eventually(lambda: started(beside)) != worker
        beside.unlink()
        assert host.until(name, "Completed")["output"] == "gone"


def test_an_orderly_stop_ends_the_process_whatever_it_does(app: Path, name: str, tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    with hosted(app, tmp_path / "log", None, **TWO) as host:
        host.start("calls", name, {"activity": "waits", "input": str(beside)})
        worker = eventually(lambda: started(beside))
        host.process.send_signal(signal.SIGTERM)
        assert host.process.wait(60) == 0
    assert has_ended(worker)


@pytest.mark.parametrize("count", ["0", "3", "two", ""])
def test_a_number_of_workers_that_this_host_has_not_is_refused(app: Path, count: str) -> None:
    call = command(app, "--port", "0")
    variables = environment(FUNCTIONS_WORKER_PROCESS_COUNT=count)
    ended = subprocess.run(call, capture_output=True, text=True, timeout=240, env=variables, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[-1] == "FUNCTIONS_WORKER_PROCESS_COUNT must be 1 or 2 with this host."


def test_an_app_that_cannot_be_loaded_is_refused_once(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "host.json").write_text('{"version": "2.0"}')
    (app / "function_app.py").write_text("import nothing_of_that_name")
    call = command(app, "--port", "0")
    ended = subprocess.run(call, capture_output=True, text=True, timeout=240, env=environment(**TWO), check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[-1].startswith(f"The app in {app} cannot be loaded: ModuleNotFoundError")
    assert "Traceback" not in ended.stderr
