"""The script of the network check, run by a shell with an `nc` that really connects; and the Job around it."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arcway.cluster.checks.network_check import SCRIPT, Route, read_outcome, start
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

# As much of nc as the script uses: connect; without -z send what comes in and print what comes back.
_NC = """#!{python}
import socket, sys
*options, host, port = sys.argv[1:]
try:
    with socket.create_connection((host, int(port)), 2) as connection:
        if "-z" not in options:
            connection.sendall(sys.stdin.buffer.readline() + b"\\r\\n")
            print(connection.recv(1000).decode())
except OSError:
    sys.exit(1)
"""


@pytest.fixture
def programs(tmp_path: Path) -> str:
    """A PATH with that nc; `sleep` need not be slept."""
    for name, line in (("nc", _NC.format(python=sys.executable)), ("sleep", "#!/bin/sh\n")):
        (tmp_path / name).write_text(line)
        (tmp_path / name).chmod(0o755)
    return f"{tmp_path}:{os.defpath}"


@pytest.fixture
def proxy() -> Iterator[tuple[int, list[str]]]:
    """Opens tunnels to hosts that start with `open`; tells what it was asked."""
    requests: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    line = connection.recv(1000).decode().splitlines()[0]
                    requests.append(line)
                    status = "200 OK" if "CONNECT open" in line else "403 Forbidden"
                    connection.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], requests
        over.set()
        thread.join()


def run_script(programs: str, outcome: Path, *addresses: str, proxy: str = "", direct: str = "") -> set[str]:
    environment = {"PATH": programs, "PROXY": proxy, "DIRECT": direct, "OUTCOME": str(outcome)}
    completed = subprocess.run(
        ["/bin/sh", "-c", SCRIPT, "check", *addresses], env=environment, capture_output=True, timeout=240, check=True
    )
    assert (completed.stdout, completed.stderr) == (b"", b"")
    return set(outcome.read_text().splitlines())


def test_the_script_tells_open_ports_from_closed_ones(
    programs: str, proxy: tuple[int, list[str]], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as closed:
        existing, gone = (f"127.0.0.1:{item.getsockname()[1]}" for item in (listener, closed))
        closed.close()
        assert run_script(programs, tmp_path / "direct", existing, gone) == {f"ok {existing}", f"unreachable {gone}"}
        port, request_body = proxy
        through = ("open.example:443", "shut.example:443", existing)
        written = run_script(programs, tmp_path / "proxied", *through, proxy=f"127.0.0.1:{port}", direct=existing)
        assert written == {"ok open.example:443", "unreachable shut.example:443", f"ok {existing}"}
        assert sorted(request_body) == ["CONNECT open.example:443 HTTP/1.1", "CONNECT shut.example:443 HTTP/1.1"]


class FakeApi:
    """Answers from a table and remembers what was created."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.created: list[Any] = []

    def get(self, path: str, **_: Any) -> Any:
        return self.answers.get(path.rpartition("/")[2])

    def items(self, path: str, **_: Any) -> Any:
        return self.answers.get(path.rpartition("/")[2], [])

    def create(self, path: str, body: Any) -> Any:
        self.created.append(body)
        return body


def test_what_is_not_an_address_is_refused_before_anything_is_made() -> None:
    api: Any = FakeApi()
    with pytest.raises(ArcError) as caught:
        start(api, "run", "registry/image:1", ["$(reboot):443"], Route())
    assert (caught.value.code, api.created) == (Code.NETWORK_NOT_CHECKED, [])


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "arcway-check-x"}, "status": status}


def ended(message: str | None) -> dict[str, Any]:
    terminated = {"exitCode": 0, **({"message": message} if message else {})}
    return pod(containerStatuses=[{"name": "check", "state": {"terminated": terminated}}])


_JOB = "arcway-check"
_UNSCHEDULABLE = {
    "type": "PodScheduled",
    "reason": "Unschedulable",
    "message": "0/2 nodes",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
_LATE = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({}, "The Job of the network check no longer exists."),
        ({_JOB: {}, "pods": [ended(None)]}, "The pod of the network check ended without a result."),
        (
            {_JOB: {}, "pods": [pod(conditions=[_UNSCHEDULABLE])]},
            "The pod of the network check cannot be scheduled: 0/2 nodes",
        ),
        ({_JOB: {"status": {"conditions": [_LATE]}}}, "DeadlineExceeded: too long"),
        ({_JOB: {}, "events": [{"message": "exceeded quota"}]}, "No pod can be created: exceeded quota"),
    ],
)
def test_what_keeps_the_job_from_an_outcome(answers: dict[str, Any], problem: str) -> None:
    api: Any = FakeApi(**answers)
    assert read_outcome(api).problem == problem


def test_the_outcome_is_read_line_by_line() -> None:
    api: Any = FakeApi(**{_JOB: {}, "pods": [ended("ok a.example:443\nunreachable b.example:443\nnonsense\n")]})
    observed = read_outcome(api)
    assert (observed.reachable, observed.problem) == ({"a.example:443": True, "b.example:443": False}, None)
    waiting: Any = FakeApi(**{_JOB: {}, "pods": [pod(phase="Pending")]})
    assert (read_outcome(waiting).reachable, read_outcome(waiting).problem) == (None, None)
