"""Times as documents and events have them."""

from datetime import UTC, datetime


def timestamp(time: datetime) -> str:
    """ISO 8601 in UTC, with milliseconds; a time without a zone is in UTC."""
    in_utc = time.astimezone(UTC) if time.tzinfo else time
    return in_utc.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
