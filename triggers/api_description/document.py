"""Generates the OpenAPI 3.1 document from the operations' declarations and the models that validate them.

What the document leaves out is the page: HTML is for people and promises nothing to programs.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from arcway.domain.codes import Code
from arcway.domain.errors import CATALOGUE
from arcway.settings import Authority
from triggers import http
from triggers.access.callers import OPEN
from triggers.endpoints import Answer, Endpoint, declared, path_names
from triggers.response_models import Problem

type Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_HTML = re.compile(r"page(/.*)?")
_UNKNOWN_PATH = "{*path}"
_SECURITY = "entra"
_TEXT = """\
Connects Kubernetes clusters to Azure Arc. A request starts a run, which shows progress and outcome.

- Every error is problem details (RFC 9457) with a code of docs/errors.md, also for a path that does not exist (404,
  ARC-1004) and a method that a path does not support (405, ARC-1005, with `Allow`). GET paths support HEAD, too.
- `Accept` is ignored: each response has one representation.
- Unknown parameters are rejected (ARC-1006): a misspelt `dryRun` must not start a run.
- A body is a JSON object in UTF-8 of at most 1 MiB, without duplicate keys in an object, NaN, Infinity, NUL characters
  and halves of surrogate pairs. A body without `Content-Type` is read as JSON.
- Unknown fields in a request are rejected. Responses may have additional fields in later versions.
"""
_HEADERS: Mapping[str, Json] = {
    "Allow": {"description": "The methods that the path supports.", "schema": {"type": "string"}},
    "ETag": {"description": "Value for If-None-Match.", "schema": {"type": "string"}},
    "Location": {"description": "URL of the run.", "schema": {"type": "string", "format": "uri-reference"}},
    "Retry-After": {"description": "Seconds to wait for the run.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "The authentication scheme.", "schema": {"type": "string"}},
}
_ALWAYS = (Code.INVALID_PARAMETERS, Code.INTERNAL_ERROR)
_WITH_ROLE = (Code.NOT_SIGNED_IN, Code.ROLE_MISSING, Code.CROSS_SITE_REQUEST, Code.SIGN_IN_AUTHORITY_UNREACHABLE)


class _Schemas(GenerateJsonSchema):
    """An answer has all of its fields, those with a default included."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        """See the class; pydantic asks this for each field."""
        return self.mode == "serialization" or super().field_is_required(field, total)


def is_described(path: str) -> bool:
    """Whether the document has a route of this path below /api."""
    return path != _UNKNOWN_PATH and not _HTML.fullmatch(path)


def document(authority: Authority | None) -> Json:
    """The OpenAPI document of an installation whose callers this authority signs in."""
    operations = declared()
    by_key, schemas = _schemas(operations)
    paths: dict[str, Json] = {}
    for endpoint in operations:
        paths.setdefault(f"/{endpoint.path}", {})[endpoint.method.lower()] = _operation(
            endpoint, by_key, schemas, authority
        )
    # The parameters' models are taken apart above and are not schemas of their own.
    for name in {endpoint.parameters.__name__ for endpoint in operations}:
        schemas.pop(name, None)
    description: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Arcway",
            "version": "1",
            "description": _TEXT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api"}],
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }
    if authority:
        token_text = f"An Entra token of tenant {authority.tenant_id} for application {authority.client_id}."
        scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": token_text}
        description["components"]["securitySchemes"] = {_SECURITY: scheme}
    return description


def _schemas(operations: list[Endpoint]) -> tuple[Mapping[Any, Json], Json]:
    inputs: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = [("", "serialization", TypeAdapter(Problem))]
    for endpoint in operations:
        inputs.append((endpoint.parameters, "validation", TypeAdapter(endpoint.parameters)))
        if endpoint.body:
            inputs.append((endpoint.body, "validation", TypeAdapter(endpoint.body)))
        inputs += [
            (answer.shape, "serialization", TypeAdapter(answer.shape))
            for answer in endpoint.answers.values()
            if answer.shape
        ]
    schemas_by_key, common = TypeAdapter.json_schemas(inputs, ref_template=_REF, schema_generator=_Schemas)
    return {key: schema for (key, _), schema in schemas_by_key.items()}, common["$defs"]


def _operation(endpoint: Endpoint, by_key: Mapping[Any, Json], schemas: Json, authority: Authority | None) -> Json:
    summary, _, details = endpoint.description.partition("\n")
    roles = [str(role) for role in sorted(endpoint.needed)]
    who = f"Requires the role {' or '.join(roles)}." if roles else "No role is required."
    description: Json = {
        "operationId": endpoint.name,
        "summary": summary.rstrip("."),
        "description": "\n\n".join(part for part in (details.strip(), who) if part),
        "parameters": [*_parameters(endpoint, schemas[endpoint.parameters.__name__]), *_headers(endpoint)],
        "responses": dict(sorted(_responses(endpoint, by_key))),
    }
    if endpoint.body:
        examples = {name: {"value": value} for name, value in endpoint.examples.items()}
        content = {"application/json": {"schema": by_key[endpoint.body], "examples": examples}}
        description["requestBody"] = {"required": True, "content": content}
    if authority and roles:
        description["security"] = [{_SECURITY: [role]} for role in roles]
    return description


def _parameters(endpoint: Endpoint, schema: Json) -> Iterator[Json]:
    in_path = path_names(endpoint.path)
    for name, described in schema.get("properties", {}).items():
        shape = {key: value for key, value in described.items() if key not in ("description", "title")}
        # A query has no null: what may be left out is.
        if "anyOf" in shape:
            (only,) = [item for item in shape.pop("anyOf") if item != {"type": "null"}]
            shape = {**only, **shape}
        if shape.get("default", "") is None:
            del shape["default"]
        parameter = {"name": name, "in": "path" if name in in_path else "query", "schema": shape}
        parameter["required"] = name in schema.get("required", ())
        yield parameter | ({"description": described["description"]} if "description" in described else {})


def _headers(endpoint: Endpoint) -> Iterator[Json]:
    for header in endpoint.headers:
        yield {
            "name": header.name,
            "in": "header",
            "required": False,
            "description": header.description,
            "schema": dict(header.schema),
        }


def _responses(endpoint: Endpoint, by_key: Mapping[Any, Json]) -> Iterator[tuple[str, Json]]:
    errors = _errors(endpoint, by_key[""])
    for status, answer in endpoint.answers.items():
        response = _answer(answer, by_key)
        if problem := errors.pop(str(status), None):
            response["content"] |= problem["content"]
        yield str(status), response
    yield from errors.items()


def _answer(answer: Answer, by_key: Mapping[Any, Json]) -> Json:
    response: Json = {"description": answer.description}
    if answer.shape:
        response["content"] = {"application/json": {"schema": by_key[answer.shape]}}
    if answer.headers:
        response["headers"] = {name: {**_HEADERS[name], "required": True} for name in answer.headers}
    return response


def _errors(endpoint: Endpoint, problem: Json) -> dict[str, Json]:
    codes = {*_ALWAYS, *endpoint.codes, *(() if endpoint.needed == OPEN else _WITH_ROLE)}
    by_status: dict[str, list[Code]] = {}
    for code in sorted(codes):
        by_status.setdefault(str(http.status_of_code(code)), []).append(code)
    responses = {}
    for status, present in by_status.items():
        listing = "\n".join(f"- {code}: {CATALOGUE[code].title}" for code in present)
        response: Json = {"description": listing, "content": {"application/problem+json": {"schema": problem}}}
        headers = {}
        if status == "401":
            headers["WWW-Authenticate"] = {**_HEADERS["WWW-Authenticate"], "required": True}
        if status in ("502", "503"):
            headers["Retry-After"] = {**_HEADERS["Retry-After"], "required": status == "503"}
        responses[status] = response | ({"headers": headers} if headers else {})
    return responses
