"""Reads what a fleet is to do from a file: YAML or JSON as the API takes it, or CSV with a line for each member.

CSV has a header of field names with dots (`name,resourceGroup,kubeconfig.secret,tags.stage`). An empty cell leaves the
field to the defaults, `\\-` is null, and `true` and `false` are truth values, except in tags. Sends no requests.
"""

import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from arcway.cli.client import USAGE, CommandError
from arcway.cluster.access.plain_yaml import PlainYamlError, Unquoted, read_yaml
from arcway.domain.json_values import Json
from arcway.domain.text import decoded

_BYTES, _PARTS = 8 * 1024 * 1024, 1_000_000
_NULL = "\\-"
_TRUTH = {"true": True, "false": False}


def read_fleet(file: str) -> Json:
    """The request in a file, or on standard input for `-`. Raises `CommandError` naming the line that is wrong."""
    if file.lower().endswith(".csv"):
        return {"members": _members(file, _text(file))}
    document = read_document(file)
    if not isinstance(document, dict):
        raise CommandError(f"{file} does not have an object with fleet and members.", USAGE)
    return document


def read_document(file: str) -> object:
    """The YAML or JSON in a file, or on standard input for `-`. Raises `CommandError` naming the line that is wrong."""
    text = _text(file)
    return _json(file, text) if text.lstrip().startswith("{") else _yaml(file, text)


def with_options(body: Json, *, name: str | None, operation: str | None, fields: Sequence[str], **others: Any) -> Json:
    """The request with what options say; `fields` are defaults as name=value. Raises `CommandError`."""
    defaults: Json = {**(body.get("defaults") or {})}
    for item in fields:
        field, is_assignment, value = item.partition("=")
        if not is_assignment:
            raise CommandError(f"--set {item} must be FIELD=VALUE.", USAGE)
        _put(defaults, field, _value(field, value))
    named = {"fleet": name, "operation": operation, "defaults": defaults or None, **others}
    return {**body, **{field: value for field, value in named.items() if value is not None}}


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else decoded(Path(file).read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}", USAGE) from error


def _json(file: str, text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandError(f"{file}:{error.lineno}: not JSON: {error.msg}", USAGE) from error


def _yaml(file: str, text: str) -> object:
    try:
        return _typed(read_yaml(text, _BYTES, _PARTS))
    except PlainYamlError as error:
        place = f"{file}:{error.line}" if error.line else file
        raise CommandError(f"{place}: {error}", USAGE) from error


def _typed(value: object) -> object:
    """YAML's numbers and truth values as JSON has them; everything else is the text that is written."""
    if isinstance(value, dict):
        return {name: _typed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if isinstance(value, Unquoted):
        return _TRUTH.get(value.lower(), int(value) if value.isdecimal() else str(value))
    return value


def _members(file: str, text: str) -> list[Json]:
    rows = csv.reader(io.StringIO(text), strict=True)
    members: list[Json] = []
    try:
        header = [name.strip() for name in next(rows, [])]
        if "name" not in header or len(set(header)) < len(header) or not all(header):
            raise CommandError(f"{file}:1: the header must have each field once, and name among them.", USAGE)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                message = f"{file}:{rows.line_num}: {len(row)} cells, but the header has {len(header)}."
                raise CommandError(message, USAGE)
            member: Json = {}
            for field, cell in zip(header, row, strict=True):
                if cell.strip():
                    _put(member, field, _value(field, cell.strip()))
            members.append(member)
    except csv.Error as error:
        raise CommandError(f"{file}:{rows.line_num}: not CSV: {error}", USAGE) from error
    return members


def _value(field: str, cell: str) -> object:
    if cell == _NULL:
        return None
    return cell if field.startswith("tags.") else _TRUTH.get(cell, cell)


def _put(target: Json, field: str, value: object) -> None:
    """Put a value where a name with dots leads; what follows `tags.` is one tag's name."""
    name, _, rest = field.partition(".")
    if not rest:
        target[name] = value
    elif name == "tags":
        target["tags"] = {**_object(target.get("tags")), rest: value}
    else:
        inner = {**_object(target.get(name))}
        _put(inner, rest, value)
        target[name] = inner


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
