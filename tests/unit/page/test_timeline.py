"""Bars of a run's phases."""

from datetime import UTC, datetime, timedelta
from typing import Any

from arcway.page.timeline import Bar, timeline, took

BEGUN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return (BEGUN + timedelta(seconds=seconds)).isoformat()


def phase(state: str, start: float | None = None, end: float | None = None, next_: float | None = None) -> Any:
    times = {"startedAt": start, "finishedAt": end, "nextAttemptAt": next_}
    return {"state": state, **{name: None if value is None else at(value) for name, value in times.items()}}


def run(*phases: Any, finished: float | None = None) -> Any:
    ended = None if finished is None else at(finished)
    return {"createdAt": at(0), "finishedAt": ended, "phases": list(phases)}


def test_bars_share_one_scale_from_acceptance_to_the_end() -> None:
    rows = timeline(run(phase("Succeeded", 0, 30), phase("Failed", 30, 100), phase("Pending"), finished=100), BEGUN)
    assert [row.bars for row in rows] == [[Bar("succeeded", 0, 30)], [Bar("failed", 30, 70)], ()]
    assert [row.took for row in rows] == ["30s", "70s", ""]


def test_a_phase_in_progress_reaches_to_now_and_shows_when_it_is_tried_again() -> None:
    (row,) = timeline(run(phase("Retrying", 20, None, 100)), BEGUN + timedelta(seconds=60))
    assert row.bars == [Bar("retrying", 20, 40), Bar("next", 60, 40)]


def test_what_took_no_time_can_be_seen_and_stays_inside() -> None:
    rows = timeline(run(phase("Succeeded", 0, 0), phase("Skipped", 1000, 1000), finished=1000), BEGUN)
    for row in rows:
        (bar,) = row.bars
        assert bar.width > 0.5
        assert bar.start + bar.width <= 100


def test_a_clock_that_is_behind_does_no_harm() -> None:
    (row,) = timeline(run(phase("Running", 5)), BEGUN)
    assert row.took == "0.0s"
    assert [took(seconds) for seconds in (-1, 0.25, 9.94, 130, 7300)] == ["0.0s", "0.2s", "9.9s", "2m", "2h"]
