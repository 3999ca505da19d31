"""URLs as callers and operators write them. What other parsers could read otherwise is refused."""

from urllib.parse import SplitResult, urlsplit


def parse_url(text: str, *schemes: str) -> SplitResult:
    """Parse an absolute URL of one of these schemes.

    Raises ValueError, with a phrase that follows a field's name, for anything else and for a URL with user information,
    even if user and password are empty.
    """
    scheme = " or ".join(schemes)
    # urlsplit removes line ends, and other parsers take a backslash for a slash.
    if not text.isprintable() or " " in text or "\\" in text:
        raise ValueError(f"must be an {scheme} URL")
    parts = urlsplit(text)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"must be an {scheme} URL")
    if "@" in parts.netloc:
        raise ValueError("must not contain a user or password")
    _ = parts.port  # raises ValueError when it is not a number in range
    return parts
