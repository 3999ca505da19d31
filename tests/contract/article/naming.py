"""The tests that exist and the tests that a page names, both as `path::name`."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
_NAMED = re.compile(r"`(tests/[\w/]+\.py::\w+)`")


@cache
def existing_tests() -> frozenset[str]:
    """Every test function, without importing any."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        place = path.relative_to(ROOT).as_posix()
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                found.add(f"{place}::{node.name}")
    return frozenset(found)


def named_in(text: str) -> list[str]:
    """The tests that a text names."""
    return _NAMED.findall(text)


def rows(page: str) -> list[list[str]]:
    """The cells of every table row of a page, without heads and rules."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    heads = {number - 1 for number, line in enumerate(lines) if set(line) <= set("|- ")}
    kept = [line for number, line in enumerate(lines) if number not in heads and not set(line) <= set("|- ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in kept]
