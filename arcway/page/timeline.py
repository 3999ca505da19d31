"""A run's phases as bars on one scale of time. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from arcway.domain.connected_cluster import span
from arcway.domain.json_values import Json

_NARROWEST = 0.8


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time in percent of the whole; `kind` says what it was spent with."""

    kind: str
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """One phase: what the run says of it, how long it took in words, and its bars."""

    phase: Json
    took: str
    bars: Sequence[Bar]


def timeline(run: Json, now: datetime) -> list[Row]:
    """A row for each phase. The scale goes from the run's acceptance to its end, or to now and what is announced."""
    begun = _time(run["createdAt"])
    ends = [_time(run["finishedAt"]) if run["finishedAt"] else now]
    ends += [_time(phase["nextAttemptAt"]) for phase in run["phases"] if phase["nextAttemptAt"]]
    whole = max(0.001, (max(ends) - begun).total_seconds())
    return [_row(phase, begun, whole, now) for phase in run["phases"]]


def _row(phase: Json, begun: datetime, whole: float, now: datetime) -> Row:
    if not phase["startedAt"]:
        return Row(phase, "", ())
    start = _time(phase["startedAt"])
    end = _time(phase["finishedAt"]) if phase["finishedAt"] else max(now, start)
    bars = [_bar(phase["state"].lower(), start, end, begun, whole)]
    if phase["nextAttemptAt"] and _time(phase["nextAttemptAt"]) > end:
        bars.append(_bar("next", end, _time(phase["nextAttemptAt"]), begun, whole))
    return Row(phase, took((end - start).total_seconds()), bars)


def _bar(kind: str, start: datetime, end: datetime, begun: datetime, whole: float) -> Bar:
    offset = min(100 - _NARROWEST, max(0.0, (start - begun).total_seconds() / whole * 100))
    width = max(_NARROWEST, (end - start).total_seconds() / whole * 100)
    return Bar(kind, round(offset, 2), round(min(width, 100 - offset), 2))


def took(seconds: float) -> str:
    """A length of time in words: tenths of a second below ten, then in the largest unit."""
    return f"{max(0.0, seconds):.1f}s" if seconds < 10 else span(int(seconds))


def _time(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp)
