"""JSON: the type of its objects, and a reader whose effort is bounded in size, numbers and nesting."""

import json
import math
from typing import Any

type Json = dict[str, Any]
"""A JSON object."""

# An empty object takes three bytes to write and many times that to keep: values are counted, not bytes.
MOST_VALUES = 200_000


def read_json(data: bytes, values: int = MOST_VALUES) -> object:
    """The value that the bytes are, as JSON in UTF-8 (RFC 8259).

    Raises `ValueError` for what is none: NaN and Infinity, numbers of any length, nesting without end, more than so
    many values.
    """
    if count_of(data) > values:
        raise ValueError("the JSON has too many values")
    try:
        # Python itself refuses integers of more than some thousand digits.
        value: object = json.loads(data.decode(), parse_float=_number, parse_constant=_refused_constant)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    return value


def count_of(data: bytes) -> int:
    """How many values a JSON text has at most."""
    return data.count(b",") + data.count(b"[") + data.count(b"{") + 1


def _number(literal: str) -> float:
    if not math.isfinite(value := float(literal)):
        raise ValueError("the JSON has a number that is not finite")
    return value


def _refused_constant(literal: str) -> float:
    raise ValueError(f"{literal} is not JSON")
