"""Finds what the writing guide (CONTRIBUTING.md) strikes: idioms, and nouns that do not follow their number.

Reads the texts of product code (strings, docstrings and comments), names, docstrings and comments of tests,
comments of scripts, page templates and documents. Text in backticks and code blocks is not prose and is left out.
`python -m tools.wording` prints what it finds and fails if there is any.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PRODUCT = ("arcway/", "arcway_local/", "activities/", "orchestrators/", "triggers/", "tools/", "function_app.py")
_THIS = "tools/wording.py"
# Their strings are input and expected output.
_TESTS = "tests/"
_SCRIPTS = ("scripts/", ".ci/", ".github/", "pyproject.toml")
# Recorded output, generated pages and minified code are written elsewhere.
_NOT_PROSE = ("docs/api.html", "docs/schemas/", "arcway/page/static/vendor/")

IDIOMS = {
    r"\b(no|some|any|every)body\b": "name the reader or the role: the caller, a user, another client",
    r"\bwhoever\b": "name the role: a user who, the caller",
    r"\banew\b": "again",
    r"\bmend(s|ed|ing)?\b": "fix, repair",
    r"\bfor ever\b": "forever, without end",
    r"\bby (itself|themselves)\b": "automatically, or name the actor",
    r"\blook(s|ed|ing)? at\b": "check, read, inspect",
    r"\b(goes|go|went|going) on\b": "continues",
    r"\bsay(s)? so\b": "name what says what",
    r"(?:\b(is|are|was|were|be|been|being)|\|) told\b": "is reported, receives",
    r"(?<!here )\b(is|are|was|were) no (?!longer\b|more\b|one\b|less\b|later\b)[a-z]": "is not a",
    r"\bmust not know\b": "the table of docs/architecture.md",
    r"\b(un)?cancell(ed|ing)\b": "canceled, canceling",
    r"\bwas answered\b": "returned",
    r"\bfor good\b": "permanently",
}
"""What is struck, and what to write instead."""

_PLURALS = re.compile(
    r"\b1 (?:errors|warnings|findings|settings|runs|clusters|nodes|days|hours|minutes|seconds|deployments|pods|members"
    r"|fleets|stages|attempts|requests|events|messages)\b"
)
_COUNT_BEFORE_NOUN = re.compile(
    r"^ (?:(?:more|finished|failed|expired|other|invalid) )?"
    r"(?:errors|warnings|findings|settings|runs|clusters|nodes|days|items|pods|members|fleets|stages|attempts|requests"
    r"|events|messages)\b"
)
_JINJA_COUNT = re.compile(
    r"\{\{[^}]*\}\} (?:more )?"
    r"(?:errors|warnings|findings|runs|clusters|nodes|days|items|members|fleets|stages|attempts)\b"
)


class Hit(NamedTuple):
    """A place that breaks the guide."""

    path: str
    line: int
    match: str
    advice: str


def hits() -> Iterator[Hit]:
    """Everything that breaks the guide, file by file."""
    for path in _files():
        for line, content in texts(path):
            yield from in_prose(path, line, content)
        if path.endswith(".py") and not path.startswith(_TESTS):
            yield from counts(path)
        elif path.endswith(".html"):
            yield from template_counts(path)


def texts(path: str) -> Iterator[tuple[int, str]]:
    """The prose of a file, each piece with its line."""
    if path.endswith(".py"):
        yield from _python(path)
    elif path.startswith(_SCRIPTS):
        yield from ((line, content) for line, content in _lines(path) if content.lstrip().startswith("#"))
    else:
        in_code = False
        for line, content in _lines(path):
            if content.lstrip().startswith("```"):
                in_code = not in_code
            elif not in_code:
                yield line, content


def _files() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [
        path
        for path in listed
        if path != _THIS
        and not path.startswith(_NOT_PROSE)
        and (
            (path.startswith(PRODUCT) and path.endswith((".py", ".html", ".js")))
            or (path.startswith(_TESTS) and path.endswith(".py"))
            or path.startswith(_SCRIPTS)
            or (path.endswith(".md") and ("/" not in path or path.startswith(("docs/", "arcway_local/"))))
        )
    ]


def _lines(path: str) -> Iterator[tuple[int, str]]:
    yield from enumerate((ROOT / path).read_text().splitlines(), 1)


def _python(path: str) -> Iterator[tuple[int, str]]:
    source = (ROOT / path).read_text()
    nodes = [*ast.walk(ast.parse(source))]
    if path.startswith(_TESTS):
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.lineno, node.name.replace("_", " ")
        nodes = [node.value for node in nodes if isinstance(node, ast.Expr)]  # docstrings
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            for number, line in enumerate(node.value.splitlines()):
                yield node.lineno + number, line
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def in_prose(path: str, line: int, message: str) -> list[Hit]:
    """Struck idioms and wrong plurals in a line of prose."""
    collected = []
    prose = re.sub(r"`[^`]*`|https?://\S+|\]\([^)]*\)", "", message)
    for pattern, advice in IDIOMS.items():
        if match := re.search(pattern, prose, re.IGNORECASE):
            collected.append(Hit(path, line, match[0], advice))
    if match := _PLURALS.search(prose):
        collected.append(Hit(path, line, match[0], "the noun follows its number"))
    return collected


def counts(path: str) -> Iterator[Hit]:
    """Numbers in f-strings that a fixed plural noun follows."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value_before, value, value_after in zip([None, *node.values], node.values, node.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(value_after, ast.Constant):
                continue
            if isinstance(value_before, ast.Constant) and str(value_before.value).endswith("/"):
                continue  # a share of a whole, as in `0/3 nodes`
            is_constant = isinstance(value.value, ast.Name) and value.value.id.isupper()
            if not is_constant and (match := _COUNT_BEFORE_NOUN.match(str(value_after.value))):
                yield Hit(path, node.lineno, f"{{{ast.unparse(value.value)}}}{match[0]}", "use `counted`")


def template_counts(path: str) -> Iterator[Hit]:
    """Numbers in a page template that a fixed plural noun follows."""
    for line, content in _lines(path):
        for match in _JINJA_COUNT.finditer(content):
            if "counted" not in match[0]:
                yield Hit(path, line, match[0], "use the filter `counted`")


def main() -> int:
    """Print every hit; 1 if there is any."""
    result = list(hits())
    for hit in result:
        print(f"{hit.path}:{hit.line}: {hit.match!r}: {hit.advice}")
    return 1 if result else 0


if __name__ == "__main__":
    sys.exit(main())
