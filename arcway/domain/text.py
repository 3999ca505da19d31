"""Text from outside made fit to be shown: cut, and with every character visible that would steer a terminal, a log or
a reader's eye.

What is written back to where it came from must not go through here.
"""

import codecs
import json
import re
from collections.abc import Sequence
from typing import Any

SHORT = 128
"""Characters of a name, a version or a word."""
LONG = 2048
"""Characters of a sentence."""
CUT = "…"
_NAMED = 5
_DEPTH = 32
_NUMBER_LIMIT = 2**63
# Letters and marks that show nothing although Unicode counts them as printable (Default_Ignorable_Code_Point).
_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_ODD = re.compile(f"[{_INVISIBLE}]|[^ -~\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_MAYBE_INVISIBLE = re.compile(f"[{_INVISIBLE}]")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BLANKS = re.compile(r"[ \t\r\n]+")


def decoded(data: bytes) -> str:
    """Text in UTF-8, or in UTF-16 when it has that mark, without the mark. Raises `UnicodeDecodeError`."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def visible(value: str) -> str:
    """The text with everything that does not show, or steers what shows it, as an escape (`\\x1b`, `\\u202e`)."""
    if value.isprintable() and not _MAYBE_INVISIBLE.search(value):
        return value
    return _ODD.sub(_escaped, value)


def excerpt(value: object, limit: int = SHORT) -> str:
    """One line of at most `limit` characters that is safe to show anywhere; other values are shown as Python does."""
    whole = value if isinstance(value, str) else "" if value is None else _described(value)
    line = visible(whole[: limit + 1])
    return line if len(line) <= limit else line[: limit - 1] + CUT


def sentence(message: str, limit: int = LONG) -> str:
    """As `shown`, of a text that may have several lines: they become one."""
    return excerpt(_BLANKS.sub(" ", message[: 4 * limit]).strip(), limit)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun as they read together: `0 errors`, `1 error`, `2 errors`; `plural` for irregular nouns."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """Names by commas, those after the first `most` as a count."""
    remainder = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(excerpt(name) for name in names[:most]) + remainder


def presentable(value: Any, limit: int = 4 * LONG, depth: int = _DEPTH) -> Any:
    """A JSON value whose texts and names are visible and cut to `limit` characters each.

    Raises `ValueError` for what is nested deeply or is not a number in JSON.
    """
    if isinstance(value, str):
        return excerpt(value, limit)
    if isinstance(value, dict | list | tuple):
        if not depth:
            raise ValueError("the value is nested too deeply")
        if isinstance(value, dict):
            return {excerpt(name, LONG): presentable(item, limit, depth - 1) for name, item in value.items()}
        return [presentable(item, limit, depth - 1) for item in value]
    if isinstance(value, int | float) and not -_NUMBER_LIMIT < value < _NUMBER_LIMIT:
        raise ValueError("the value has a number that is not finite or too large")
    return value


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON that a terminal may show: what would steer it is escaped, as JSON escapes it."""
    return "\n".join(
        _ODD.sub(_json_escaped, line) for line in json.dumps(value, indent=indent, ensure_ascii=False).split("\n")
    )


def _described(value: object) -> str:
    """Numbers as they are; of anything else only its kind, because it may be of any size."""
    if isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        return str(value) if -_NUMBER_LIMIT < value < _NUMBER_LIMIT else "a huge number"
    return f"({type(value).__name__})"


def _is_plain(character: str) -> bool:
    return character.isprintable() and not _MAYBE_INVISIBLE.match(character)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if _is_plain(character):
        return character
    if short := _SHORT_ESCAPES.get(character):
        return short
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _json_escaped(match: re.Match[str]) -> str:
    character = match[0]
    return character if _is_plain(character) else json.dumps(character)[1:-1]
