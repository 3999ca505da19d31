"""Alarms are called in order of time, never early, from one thread."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from arcway_local.functions.alarms import Alarms


@pytest.fixture
def alarms() -> Iterator[Alarms]:
    alarms = Alarms()
    yield alarms
    alarms.stop()


def test_alarms_are_called_in_order_of_time_and_never_early(alarms: Alarms) -> None:
    # Not by the wall clock, which may be set back meanwhile.
    began, start, called, finished = time.monotonic(), datetime.now(UTC), [], threading.Event()
    for delay in (0.3, 0.1, 0.2):
        due = start + timedelta(seconds=delay)
        alarms.at(due, lambda delay=delay: called.append((delay, time.monotonic() - began)))  # type: ignore[misc]
    alarms.at(start + timedelta(seconds=0.4), finished.set)
    assert finished.wait(240)
    assert [delay for delay, _ in called] == [0.1, 0.2, 0.3]
    assert all(after >= delay for delay, after in called)


def test_what_is_overdue_is_called_at_once(alarms: Alarms) -> None:
    finished = threading.Event()
    alarms.at(datetime.now(UTC) + timedelta(hours=1), lambda: None)
    alarms.at(datetime(2000, 1, 1, tzinfo=UTC), finished.set)
    assert finished.wait(240)


def test_one_thread_serves_any_number(alarms: Alarms) -> None:
    thread_count_before = threading.active_count()
    for _ in range(1000):
        alarms.at(datetime.now(UTC) + timedelta(hours=1), lambda: None)
    assert threading.active_count() == thread_count_before


def test_after_stop_nothing_is_called() -> None:
    alarms, called = Alarms(), threading.Event()
    alarms.at(datetime.now(UTC) + timedelta(seconds=0.02), called.set)
    alarms.stop()
    assert not called.wait(0.1)
