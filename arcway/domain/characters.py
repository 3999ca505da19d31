"""Characters that no request may have, and details of an error cut to what can be shown."""

import re
from collections.abc import Iterator

from arcway.domain.json_values import Json
from arcway.domain.text import excerpt

DETAILS_LIMIT = 50
_TEXT_LIMIT = 500
_MORE = "(more)"

# C0, DEL and C1 controls, line and paragraph separators, bidirectional controls, halves of surrogate pairs.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_CONTROLS_BUT_LINE_ENDS = re.compile(_CONTROLS.pattern.replace("\x00-\x1f", "\x00-\x09\x0b\x0c\x0e-\x1f"))
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


def control_characters(value: object, multiline: frozenset[str] = frozenset()) -> list[Json]:
    """The fields of a JSON value whose text or name has control characters, as details of an error.

    Fields in `multiline` may have line ends.
    """
    # Names of fields are put together only when there is something to name.
    if not any(_CONTROLS.search(string) for string in _all_texts(value)):
        return []
    problems = []
    for field, string in _texts(value):
        pattern = _CONTROLS_BUT_LINE_ENDS if field in multiline else _CONTROLS
        if match := pattern.search(string):
            message = f"has the control character U+{ord(match[0]):04X}, which is not accepted"
            problems.append({"field": excerpt(field, _TEXT_LIMIT), "message": message})
    return problems


def not_text(value: object) -> list[Json]:
    """The fields of a JSON value with NUL or half a surrogate pair, which not every reader of JSON takes."""
    if not any(_NOT_TEXT.search(string) for string in _all_texts(value)):
        return []
    return [
        {"field": excerpt(field, _TEXT_LIMIT), "message": "has NUL or half a surrogate pair"}
        for field, string in _texts(value)
        if _NOT_TEXT.search(string)
    ]


def limited_details(details: list[Json]) -> list[Json]:
    """Details of an error cut to what fits everywhere: few, printable and short, and how many more there are."""
    limited = [{name: _limited(value) for name, value in item.items()} for item in details[:DETAILS_LIMIT]]
    omitted = details[DETAILS_LIMIT:]
    if len(omitted) == 1 and omitted[0].get("field") == _MORE:
        return limited + omitted
    return limited + ([{"field": _MORE, "message": f"{len(omitted)} more not shown"}] if omitted else [])


def _limited(value: object) -> object:
    return excerpt(value, _TEXT_LIMIT) if isinstance(value, str) else value


def _all_texts(value: object) -> Iterator[str]:
    """All strings of a JSON value and all names in it."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            yield from item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _texts(value: object) -> list[tuple[str, str]]:
    """All strings of a JSON value with the names of their fields; an object's names count as texts of its field."""
    strings: list[tuple[str, str]] = []
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        field, item = waiting.pop()
        if isinstance(item, str):
            strings.append((field or "(body)", item))
        elif isinstance(item, dict):
            strings += [(field or "(body)", name) for name in item]
            waiting += [(_below(field, name), part) for name, part in item.items()]
        elif isinstance(item, list):
            waiting += [(_below(field, str(number)), part) for number, part in enumerate(item)]
    return strings


def _below(field: str, name: str) -> str:
    """The name of a field within another; cut, because a value may be nested deeply."""
    return f"{field}.{name}"[:1000] if field else name[:1000]
