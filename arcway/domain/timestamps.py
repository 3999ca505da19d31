"""Times as documents and events have them."""

from datetime import UTC, datetime


def timestamp(time: datetime) -> str:
    """ISO 8601 in UTC, with milliseconds; a time without a zone is in UTC."""
    in_utc = time.astimezone(UTC) if time.tzinfo else time
    return in_utc.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def seconds_between(start: str | None, end: str | None) -> float:
    """Seconds from one time of a document to another; 0 when one of them is not there."""
    if not start or not end:
        return 0.0
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 3)
