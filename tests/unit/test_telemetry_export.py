"""Where spans and metrics go, in a process of its own each, because a process has one provider."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_CODE = """
import os, sys
from arcway.domain.ids import Origin
from arcway.domain.observations import observe
from arcway.telemetry_export import export_telemetry
from arcway.tracing import step_span
print(export_telemetry(os.environ))
with step_span("check_cluster", Origin("correlation-1")):
    observe("run", run="r", operation="onboard", state="Succeeded", seconds=1.0)
from opentelemetry import metrics, trace
for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
    if hasattr(provider, "force_flush"):
        provider.force_flush()
        provider.shutdown()
"""


def exported(**environment: str) -> tuple[str, str]:
    completed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CODE],
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environment},
        timeout=120,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.strip(), completed.stderr


class Collector:
    """An OTLP endpoint."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.bodies[self.path] = collector.bodies.get(self.path, b"") + body
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing is logged."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


def test_nothing_is_exported_by_default() -> None:
    assert exported()[0] == "None"


def test_console_gets_spans_and_counts() -> None:
    kind, errors = exported(ARCWAY_TELEMETRY="console")
    objects = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    assert kind == "console"
    assert "step check_cluster" in [item.get("name") for item in objects]
    assert "arcway.runs" in errors


def test_otlp_endpoint_gets_spans_and_counts(collector: Collector) -> None:
    endpoint = f"http://127.0.0.1:{collector.server.server_port}"
    kind, _ = exported(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_COMPRESSION="none")
    assert kind == "otlp"
    assert b"step check_cluster" in collector.bodies["/v1/traces"]
    assert b"arcway.runs" in collector.bodies["/v1/metrics"]
