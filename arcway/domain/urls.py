"""URLs as callers and operators write them. What other parsers could read otherwise is refused."""

import ipaddress
from urllib.parse import SplitResult, urlsplit


class UserInfoError(ValueError):
    """The URL has user information; the caller says where that belongs."""


def parse_url(url: str, *schemes: str) -> SplitResult:
    """Parse an absolute URL of one of these schemes.

    Raises ValueError, with a phrase that follows a field's name, for anything else, and its subclass `UserInfoError`
    for user information, even if user and password are empty.
    """
    wrong = f"must be an {' or '.join(schemes)} URL"
    # urlsplit removes line ends, and other parsers take a backslash for a slash.
    if not url.isprintable() or " " in url or "\\" in url:
        raise ValueError(wrong)
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises, too, when it is out of range
    except ValueError:
        raise ValueError(wrong) from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(wrong)
    if "@" in parts.netloc:
        raise UserInfoError("must not contain a user or password")
    return parts


def is_url(url: str, *schemes: str) -> bool:
    """Whether `parse_url` takes it."""
    try:
        parse_url(url, *schemes)
    except ValueError:
        return False
    return True


def is_loopback(host: str | None) -> bool:
    """Whether a host, as a URL has it, is this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
