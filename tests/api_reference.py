"""The HTML reference of the API, made from its description: one file that loads nothing from anywhere."""

import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

type Json = dict[str, Any]

FILE = Path(__file__).parents[1] / "docs" / "api.html"
_TEMPLATE = "api_reference.html.j2"


def page(document: Json) -> str:
    """The reference of this OpenAPI document."""
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"shape": shape, "limits": limits, "pretty": pretty, "lines": lines}
    return environment.get_template(_TEMPLATE).render(api=document)


def shape(schema: Json) -> Markup:
    """What a schema takes, in a word; named shapes are links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#shape-{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(" or ").join(shape(item) for item in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return Markup(" | ").join(
            Markup("<code>{}</code>").format(json.dumps(value)) for value in schema.get("enum") or [schema["const"]]
        )
    if schema.get("type") == "array":
        return Markup("list of ") + shape(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        return Markup("object of ") + shape(schema["additionalProperties"])
    return escape(schema.get("format") or schema.get("type") or "any")


def limits(schema: Json) -> Markup:
    """The limits of a schema and what counts without a value."""
    words = {
        "minimum": "at least {}",
        "maximum": "at most {}",
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
        "maxItems": "at most {} items",
        "maxProperties": "at most {} names",
        "pattern": "matches {}",
        "default": "otherwise {}",
    }
    messages = []
    for part in (schema, *schema.get("anyOf", ())):
        for key, line in words.items():
            if part.get(key) is not None:
                value = part[key] if key == "pattern" else json.dumps(part[key])
                messages.append(Markup(escape(line)).format(Markup("<code>{}</code>").format(value)))
    return Markup(", ").join(messages)


def pretty(value: object) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def lines(message: str) -> Markup:
    """Paragraphs and lists of a description's plain Markdown."""
    markup, items = Markup(""), Markup("")
    for block in message.replace("\n  ", " ").split("\n"):
        if block.startswith("- "):
            items += Markup("<li>{}</li>").format(_code(block[2:]))
            continue
        if items:
            markup, items = markup + Markup("<ul>{}</ul>").format(items), Markup("")
        if block.strip():
            markup += Markup("<p>{}</p>").format(_code(block))
    return markup + Markup("<ul>{}</ul>").format(items) if items else markup


def _code(message: str) -> Markup:
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(message))))


if __name__ == "__main__":
    import function_app  # noqa: F401 - the routes declare what is described
    from triggers.api_description.document import document

    FILE.write_text(page(document(None)))
