"""Runs the embedded host as a process of its own and talks to it: the worker library allows one app per process."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

VALUES = {"SAMPLE_HUB": "SampleHub", "SAMPLE_SCHEDULE": "* * * * * *", "SAMPLE_OVERRIDDEN": "from the file"}
MANAGEMENT = "/runtime/webhooks/durabletask"


class Host:
    """A running host with an HTTP client for it."""

    def __init__(self, ready: dict[str, Any], process: subprocess.Popen[str], log: Path, http: httpx.Client) -> None:
        self.url: str = ready["url"]
        self.functions: list[str] = ready["functions"]
        self.key: str = ready["managementKey"]
        self.process = process
        self.http = http
        self._log = log

    def kill(self) -> None:
        """End the process as `kill -9` does."""
        self.process.kill()
        self.process.wait(240)

    def log(self) -> str:
        """Everything written to stderr so far."""
        return self._log.read_text()

    def start(self, name: str, instance_id: str, value: Any = None) -> httpx.Response:
        """Start an orchestration through the app's own client."""
        return self.http.post(f"/api/start/{name}/{instance_id}", content=json.dumps(value))

    def status(self, instance_id: str, **query: str) -> httpx.Response:
        """The management API's view of one instance."""
        return self.http.get(f"{MANAGEMENT}/instances/{instance_id}", params=query)

    def post(self, path: str, **query: str) -> httpx.Response:
        """Call the management API below `instances/`."""
        return self.http.post(f"{MANAGEMENT}/instances/{path}", params=query)

    def until(self, instance_id: str, *states: str) -> dict[str, Any]:
        """The status document once the instance is in one of `states`."""

        def look() -> dict[str, Any] | None:
            reply = self.status(instance_id)
            document: dict[str, Any] = reply.json()
            return document if document.get("runtimeStatus") in states else None

        return eventually(look)

    def run(self, name: str, instance_id: str, value: Any = None) -> dict[str, Any]:
        """Start an orchestration and return its status document once it has ended."""
        reply = self.start(name, instance_id, value)
        assert reply.status_code == 202, reply.text
        return self.until(instance_id, "Completed", "Failed", "Terminated")

    def raise_event(self, instance_id: str, name: str, value: Any = None) -> httpx.Response:
        """Raise an external event through the management API."""
        url = f"{MANAGEMENT}/instances/{instance_id}/raiseEvent/{name}"
        return self.http.post(url, content=json.dumps(value), headers={"Content-Type": "application/json"})

    def facts(self) -> dict[str, Any]:
        """What the app knows about itself."""
        facts: dict[str, Any] = self.http.get("/api/facts").json()
        return facts


def sample_app(folder: Path) -> Path:
    """A copy of the sample app in `folder` with its local.settings.json, which is never kept under version control."""
    app = folder / "app"
    shutil.copytree(Path(__file__).parent / "sample_app", app, ignore=shutil.ignore_patterns("__pycache__"))
    (app / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": VALUES}))
    return app


def eventually[T](look: Callable[[], T | None], within: float = 240.0) -> T:
    """The first result of `look` that is not None; fails after `within` seconds."""
    deadline, pause = time.monotonic() + within, threading.Event()
    while (result := look()) is None:
        assert time.monotonic() < deadline, f"nothing after {within} s"
        pause.wait(0.03)
    return result


def command(app: Path, *arguments: str) -> list[str]:
    """The command line that hosts `app`."""
    return [sys.executable, "-m", "arcway_local.functions", "--app", str(app), *arguments]


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with the repository importable from anywhere."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONDONTWRITEBYTECODE": "1"} | settings


@contextmanager
def hosted(app: Path, log: Path, data: Path | None = None, **settings: str) -> Iterator[Host]:
    """Host `app` on a free port with stderr in the file `log`; killed at the end if it will not stop.

    `data` is the folder of the journal.
    """
    call = command(app, "--port", "0", *(("--data", str(data)) if data else ()))
    with log.open("w") as stderr:
        process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment(**settings))
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, log.read_text()
        ready = json.loads(line)
        headers = {"x-functions-key": ready["managementKey"]}
        with httpx.Client(base_url=ready["url"], timeout=240, trust_env=False, headers=headers) as http:
            yield Host(ready, process, log, http)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(240)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def refused(app: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The outcome of a host that is expected not to start."""
    call: Sequence[str] = command(app, *(arguments or ("--port", "0")))
    return subprocess.run(call, capture_output=True, text=True, timeout=240, env=environment(), check=False)
