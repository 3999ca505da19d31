"""How long a server asks to wait, read so that it cannot ask for more than an hour (RFC 9110, section 10.2.3)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 3600.0
_SECONDS = re.compile(r"[0-9]+")
_DATE_LENGTH = 64


def retry_after(header: object, now: datetime) -> float | None:
    """Seconds from `now` (aware) that a Retry-After header asks for, 0 to an hour; None for what is none."""
    if not isinstance(header, str):
        return None
    written = header.strip(" \t")
    if _SECONDS.fullmatch(written):
        return LONGEST if len(written.lstrip("0")) > len("3600") else clamped(int(written))
    if len(written) > _DATE_LENGTH or not written.isascii():
        return None
    try:
        date = parsedate_to_datetime(written)
        # A date without a zone is meant as UTC, which is the only zone that the header may have.
        return clamped(((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def clamped(seconds: object) -> float | None:
    """A number of seconds between 0 and an hour; None for what is not a number."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or (seconds != seconds):
        return None
    return max(0.0, float(min(seconds, LONGEST)))
