"""Decodes the protobuf bodies that Go clients send for a few kinds (`_MESSAGES`), Secrets of Helm above all.

Field numbers are those of the published `generated.proto` files of k8s.io/api and k8s.io/apimachinery; the envelope
is `k8s\\0` followed by a runtime.Unknown. Other kinds raise UnknownMessageError.
"""

import base64
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from arcway_local.json_documents import Json

MAGIC = b"k8s\x00"


class UnknownMessageError(Exception):
    """The body holds a kind that has no decoder here, or is not well formed."""


type _Type = Literal["string", "bytes", "int", "bool", "stringMap", "bytesMap"] | dict[int, "_Field"]


class _Field(NamedTuple):
    name: str
    type: _Type
    repeated: bool = False


_OWNER_REFERENCE: dict[int, _Field] = {
    1: _Field("kind", "string"),
    3: _Field("name", "string"),
    4: _Field("uid", "string"),
    5: _Field("apiVersion", "string"),
    6: _Field("controller", "bool"),
    7: _Field("blockOwnerDeletion", "bool"),
}
_OBJECT_META: dict[int, _Field] = {
    1: _Field("name", "string"),
    2: _Field("generateName", "string"),
    3: _Field("namespace", "string"),
    5: _Field("uid", "string"),
    6: _Field("resourceVersion", "string"),
    11: _Field("labels", "stringMap"),
    12: _Field("annotations", "stringMap"),
    13: _Field("ownerReferences", _OWNER_REFERENCE, repeated=True),
    14: _Field("finalizers", "string", repeated=True),
}
_PRECONDITIONS: dict[int, _Field] = {1: _Field("uid", "string"), 2: _Field("resourceVersion", "string")}
_ATTRIBUTES = ("namespace", "verb", "group", "version", "resource", "subresource", "name")
_REVIEW_SPEC: dict[int, _Field] = {
    1: _Field("resourceAttributes", {number: _Field(name, "string") for number, name in enumerate(_ATTRIBUTES, 1)}),
    2: _Field("nonResourceAttributes", {1: _Field("path", "string"), 2: _Field("verb", "string")}),
}
_MESSAGES: dict[str, dict[int, _Field]] = {
    "Secret": {
        1: _Field("metadata", _OBJECT_META),
        2: _Field("data", "bytesMap"),
        3: _Field("type", "string"),
        4: _Field("stringData", "stringMap"),
        5: _Field("immutable", "bool"),
    },
    "ConfigMap": {
        1: _Field("metadata", _OBJECT_META),
        2: _Field("data", "stringMap"),
        3: _Field("binaryData", "bytesMap"),
        4: _Field("immutable", "bool"),
    },
    "Namespace": {1: _Field("metadata", _OBJECT_META)},
    "SelfSubjectAccessReview": {2: _Field("spec", _REVIEW_SPEC)},
    "DeleteOptions": {
        1: _Field("gracePeriodSeconds", "int"),
        2: _Field("preconditions", _PRECONDITIONS),
        3: _Field("orphanDependents", "bool"),
        4: _Field("propagationPolicy", "string"),
        5: _Field("dryRun", "string", repeated=True),
    },
}
_TYPE_META: dict[int, _Field] = {1: _Field("apiVersion", "string"), 2: _Field("kind", "string")}


def decode(body: bytes) -> Json:
    """Decode an enveloped body to the JSON form of the object. Raises UnknownMessageError."""
    if not body.startswith(MAGIC):
        raise UnknownMessageError("no k8s prefix")
    type_meta: Json = {}
    raw = b""
    for number, value in _fields(body[len(MAGIC) :]):
        if number == 1 and isinstance(value, bytes):
            type_meta = _message(value, _TYPE_META)
        elif number == 2 and isinstance(value, bytes):
            raw = value
    schema = _MESSAGES.get(type_meta.get("kind", ""))
    if schema is None:
        raise UnknownMessageError(f"kind {type_meta.get('kind')!r}")
    return type_meta | _message(raw, schema)


def _message(body: bytes, schema: dict[int, _Field]) -> Json:
    result: Json = {}
    for number, value in _fields(body):
        field = schema.get(number)
        if field is None:
            continue
        if field.type in ("stringMap", "bytesMap"):
            entry = dict(_fields(_expect_bytes(value)))
            key = _expect_bytes(entry.get(1, b"")).decode()
            content = _expect_bytes(entry.get(2, b""))
            encoded = content.decode() if field.type == "stringMap" else base64.b64encode(content).decode()
            result.setdefault(field.name, {})[key] = encoded
        elif field.repeated:
            result.setdefault(field.name, []).append(_value(value, field.type))
        else:
            result[field.name] = _value(value, field.type)
    # Go writes non-nullable strings even when empty; in JSON they are absent.
    return {key: value for key, value in result.items() if value != ""}


def _value(value: int | bytes, type_: _Type) -> Any:
    if isinstance(type_, dict):
        return _message(_expect_bytes(value), type_)
    if type_ == "bool":
        return bool(value)
    if type_ == "int":
        return value
    return _expect_bytes(value).decode()


def _expect_bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise UnknownMessageError("a number where bytes belong")
    return value


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(body):
        tag, position = _varint(body, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, position = _varint(body, position)
            yield number, value
            continue
        if wire_type == 2:
            length, position = _varint(body, position)
        elif wire_type in (1, 5):
            length = 8 if wire_type == 1 else 4
        else:
            raise UnknownMessageError(f"wire type {wire_type}")
        if position + length > len(body):
            raise UnknownMessageError("truncated")
        yield number, body[position : position + length]
        position += length


def _varint(body: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while position < len(body):
        byte = body[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7
    raise UnknownMessageError("truncated")
