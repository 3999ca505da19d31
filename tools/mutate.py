"""Mutation testing of one part of the code by the fast tests of that part (`scripts/mutate`).

mutmut reads one selection of files and tests from pyproject.toml; the selection of each part is here.
"""

import ast
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutmut.__main__
from mutmut.__main__ import cli
from mutmut.configuration import config


@dataclass(frozen=True)
class Part:
    """What is changed, and the tests that have to notice: those that take milliseconds each."""

    mutated: tuple[str, ...]
    tests: tuple[str, ...]
    unchanged: tuple[str, ...] = ()


PARTS = {
    "orchestrators": Part(("orchestrators/*",), ("tests/unit/orchestrators",)),
    "domain": Part(
        ("arcway/domain/*",),
        (
            "tests/unit/domain",
            "tests/security/test_redaction.py",
            "tests/security/test_secrets_held.py",
            "tests/security/test_retry_after.py",
            "tests/security/test_texts_from_outside.py",
        ),
        # Texts and numbers alone: the tests hold them against docs/errors.md.
        unchanged=("arcway/domain/catalogue/*",),
    ),
    "triggers": Part(
        ("triggers/*",),
        (
            "tests/unit/access",
            "tests/unit/page",
            "tests/unit/triggers",
            "tests/unit/test_cancel.py",
            "tests/unit/test_registration.py",
            "tests/security/test_display.py",
            "tests/security/test_fleets.py",
            "tests/security/test_forms.py",
            "tests/security/test_texts_from_outside.py",
        ),
        # Declarations alone: models of responses, tables of routes, and texts that tests/contract hold against routes.
        unchanged=(
            "triggers/response_models.py",
            "triggers/routes.py",
            "triggers/page/routes.py",
            "triggers/api_description/*",
        ),
    ),
}

_RESULTS = Path("mutants")


def main() -> None:
    """Run mutmut on the part named first, with the arguments after it."""
    name, *arguments = sys.argv[1:] or [""]
    if name not in PARTS:
        sys.exit(f"Name the part to change: {', '.join(PARTS)}.")
    part, selection = PARTS[name], config()
    _mutate_handlers()
    selection.only_mutate = list(part.mutated)
    selection.do_not_mutate = list(part.unchanged)
    selection.pytest_add_cli_args_test_selection = list(part.tests)
    if arguments[:1] == ["run"]:
        _drop_results_of_another(name)
    cli(arguments)


def _mutate_handlers() -> None:
    """Let mutmut change handlers, too: it passes over functions with a decorator."""
    program: Any = mutmut.__main__
    mutate = program.mutate_file_contents
    program.mutate_file_contents = lambda filename, code, *more: mutate(filename, undecorated(code), *more)


def undecorated(code: str) -> str:
    """The code, in which endpoints are declared by a call after their handlers, not by a decorator before them."""
    lines = code.splitlines(keepends=True)
    for node in reversed(ast.parse(code).body):
        match node:
            case ast.AsyncFunctionDef(decorator_list=[ast.Call(func=ast.Name(id="endpoint")) as decorator]):
                declaration = "".join(lines[decorator.lineno - 1 : decorator.end_lineno]).strip().removeprefix("@")
                handler = lines[node.lineno - 1 : node.end_lineno]
                call = f"\n{node.name} = {declaration}({node.name})\n"
                lines[decorator.lineno - 1 : node.end_lineno] = [*handler, call]
    return "".join(lines)


def _drop_results_of_another(part: str) -> None:
    """Empty the folder if it is of another part: mutmut would not mutate the files that are there already."""
    mark = _RESULTS / "part"
    if not mark.exists() or mark.read_text() != part:
        shutil.rmtree(_RESULTS, ignore_errors=True)
        _RESULTS.mkdir()
        mark.write_text(part)


if __name__ == "__main__":
    main()
