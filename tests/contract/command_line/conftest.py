"""A server of canned answers that the `arcway` command may speak with, and the command as a process."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from arcway.domain.json_values import Json

ROOT = Path(__file__).parents[3]


RESET = object()
"""In place of a body: the connection is reset."""


class Canned:
    """Answers each `METHOD path` with what is next in its list, and with the last one from then on."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[str] = []
        self.headers: dict[str, list[Message]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def give(self, request: str, *bodies: Any, status: int = 200) -> None:
        """What a request is answered with, one after another."""
        self.answers[request] = [(status, body) for body in bodies]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        canned = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = f"{self.command} {self.path.partition('?')[0].removeprefix('/api/')}"
                canned.asked.append(request)
                canned.headers.setdefault(request, []).append(self.headers)
                waiting = canned.answers[request]
                status, body = waiting[0] if len(waiting) == 1 else waiting.pop(0)
                if body is RESET:
                    # Closed with data unread, or at once, a connection is reset.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _answer  # noqa: N815 - the library's names

            def log_message(self, *_: Any) -> None:
                """Nothing is logged."""

        return Handler


@pytest.fixture
def canned() -> Iterator[Canned]:
    server = Canned()
    yield server
    server.close()


def arcway(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "arcway.cli", *arguments],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run that was started in the background has it ignored, and so would the command.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def run_of(state: str = "Succeeded", **changes: Any) -> Json:
    """A run as the API shows one."""
    over = state in ("Succeeded", "Failed", "Canceled")
    return {
        "id": "cluster-0123456789abcdef0123456789.0123456789ab",
        "operation": "onboard",
        "state": state,
        "changed": True,
        "cluster": {"name": "shop"},
        "phase": "deployAgents",
        "phases": [{"name": "deployAgents", "state": state, "attempts": 1, "detail": None, "error": None}],
        "findings": [],
        "error": None,
        "leftovers": [],
        "result": {"id": "/subscriptions/s", "name": "shop", "properties": {}} if state == "Succeeded" else None,
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": f"{state}",
        "finishedAt": "2026-01-01T00:00:09Z" if over else None,
        **changes,
    }
