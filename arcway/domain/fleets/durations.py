"""Durations as requests have them: a number with unit d, h, m or s."""

import re

_DURATION = re.compile(r"([0-9]{1,6})([dhms])")
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}


def seconds_of(value: object) -> object:
    """A duration such as 24h in seconds; what is not one stays as it is."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) * _SECONDS[match[2]] if match else value
