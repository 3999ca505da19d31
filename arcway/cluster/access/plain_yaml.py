"""Parses untrusted YAML to strings, lists and mappings only: no tags, aliases, merge keys or typed scalars.

YAML 1.1 turns plain words into numbers to the base 60, dates, sets and objects, and repeats parts by name; reading some
of that takes any time and memory. Here every scalar is the text that is written; only an empty one, `~` and `null` are
None. Aliases, anchors, tags, merge keys, keys that occur twice and deep nesting are refused.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

SIZE, PARTS = 1024 * 1024, 25_000
"""Bytes of a text that is read, and how many keys, values, lists and mappings it has."""
_DEPTH = 32
_OF_NODES = (NodeEvent, MappingEndEvent, SequenceEndEvent, StreamEndEvent)
_NULLS = ("", "~", "null", "Null", "NULL")
_NO_TEXT = re.compile(r"(?i)[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?|0x[0-9a-f]+|0o[0-7]+|true|false")


class Unquoted(str):
    """A plain scalar that typed YAML readers read as a number or boolean: invalid where a string is required."""


class PlainYamlError(ValueError):
    """The text is not YAML, or has what is refused; the message quotes nothing of it. `line` counts from 1."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line


def read_yaml(document: str, size: int = SIZE, parts: int = PARTS) -> Any:
    """Parse the one document of the text to strings, None, lists and dicts. Raises `PlainYamlError`."""
    if len(document) > size or len(document.encode(errors="replace")) > size:
        raise PlainYamlError(f"it is larger than {size // 1024} KiB")
    events = _events(document, parts)
    try:
        first = next(events)
        value = None if isinstance(first, StreamEndEvent) else _node(events, first, _DEPTH)
        next(events, None)  # the rest has nothing but comments, or it raises
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise PlainYamlError(
            str(getattr(error, "problem", "") or "it is not YAML")[:80], mark and mark.line + 1
        ) from None
    except UnicodeError:
        raise PlainYamlError("it has invalid characters") from None
    return value


def is_true(value: object) -> bool:
    """Whether a scalar is true, as kubectl reads it."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _events(document: str, parts: int) -> Iterator[Event]:
    """The events that nodes are made of, and the end of the stream."""
    parsed = yaml.parse(document, Loader=yaml.CSafeLoader)
    documents = 0
    for number, event in enumerate(parsed):
        if number > parts:
            raise PlainYamlError("it has too many parts")
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise _refused("aliases and anchors are", event)
        if getattr(event, "tag", None):
            raise _refused("tags are", event)
        documents += isinstance(event, DocumentStartEvent)
        if documents > 1 and isinstance(event, NodeEvent):
            # One that is empty is what a mark at the end of a file makes.
            if not isinstance(event, ScalarEvent) or event.value:
                raise _refused("several documents are", event)
        elif isinstance(event, _OF_NODES):
            yield event


def _node(events: Iterator[Event], event: Event, depth: int) -> Any:
    if isinstance(event, ScalarEvent):
        return _scalar(event)
    if not depth:
        raise _refused("nesting this deep is", event)
    if isinstance(event, MappingStartEvent):
        return _mapping(events, depth)
    items = []
    while not isinstance(item := next(events), SequenceEndEvent):
        items.append(_node(events, item, depth - 1))
    return items


def _scalar(event: ScalarEvent) -> str | None:
    is_plain = event.implicit[0]
    if is_plain and event.value in _NULLS:
        return None
    return Unquoted(event.value) if is_plain and _NO_TEXT.fullmatch(event.value) else event.value


def _mapping(events: Iterator[Event], depth: int) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    while not isinstance(event := next(events), MappingEndEvent):
        name = _node(events, event, depth - 1)
        if not isinstance(name, str):
            raise _refused("keys that are not strings are", event)
        if name == "<<":
            raise _refused("merge keys are", event)
        if name in mapping:
            raise PlainYamlError("a key occurs twice", _line_of(event))
        mapping[name] = _node(events, next(events), depth - 1)
    return mapping


def _refused(construct: str, event: Event) -> PlainYamlError:
    return PlainYamlError(f"{construct} not accepted", _line_of(event))


def _line_of(event: Event) -> int | None:
    return event.start_mark.line + 1 if event.start_mark else None
