"""The lines that say what the service does, the instruments that they feed, and the traces of steps."""

import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.pipeline import Pipeline, PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy
from azure.core.rest import HttpRequest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from activities.step import perform
from arcway import metrics, tracing
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import Origin
from arcway.domain.observations import EVENTS, LOGGER, observe
from arcway.telemetry import one_line
from tests.installations import local_installation

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
REQUEST = {
    "operation": "update",
    "subscriptionId": "aaaaaaaa-0000-4000-8000-000000000001",
    "resourceGroup": "Edge",
    "name": "shop",
    "tags": {"a": "b"},
}
PAYLOAD: dict[str, Any] = {
    "request": REQUEST,
    "runId": "0123456789ab",
    "id": "cluster-x.0123456789ab",
    "phase": "checkCluster",
    "attempt": 2,
    "correlationId": "correlation-1",
    "traceparent": TRACEPARENT,
}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, LOGGER)
    return lambda: [json.loads(record.getMessage()) for record in caplog.records if record.name == LOGGER]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", lambda: provider.get_tracer("arcway"))
    yield exporter
    provider.shutdown()


def test_step_is_one_line(lines: Any) -> None:
    perform(lambda _: {"detail": "done"}, PAYLOAD, local_installation())
    (line,) = (line for line in lines() if line.get("run") == PAYLOAD["id"])
    assert line.get("seconds", -1) >= 0, lines()
    assert {**line, "seconds": 0} == {
        "event": "step",
        "run": "cluster-x.0123456789ab",
        "cluster": "/subscriptions/aaaaaaaa-0000-4000-8000-000000000001/resourcegroups/edge"
        "/providers/microsoft.kubernetes/connectedclusters/shop",
        "operation": "update",
        "phase": "checkCluster",
        "attempt": 2,
        "step": "<lambda>",
        "outcome": "ok",
        "seconds": 0,
    }


def test_step_that_fails_says_its_code(lines: Any) -> None:
    def throttled(_: Any) -> Any:
        raise ArcError(Code.AZURE_THROTTLED)

    perform(throttled, PAYLOAD, local_installation())
    assert [(line["outcome"], line["code"]) for line in lines()] == [("error", "ARC-4007")]


def test_error_of_our_own_is_unexpected(lines: Any) -> None:
    def broken(_: Any) -> Any:
        raise ZeroDivisionError("secret text")

    with pytest.raises(Exception, match="ZeroDivisionError"):
        perform(broken, PAYLOAD, local_installation())
    assert [line["outcome"] for line in lines()] == ["unexpected"]
    assert "secret text" not in json.dumps(lines())


def test_field_that_no_query_could_know_is_refused() -> None:
    with pytest.raises(ValueError, match="run has no field colour"):
        observe("run", colour="blue")


def test_a_line_is_json_after_it_was_made_one_line(lines: Any) -> None:
    observe("run", run="a\nb", cluster='quote " and \\', state="Succeeded")
    assert json.loads(one_line(json.dumps(lines()[0])))["cluster"] == 'quote " and \\'


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_can_be_measured(event: str) -> None:
    numbers = {"seconds": 1.0, "days": 3, "attempt": 1}
    fields = {name: numbers.get(name, "x") for name in EVENTS[event]}
    record = logging.LogRecord(LOGGER, logging.INFO, "", 0, "", (), None)
    record.observation = {"event": event, **fields}
    metrics.ObservationHandler().emit(record)


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_line_without_its_optional_fields_is_taken(event: str) -> None:
    """Of a phase that never began no time is known, nor of an event without one: neither may fail what logs it."""
    fields = {"days": 3} if event == "certificate" else {}
    record = logging.makeLogRecord({"observation": {"event": event, **fields}})
    metrics.ObservationHandler().emit(record)


def test_step_is_in_the_trace_of_its_caller(spans: InMemorySpanExporter) -> None:
    perform(lambda _: {}, PAYLOAD, local_installation())
    (span,) = spans.get_finished_spans()
    assert span.context is not None
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert (span.attributes or {})["arcway.run"] == "0123456789ab"


def test_steps_of_a_run_without_a_caller_are_one_trace(spans: InMemorySpanExporter) -> None:
    for _ in range(2):
        perform(lambda _: {}, {**PAYLOAD, "traceparent": None}, local_installation())
    first, second = (span.context.trace_id for span in spans.get_finished_spans() if span.context)
    assert first == second
    perform(lambda _: {}, {**PAYLOAD, "traceparent": None, "correlationId": "correlation-2"}, local_installation())
    assert spans.get_finished_spans()[-1].context.trace_id != first


class Sent(HTTPPolicy[Any, Any]):
    """What is sent, and a response to it."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.requests: list[Any] = []
        self._status = status

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        self.requests.append(request.http_request)
        return PipelineResponse(request.http_request, SimpleNamespace(status_code=self._status), request.context)


def test_request_to_azure_is_a_part_of_its_step(spans: InMemorySpanExporter) -> None:
    sent = Sent(429)
    pipeline: Pipeline[Any, Any] = Pipeline(None, [tracing.TracePolicy(), sent])  # type: ignore[arg-type]

    def step(_: Any) -> Any:
        pipeline.run(HttpRequest("GET", "https://management.azure.com/subscriptions/x?token=secret"))
        return {}

    perform(step, PAYLOAD, local_installation())
    call, whole = spans.get_finished_spans()
    assert (call.name, call.attributes) == (
        "GET management.azure.com",
        {
            "http.request.method": "GET",
            "server.address": "management.azure.com",
            "http.response.status_code": 429,
        },
    )
    assert call.parent is not None
    assert call.context is not None
    assert whole.context is not None
    assert call.parent.span_id == whole.context.span_id
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    assert sent.requests[0].headers["traceparent"] == f"00-{trace_id}-{call.context.span_id:016x}-01"


def test_traceparent_of_the_caller_is_kept_where_nothing_is_exported() -> None:
    sent = Sent(200)
    pipeline: Pipeline[Any, Any] = Pipeline(None, [tracing.TracePolicy(), sent])  # type: ignore[arg-type]
    request = HttpRequest("GET", "https://management.azure.com/", headers={"traceparent": TRACEPARENT})
    with tracing.step_span("x", Origin("correlation-1", TRACEPARENT)):
        pipeline.run(request)
    assert sent.requests[0].headers["traceparent"] == TRACEPARENT
    assert not isinstance(trace.get_tracer_provider(), TracerProvider)
