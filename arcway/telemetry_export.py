"""Where spans and metrics go: Application Insights, an OTLP endpoint, or the standard error of the process.

Log lines are not exported here: the Functions host takes them from the process and sends them on.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arcway.metrics import measure_observations
from arcway.service_identity import ServiceIdentity

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

INSIGHTS, OTLP, KIND = "APPLICATIONINSIGHTS_CONNECTION_STRING", "OTEL_EXPORTER_OTLP_ENDPOINT", "ARCWAY_TELEMETRY"
_EXPORT_SECONDS = 60


def export_telemetry(environment: Mapping[str, str]) -> str | None:
    """Start to export, as the settings say; returns where to, None for nowhere. Call it once when the process starts.

    ARCWAY_TELEMETRY=console wins, then OTEL_EXPORTER_OTLP_ENDPOINT, then APPLICATIONINSIGHTS_CONNECTION_STRING, with
    the identity of the service.
    """
    if environment.get(KIND) == "console":
        spans, metrics = _console()
        kind = "console"
    elif environment.get(OTLP):
        spans, metrics = _otlp()
        kind = "otlp"
    elif environment.get(INSIGHTS):
        spans, metrics = _insights(environment)
        kind = "insights"
    else:
        return None
    _install(spans, metrics, environment)
    measure_observations()
    return kind


def _install(spans: "SpanExporter", exporter: "MetricExporter", environment: Mapping[str, str]) -> None:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    instance = environment.get("ARCWAY_INSTALLATION") or environment.get("WEBSITE_SITE_NAME") or "arcway"
    resource = Resource.create({"service.name": "arcway", "service.instance.id": instance})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(spans))
    trace.set_tracer_provider(tracers)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=1000 * _EXPORT_SECONDS)
    metrics.set_meter_provider(MeterProvider([reader], resource=resource))


def _console() -> "tuple[SpanExporter, MetricExporter]":
    import sys

    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    return (
        ConsoleSpanExporter(out=sys.stderr, formatter=lambda span: span.to_json(indent=None) + "\n"),
        ConsoleMetricExporter(out=sys.stderr, formatter=lambda data: data.to_json(indent=None) + "\n"),
    )


def _otlp() -> "tuple[SpanExporter, MetricExporter]":
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(), OTLPMetricExporter()


def _insights(environment: Mapping[str, str]) -> "tuple[SpanExporter, MetricExporter]":
    from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter

    options: dict[str, Any] = {
        "connection_string": environment[INSIGHTS],
        "credential": ServiceIdentity.of(environment).credential(),
        # What cannot be sent is not kept: the folder for it would be shared by all processes of an instance.
        "disable_offline_storage": True,
    }
    return AzureMonitorTraceExporter(**options), AzureMonitorMetricExporter(**options)
