"""Reads JSON from any sender, with a limit on its nesting."""

import json
from typing import Any

type Json = dict[str, Any]
"""A JSON object."""

DEEPEST = 500
_TOO_DEEP = f"The JSON is nested more than {DEEPEST} levels deep."


def read_json(source: str | bytes) -> Any:
    """Parse a document. Raises ValueError for text that is not JSON or is nested more than `DEEPEST` levels deep."""
    try:
        document = json.loads(source)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    brackets = (
        source.count(b"[") + source.count(b"{") if isinstance(source, bytes) else source.count("[") + source.count("{")
    )
    # Without that many brackets it cannot be that deep.
    if brackets > DEEPEST and _is_too_deep(document):
        raise ValueError(_TOO_DEEP)
    return document


def _is_too_deep(document: Any) -> bool:
    level = [document]
    for _ in range(DEEPEST + 1):
        level = [item for value in level for item in _items(value)]
        if not level:
            return False
    return True


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
