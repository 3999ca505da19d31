"""Reads a request: the resource that its path names, its query, its body, the response form that it accepts."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import yaml

from arcway_local.cluster import protobuf
from arcway_local.cluster.errors import ApiError, bad_request, invalid, no_such_path, unsupported_media_type
from arcway_local.json_documents import Json, read_json

type Form = Literal["object", "partial", "aggregated", "table", "table with nothing", "table with objects"]

_OPTION_KINDS = {"POST": "Create", "PUT": "Update", "PATCH": "Patch", "DELETE": "Delete"}
_WRITE_OPTIONS = {
    "dryRun": ("", "All"),
    "fieldValidation": ("", "Ignore", "Strict", "Warn"),
    "propagationPolicy": ("Foreground", "Background", "Orphan"),
}
_BODY_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")


@dataclass(frozen=True, slots=True)
class Target:
    """What a resource path names; empty where it does not say."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def parse_target(path: str) -> Target:
    """Read /api/V/… or /apis/G/V/…. Raises ApiError 404 for anything else."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        group, version, segments = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, segments = parts[1], parts[2], parts[3:]
    else:
        raise no_such_path()
    namespace = ""
    if segments[0] == "namespaces" and len(segments) >= 3 and segments[2] not in ("status", "finalize"):
        namespace, segments = segments[1], segments[2:]
    if len(segments) > 3:
        raise no_such_path()
    plural, name, subresource = [*segments, "", ""][:3]
    return Target(group, version, plural, namespace, name, subresource)


def media_type(header: str) -> str:
    """The media type of a Content-Type header, without its parameters."""
    return header.partition(";")[0].strip().lower()


def parse_body(body: bytes, content_type: str) -> Json:
    """An object in JSON, YAML or (some kinds) protobuf. Raises ApiError 400 or 415."""
    type_ = media_type(content_type) or "application/json"
    if type_ not in _BODY_TYPES:
        raise unsupported_media_type(type_, _BODY_TYPES)
    if type_ == "application/vnd.kubernetes.protobuf":
        try:
            return protobuf.decode(body)
        except (protobuf.UnknownMessageError, UnicodeDecodeError) as error:
            raise unsupported_media_type(f"{type_}: {error}", _BODY_TYPES[:2]) from error
    parsed = parse_text(body)
    if not isinstance(parsed, dict):
        raise bad_request("the object provided is unrecognized (must be of type object)")
    return parsed


_SHAPES: dict[str, type] = {
    "metadata": dict,
    "spec": dict,
    "status": dict,
    "data": dict,
    "stringData": dict,
    "roleRef": dict,
    "involvedObject": dict,
    "rules": list,
    "subjects": list,
}
_METADATA_SHAPES: dict[str, type] = {"labels": dict, "annotations": dict, "finalizers": list, "ownerReferences": list}


def check_shape(body: Json) -> None:
    """Refuse an object whose parts are of another type than every kind gives them. Raises ApiError 400."""
    for prefix, part, shapes in (("", body, _SHAPES), ("metadata.", body.get("metadata") or {}, _METADATA_SHAPES)):
        for name, type_ in shapes.items():
            if not isinstance(part, dict) or not isinstance(part.get(name), type_ | None):
                raise bad_request(f"cannot unmarshal field {prefix}{name}: an {type_.__name__} was expected")
    spec = body.get("spec") or {}
    if not isinstance(spec.get("replicas"), int | None):
        raise bad_request("cannot unmarshal field spec.replicas: a number was expected")
    if body.get("kind") == "Secret" and not all(map(is_base64, (body.get("data") or {}).values())):
        raise bad_request("illegal base64 data in field data")


def is_base64(value: object) -> bool:
    """Whether a value is base64 text."""
    try:
        return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
    except (binascii.Error, ValueError):
        return False


def parse_text(body: bytes) -> object:
    """JSON, or else YAML. Raises ApiError 400."""
    try:
        return read_json(body)
    except (json.JSONDecodeError, UnicodeDecodeError):
        pass
    except ValueError as error:
        raise bad_request(str(error)) from error
    try:
        return yaml.safe_load(body)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request("the object provided is neither JSON nor YAML") from error


def accepted_form(accept: str) -> Form:
    """The first form in the Accept header that is served. Raises ApiError 406 when none is."""
    if not accept:
        return "object"
    for clause in accept.split(","):
        type_, *parameters = [part.strip() for part in clause.split(";")]
        values = dict(parameter.partition("=")[::2] for parameter in parameters)
        as_ = values.get("as", "")
        if type_ not in ("application/json", "application/*", "*/*", "application/yaml"):
            continue
        if as_ == "APIGroupDiscoveryList" and values.get("v") == "v2":
            return "aggregated"
        if as_ in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            return "partial"
        if as_ == "Table" and values.get("v") == "v1":
            return "table"
        if not as_:
            return "object"
    message = "only the following media types are accepted: application/json"
    raise ApiError(406, "NotAcceptable", message)


def with_included(form: Form, query: Mapping[str, str]) -> Form:
    """A table's form with what includeObject asks of it. Raises ApiError 400."""
    if form != "table":
        return form
    forms: dict[str, Form] = {"": "table", "Metadata": "table", "None": "table with nothing"}
    forms["Object"] = "table with objects"
    included = query.get("includeObject", "")
    if included not in forms:
        raise bad_request(f"unrecognized includeObject value: {included!r}")
    return forms[included]


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean query parameter. Raises ApiError 400."""
    value = query.get(name, "false").lower()
    if value not in ("true", "1", "false", "0", ""):
        raise bad_request(f"invalid value for {name}: {value!r}")
    return value in ("true", "1")


def number(query: Mapping[str, str], name: str) -> int:
    """A number of a query parameter, 0 when absent. Raises ApiError 400."""
    value = query.get(name, "") or "0"
    if not value.removeprefix("-").isdigit():
        raise bad_request(f"invalid value for {name}: {value!r}")
    return int(value)


def check_write_options(method: str, query: Mapping[str, str], *, apply: bool = False) -> None:
    """Refuse unsupported values of the parameters of a write. Raises ApiError 422."""
    causes = [
        (name, f'Unsupported value: "{query[name]}": supported values: {", ".join(map(json.dumps, allowed))}')
        for name, allowed in _WRITE_OPTIONS.items()
        if name in query and query[name] not in allowed
    ]
    if method == "PATCH" and not apply and "force" in query:
        causes.append(("force", "Forbidden: may not be specified for non-apply patch"))
    if causes:
        raise invalid("meta.k8s.io", f"{_OPTION_KINDS[method]}Options", "", causes)


def dry_run(query: Mapping[str, str]) -> bool:
    """Whether the request is a dry run, which stores nothing."""
    return query.get("dryRun") == "All"


def field_manager(query: Mapping[str, str], user_agent: str) -> str:
    """The field manager: as given, or the first part of the User-Agent, as the API server does it."""
    return query.get("fieldManager") or user_agent.partition("/")[0][:128] or "unknown"
