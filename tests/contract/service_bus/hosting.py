"""Runs the Service Bus as a process of its own, and talks to its control API. Knows the command line and HTTP only."""

import json
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).with_name("Config.json")
READY_SECONDS = 240
STOP_SECONDS = 240


@dataclass
class Bus:
    """A running Service Bus."""

    process: subprocess.Popen[str]
    connection_string: str
    control: str

    @property
    def port(self) -> int:
        return int(self.connection_string.split(";")[0].rpartition(":")[2])

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the control API; the answer."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.control}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=240) as response:
            content = response.read()
        parsed = json.loads(content) if content else {}
        assert isinstance(parsed, dict)
        return parsed

    def counts(self, path: str) -> dict[str, int]:
        """How many messages an entity has, by what they wait for."""
        result = self.call("GET", "/entities")["entities"][path]
        assert isinstance(result, dict)
        return result

    def kill(self) -> None:
        """`kill -9`, and wait for the end."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)


def launch(*arguments: str, config: Path = CONFIG) -> Bus:
    """Start it and wait until it is ready."""
    command = [sys.executable, "-m", "arcway_local.service_bus", "--config", str(config), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], READY_SECONDS)
    line = process.stdout.readline() if readable else ""
    if not line:
        process.kill()
        process.wait(STOP_SECONDS)
        process.stdout.close()
        raise AssertionError("the Service Bus did not become ready")
    ready = json.loads(line)
    return Bus(process, ready["connectionString"], ready["control"])


def stop(bus: Bus) -> int:
    """End it in order; the exit code."""
    if bus.process.poll() is None:
        bus.process.send_signal(signal.SIGTERM)
    try:
        return bus.process.wait(STOP_SECONDS)
    finally:
        if bus.process.poll() is None:
            bus.kill()
        assert bus.process.stdout is not None
        bus.process.stdout.close()


@contextmanager
def running(*arguments: str, config: Path = CONFIG) -> Iterator[Bus]:
    """A Service Bus for as long as the block lasts."""
    bus = launch(*arguments, config=config)
    try:
        yield bus
    finally:
        stop(bus)
