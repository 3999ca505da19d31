"""Reads Bicep files as far as the tests need: their statements, and what object literals say.

Parsed with tree-sitter's grammar, because no compiler can be installed here. An expression that is not a literal is
kept as text; both sides of a condition are alternatives.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tree_sitter
import tree_sitter_bicep

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


@dataclass(frozen=True)
class Expression:
    """What is not a literal, as it is written."""

    text: str


@dataclass(frozen=True)
class Alternatives:
    """A condition: either value."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Text:
    """A string with expressions in it, such as `${name}-nat`."""

    template: str


@dataclass(frozen=True)
class Declaration:
    """A param, var, output, resource or module: what stands after the keyword, and its value or body."""

    kind: str
    name: str
    head: str
    """The type of a param or output; the type and version of a resource; the path of a module."""
    value: Any
    text: str
    is_existing: bool = False

    @property
    def resource_type(self) -> tuple[str, str]:
        """The type and the version of a resource."""
        kind, _, version = self.head.partition("@")
        return kind, version


class Template:
    """One Bicep file."""

    def __init__(self, path: Path, source: str | None = None) -> None:
        self.path = path
        self.source = path.read_text() if source is None else source
        self._bytes = self.source.encode()
        self._tree = _PARSER.parse(self._bytes)
        self.declarations = [*self._declarations()]

    def errors(self) -> list[str]:
        """Where the grammar does not fit."""
        return [
            f"{self.path.name}:{node.start_point[0] + 1}: {self._text(node)[:60]}"
            for node in self._nodes(self._tree.root_node)
            if node.type == "ERROR" or node.is_missing
        ]

    def of_kind(self, kind: str) -> list[Declaration]:
        """The declarations of one keyword."""
        return [declaration for declaration in self.declarations if declaration.kind == kind]

    def _nodes(self, node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
        yield node
        for child in node.children:
            yield from self._nodes(child)

    def _text(self, node: tree_sitter.Node) -> str:
        return self._bytes[node.start_byte : node.end_byte].decode()

    def _declarations(self) -> Iterator[Declaration]:
        kinds = {
            "parameter_declaration": "param",
            "variable_declaration": "var",
            "output_declaration": "output",
            "resource_declaration": "resource",
            "module_declaration": "module",
        }
        for node in self._nodes(self._tree.root_node):
            if node.type not in kinds:
                continue
            kind, parts = kinds[node.type], node.named_children
            text = self._text(node)
            head = ""
            values = parts[1:]
            if kind in ("resource", "module", "param", "output"):
                head = self._text(parts[1]).strip("'")
                values = parts[2:]
            value = self._value(values[-1]) if values else None
            yield Declaration(kind, self._text(parts[0]), head, value, text, bool(re.search(r"' existing =", text)))

    def _value(self, node: tree_sitter.Node) -> Any:
        match node.type:
            case "object":
                return {
                    self._key(item.named_children[0]): self._value(item.named_children[-1])
                    for item in node.named_children
                    if item.type == "object_property"
                }
            case "array":
                return [self._value(item) for item in node.named_children if item.type != "comment"]
            case "string":
                text = self._text(node)[1:-1]
                return Text(text) if "${" in text else text
            case "number":
                return int(self._text(node))
            case "boolean":
                return self._text(node) == "true"
            case "null":
                return None
            case "ternary_expression":
                return Alternatives(tuple(self._value(item) for item in node.named_children[1:]))
            case "if_statement" | "for_statement":
                return self._value(node.named_children[-1])
            case "call_expression":
                return self._of_call(node)
            case _:
                return Expression(self._text(node))

    def _of_call(self, node: tree_sitter.Node) -> Any:
        """A union of literals is one; what is not a literal in it adds nothing that can be checked."""
        function, arguments = node.named_children
        values = [self._value(item) for item in arguments.named_children]
        if self._text(function) == "union" and isinstance(values[0], dict):
            return {key: value for part in values if isinstance(part, dict) for key, value in part.items()}
        return Expression(self._text(node))

    def _key(self, node: tree_sitter.Node) -> str:
        return self._text(node).strip("'")
