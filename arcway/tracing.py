"""Spans of steps and of the requests to Azure in them, in the trace of the caller who started the run.

A run without a caller's trace has one that follows from its correlation id, so that all of its steps are one trace,
however many processes do them.
"""

import hashlib
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy
from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from arcway.domain.ids import Origin

_SPAN = "arcway_span"


def _tracer() -> trace.Tracer:
    return trace.get_tracer("arcway")


def parent_of(origin: Origin) -> contexts.Context:
    """The caller's span, or the one that stands for the run."""
    if origin.traceparent:
        return propagate.extract({"traceparent": origin.traceparent})
    digest = hashlib.sha256(origin.correlation_id.encode()).hexdigest()
    parent = SpanContext(int(digest[:32], 16), int(digest[32:48], 16), True, TraceFlags(TraceFlags.SAMPLED))
    return trace.set_span_in_context(NonRecordingSpan(parent))


@contextmanager
def step_span(name: str, origin: Origin) -> Iterator[Span]:
    """The span of a step; what goes wrong in it is noted by `fail`, without its text."""
    attributes = {"arcway.run": origin.run or "", "arcway.correlation_id": origin.correlation_id}
    with _tracer().start_as_current_span(
        f"step {name}",
        context=parent_of(origin),
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield span


def fail(span: Span, code: str) -> None:
    """Note that what the span is of failed."""
    span.set_attribute("arcway.code", code)
    span.set_status(Status(StatusCode.ERROR, code))


class TracePolicy(SansIOHTTPPolicy[Any, Any]):
    """A span for each request to Azure; the request carries it on as its traceparent."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Start the span."""
        http = request.http_request
        attributes = {"http.request.method": http.method, "server.address": urlsplit(http.url).hostname or ""}
        span = _tracer().start_span(
            f"{http.method} {attributes['server.address']}", kind=SpanKind.CLIENT, attributes=attributes
        )
        if span.is_recording():
            headers: MutableMapping[str, str] = http.headers
            propagate.inject(headers, trace.set_span_in_context(span))
        request.context[_SPAN] = span

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """End the span."""
        span = request.context.pop(_SPAN, None)
        if span is not None:
            status = response.http_response.status_code
            span.set_attribute("http.response.status_code", status)
            if status >= 400:
                span.set_status(Status(StatusCode.ERROR))
            span.end()

    def on_exception(self, request: PipelineRequest[Any]) -> None:
        """End the span of a request that has no response."""
        span = request.context.pop(_SPAN, None)
        if span is not None:
            span.set_status(Status(StatusCode.ERROR))
            span.end()
