"""Times in documents and events."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from arcway.domain.timestamps import timestamp


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (datetime(2026, 3, 1, 12, 0, tzinfo=UTC), "2026-03-01T12:00:00.000Z"),
        (datetime(2026, 3, 1, 12, 5, 59, 987654), "2026-03-01T12:05:59.987Z"),
        (datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))), "2026-02-28T22:30:00.000Z"),
        (datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), "2026-12-31T23:59:59.999Z"),
    ],
)
def test_timestamp_is_in_utc_with_milliseconds_rounded_down(time: datetime, written: str) -> None:
    assert timestamp(time) == written
