"""W3C trace contexts: taken from requests, handed on to every call, and the spans that the durable extension emits.

Spans go to whatever tracer provider the hosted app has set up with OpenTelemetry; without one there are none. The
identity of an orchestration's span follows from its execution, so that it outlives the host without being kept. The
module knows neither engine nor worker.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import tracing

_PARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def from_headers(headers: Mapping[str, str]) -> pb.TraceContext | None:
    """The context that a request continues, None if it names none."""
    parent = headers.get("traceparent", "")
    if not _PARENT.fullmatch(parent):
        return None
    return _context(parent, headers.get("tracestate", ""))


def of_execution(execution_id: str, parent: pb.TraceContext | None) -> pb.TraceContext:
    """The context of an orchestration's own span: in its parent's trace, or in one of its own."""
    digest = hashlib.sha256(execution_id.encode()).hexdigest()
    if parent is None or not _PARENT.fullmatch(parent.traceParent):
        return _context(f"00-{digest[:32]}-{digest[32:48]}-01", "")
    version, trace, _, flags = parent.traceParent.split("-")
    return _context(f"{version}-{trace}-{digest[32:48]}-{flags}", parent.traceState.value)


def of_work(execution_id: str, parent: pb.TraceContext | None, context: pb.TraceContext) -> pb.TraceContext:
    """The context of what an orchestration starts: a span of the app's, or the orchestration's own.

    The SDK, which does not know the latter, gives that of the orchestration's parent.
    """
    if context.traceParent and (parent is None or context.traceParent != parent.traceParent):
        return context
    return of_execution(execution_id, parent)


def _context(parent: str, state: str) -> pb.TraceContext:
    context = pb.TraceContext(traceParent=parent, spanID=parent.split("-")[2])
    if state:
        context.traceState.value = state
    return context


def texts(context: pb.TraceContext | None) -> tuple[str, str]:
    """The traceparent and tracestate of a context, empty for none."""
    return ("", "") if context is None else (context.traceParent, context.traceState.value)


@contextmanager
def activity_span(
    name: str, instance_id: str, task: int, parent: pb.TraceContext | None
) -> Iterator[pb.TraceContext | None]:
    """A span around one activity; yields the context that the activity itself continues."""
    attributes = {
        tracing.ATTR_TASK_TYPE: "activity",
        tracing.ATTR_TASK_NAME: name,
        tracing.ATTR_TASK_INSTANCE_ID: instance_id,
        tracing.ATTR_TASK_TASK_ID: str(task),
    }
    kind = tracing.SpanKind.SERVER  # type: ignore[attr-defined]
    with tracing.start_span(tracing.create_span_name("activity", name), parent, kind, attributes) as span:
        try:
            yield tracing.get_current_trace_context() or parent
        except Exception as error:
            tracing.set_span_error(span, error)
            raise


def orchestration_span(
    name: str,
    instance_id: str,
    began: datetime,
    ended: pb.CompleteOrchestrationAction,
    contexts: tuple[pb.TraceContext | None, pb.TraceContext],
) -> None:
    """The span of an orchestration that has ended; `contexts` are its parent's and its own."""
    parent, own = contexts
    tracing.emit_orchestration_span(
        name,
        instance_id,
        int(began.timestamp() * 1e9),
        ended.orchestrationStatus == pb.ORCHESTRATION_STATUS_FAILED,
        ended.failureDetails if ended.HasField("failureDetails") else None,
        parent_trace_context=parent,
        orchestration_trace_context=own,
    )
