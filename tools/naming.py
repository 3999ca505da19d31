"""The share of names that say nothing of what they hold: `python -m tools.naming [--list]`.

Counts parameters, assigned variables and class fields, of the product and of its tests. A name is a filler when it is a
word for how a value came about ("found", "given") or for nothing at all ("it", "text"), and no word beside it says what
the value is. `scripts/check` fails above the limit.
"""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

FILLERS = frozenset(
    {
        "again",
        "asked",
        "done",
        "found",
        "given",
        "had",
        "held",
        "here",
        "it",
        "kept",
        "known",
        "left",
        "looked",
        "made",
        "more",
        "one",
        "other",
        "others",
        "rest",
        "said",
        "seen",
        "shown",
        "text",
        "there",
        "told",
        "wanted",
        "what",
    }
)
LIMIT = 0.01
_PLAIN = ("self", "cls", "_")


def names(tree: ast.AST) -> Iterator[str]:
    """The names that the source gives: parameters, variables, fields, caught errors."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name


def count(paths: list[str]) -> tuple[int, Counter[str]]:
    """How many names the files have, and how often each filler is one."""
    collected = [
        name.strip("_") for path in paths for name in names(ast.parse(Path(path).read_text())) if name not in _PLAIN
    ]
    return len(collected), Counter(name for name in collected if name in FILLERS)


def main() -> int:
    """Print the share of the product and of the tests; 1 if one is above the limit."""
    listed = subprocess.run(["git", "ls-files", "*.py"], capture_output=True, text=True, check=True).stdout.split()
    above = False
    for part, paths in (
        ("product", [path for path in listed if not path.startswith("tests/")]),
        ("tests", [path for path in listed if path.startswith("tests/")]),
    ):
        total, fillers = count(paths)
        share = fillers.total() / total
        above |= share > LIMIT
        print(f"{part}: {fillers.total()} of {total} names are fillers ({share:.1%}, limit {LIMIT:.0%})")
        if "--list" in sys.argv:
            print("  " + ", ".join(f"{name} {number}" for name, number in fillers.most_common()))
    return int(above)


if __name__ == "__main__":
    sys.exit(main())
