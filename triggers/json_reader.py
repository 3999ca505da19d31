"""Reads JSON the same way however it arrives: as a value that every reader reads alike (RFC 8259, I-JSON)."""

import json
import math

from arcway.domain.characters import not_text
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError


def read_json(data: bytes) -> object:
    """The JSON value in UTF-8. Raises `ArcError` ARC-1002, with the fields in details where it can name them."""
    try:
        value: object = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_object, parse_float=_number, parse_constant=_number
        )
    except (ValueError, RecursionError) as error:
        raise ArcError(Code.BODY_NOT_JSON, "The body is not JSON.") from error
    if problems := not_text(value):
        raise ArcError(Code.BODY_NOT_JSON, "The body has invalid characters.", details=problems)
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        # No standard says which one counts: what was checked and what was meant could differ.
        raise ArcError(Code.BODY_NOT_JSON, "Duplicate key in a JSON object.")
    return members


def _number(literal: str) -> float:
    """Neither NaN and Infinity, which are not JSON, nor what is too large for a number."""
    if not math.isfinite(value := float(literal)):
        raise ArcError(Code.BODY_NOT_JSON, f"{literal[:20]} in the body is not a finite number.")
    return value
