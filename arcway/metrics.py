"""Counts and times, as OpenTelemetry's instruments: of the lines of `arcway.domain.observations`, and of Helm's slots.

Without an exporter (`arcway.telemetry_export`) they cost next to nothing and go nowhere.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import metrics

from arcway.domain.observations import LOGGER

_meter = metrics.get_meter("arcway")
_runs = _meter.create_counter("arcway.runs", description="Runs by operation, state and code")
_phase_seconds = _meter.create_histogram("arcway.phase.duration", "s", "Time of a phase by name and state")
_step_seconds = _meter.create_histogram("arcway.step.duration", "s", "Time of a step by name, outcome and code")
_throttled = _meter.create_counter("arcway.arm.throttled", description="Requests that Azure refused or that waited")
_broker_lag = _meter.create_histogram("arcway.broker.lag", "s", "Time from an event to its publication")
_certificate_days = _meter.create_gauge("arcway.certificate.days", "d", "Days left of the certificate of agents")
_slots = _meter.create_up_down_counter("arcway.helm.slots", description="Helm calls in progress")
_slot_seconds = _meter.create_histogram("arcway.helm.slot.wait", "s", "Time that a Helm call waited for a slot")


def _labels(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields}


def _count_run(fields: Mapping[str, Any]) -> None:
    _runs.add(1, _labels(fields, "operation", "state", "code"))


def _time(histogram: metrics.Histogram, fields: Mapping[str, Any], *labels: str) -> None:
    """A line without a time is not measured: a phase that never began has none, nor has an event without one."""
    if "seconds" in fields:
        histogram.record(fields["seconds"], _labels(fields, *labels))


def _time_phase(fields: Mapping[str, Any]) -> None:
    _time(_phase_seconds, fields, "operation", "phase", "state")


def _time_step(fields: Mapping[str, Any]) -> None:
    _time(_step_seconds, fields, "step", "outcome", "code")


def _count_throttling(fields: Mapping[str, Any]) -> None:
    _throttled.add(1, _labels(fields, "kind", "refused"))


def _time_event(fields: Mapping[str, Any]) -> None:
    _time(_broker_lag, fields, "type")


def _note_certificate(fields: Mapping[str, Any]) -> None:
    _certificate_days.set(fields["days"], _labels(fields, "cluster"))


_OF_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "run": _count_run,
    "phase": _time_phase,
    "step": _time_step,
    "throttled": _count_throttling,
    "published": _time_event,
    "certificate": _note_certificate,
}


class ObservationHandler(logging.Handler):
    """Feeds the instruments with the lines that are logged: the orchestrators, which log, may not measure."""

    def emit(self, record: logging.LogRecord) -> None:
        """Count or time what one line says."""
        fields: Mapping[str, Any] = getattr(record, "observation", {})
        if measure := _OF_EVENTS.get(fields.get("event", "")):
            measure(fields)


def measure_observations() -> None:
    """Feed the instruments from now on. Call it once when the process starts; a repeat changes nothing."""
    logger = logging.getLogger(LOGGER)
    if not any(isinstance(handler, ObservationHandler) for handler in logger.handlers):
        logger.addHandler(ObservationHandler())


def helm_slot_taken(waited: float) -> None:
    """A Helm call begins; it waited `waited` seconds for its slot."""
    _slot_seconds.record(waited)
    _slots.add(1)


def helm_slot_free() -> None:
    """A Helm call has ended."""
    _slots.add(-1)
