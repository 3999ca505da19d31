"""Schedules of timer triggers: the documented examples, the AND of both day fields, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcway_local.functions.errors import HostError
from arcway_local.functions.ncrontab import Schedule

START = datetime(2026, 11, 24, 9, 30, 15, 500, tzinfo=UTC)  # a Tuesday


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * * *", "2026-11-24T09:30:16"),
        ("0 */5 * * * *", "2026-11-24T09:35:00"),
        ("*/5 * * * *", "2026-11-24T09:35:00"),
        ("15 30 9 * * *", "2026-11-25T09:30:15"),
        ("0 0 * * * *", "2026-11-24T10:00:00"),
        ("0 0 */2 * * *", "2026-11-24T10:00:00"),
        ("0 0 9-17 * * *", "2026-11-24T10:00:00"),
        ("0 30 9 * * *", "2026-11-25T09:30:00"),
        ("0 30 9 * * 1-5", "2026-11-25T09:30:00"),
        ("0 30 9 * Jan Mon", "2027-01-04T09:30:00"),
        ("0 0 0 13 * Friday", "2027-08-13T00:00:00"),
        ("0 0 0 29 2 *", "2028-02-29T00:00:00"),
        ("5,20 31,30 9 * * *", "2026-11-24T09:30:20"),
        ("0 5/20 * * * *", "2026-11-24T09:45:00"),
        ("0 0 12 * * 0", "2026-11-29T12:00:00"),
        ("0 0 0 * * Monday-Friday", "2026-11-25T00:00:00"),
        ("0 0 0 1,15 October-December *", "2026-12-01T00:00:00"),
    ],
)
def test_the_next_occurrence(expression: str, expected: str) -> None:
    assert Schedule(expression).next_after(START) == datetime.fromisoformat(expected + "+00:00")


def test_a_time_span_counts_from_the_last_run() -> None:
    assert Schedule("00:00:30").next_after(START) == START + timedelta(seconds=30)
    assert Schedule("1.02:00:00").next_after(START) == START + timedelta(days=1, hours=2)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "60 * * * * *",
        "* * * 0 * *",
        "* * * * 13 *",
        "* * * * * 7",
        "5-1 * * * * *",
        "*/0 * * * * *",
        "x * * * * *",
        "* * * * Foo *",
        "1- * * * * *",
        "-1 * * * * *",
        "0 0 0 L * *",
        "0 0 0 * * 5#2",
        "0 0 9 ? * *",
        "R * * * * *",
        "0 0 0 * * Fri-Mon",
        "00:00:00",
    ],
)
def test_a_wrong_expression_is_refused_with_its_text(expression: str) -> None:
    with pytest.raises(HostError, match="The schedule '"):
        Schedule(expression)


def test_a_schedule_that_is_never_due_is_refused() -> None:
    with pytest.raises(HostError, match="never due"):
        Schedule("0 0 0 30 2 *").next_after(START)


@given(
    st.integers(0, 59),
    st.integers(0, 59),
    st.integers(0, 23),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_a_daily_schedule_is_due_within_a_day_at_its_time(second: int, minute: int, hour: int, start: datetime) -> None:
    due = Schedule(f"{second} {minute} {hour} * * *").next_after(start)
    assert (due.hour, due.minute, due.second, due.microsecond) == (hour, minute, second, 0)
    assert timedelta() < due - start <= timedelta(days=1)
