"""The JSON schemas of what crosses Arcway's border, made from the models that validate it."""

import json
from pathlib import Path
from typing import Any

from arcway.domain.json_values import Json
from arcway.domain.request import OffboardRequest, OnboardRequest, UpdateRequest, UpgradeRequest
from arcway.domain.run import Run

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PROBLEM = {
    "type": "object",
    "required": ["code", "message", "remedy", "retryable"],
    "properties": {
        "code": {"type": "string", "pattern": "^ARC-\\d{4}$"},
        "message": {"type": "string"},
        "remedy": {"type": "string"},
        "retryable": {"type": "boolean"},
        "retryAfterSeconds": {"type": ["number", "null"]},
        "details": {"type": "array", "items": {"type": "object"}},
    },
}


def schemas() -> dict[str, Json]:
    """Every schema by the name of its file."""
    return {
        "onboarding-request": _of(OnboardRequest),
        "offboarding-request": _of(OffboardRequest),
        "update-request": _of(UpdateRequest),
        "upgrade-request": _of(UpgradeRequest),
        "run": _of(Run),
        "event": _event(),
    }


def text_of(schema: Json) -> str:
    """A schema as it is written."""
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _of(model: Any) -> Json:
    return {"$schema": _DIALECT, **model.model_json_schema(by_alias=True, mode="validation")}


def _event() -> Json:
    run = Run.model_json_schema(by_alias=True)
    definitions = run.pop("$defs")
    about_run = {"type": "object", "required": ["run"], "properties": {"run": run, "phase": {"$ref": "#/$defs/Phase"}}}
    rejected = {
        "type": "object",
        "required": ["messageId", "error"],
        "properties": {"messageId": {"type": "string"}, "error": _PROBLEM},
    }
    kinds = "accepted|phaseChanged|succeeded|failed|canceled|rejected"
    return {
        "$schema": _DIALECT,
        "title": "Event",
        "description": "A CloudEvent 1.0 in structured JSON mode.",
        "type": "object",
        "required": ["specversion", "type", "id", "source", "time", "datacontenttype", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "type": {"type": "string", "pattern": f"^arcway\\.run\\.({kinds})\\.v1$"},
            "id": {"type": "string"},
            "source": {"type": "string"},
            "subject": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "traceparent": {"type": "string"},
            "data": {"anyOf": [about_run, rejected]},
        },
        "$defs": definitions,
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / f"{name}.json").write_text(text_of(schema))
