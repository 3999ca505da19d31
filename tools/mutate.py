"""Mutation testing of one part of the code by the fast tests of that part (`scripts/mutate`).

mutmut reads one selection of files and tests from pyproject.toml; the selection of each part is here.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

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
            "tests/security/test_retry_after.py",
            "tests/security/test_texts_from_outside.py",
        ),
        # Texts and numbers alone: the tests hold them against docs/errors.md.
        unchanged=("arcway/domain/catalogue/*",),
    ),
    "triggers": Part(("triggers/*",), ("tests/unit/access", "tests/unit/page", "tests/unit/test_cancel.py")),
}

_RESULTS = Path("mutants")


def main() -> None:
    """Run mutmut on the part named first, with the arguments after it."""
    name, *arguments = sys.argv[1:] or [""]
    if name not in PARTS:
        sys.exit(f"Name the part to change: {', '.join(PARTS)}.")
    part, selection = PARTS[name], config()
    selection.only_mutate = list(part.mutated)
    selection.do_not_mutate = list(part.unchanged)
    selection.pytest_add_cli_args_test_selection = list(part.tests)
    if arguments[:1] == ["run"]:
        _drop_results_of_another(name)
    cli(arguments)


def _drop_results_of_another(part: str) -> None:
    """Empty the folder if it is of another part: mutmut would not mutate the files that are there already."""
    mark = _RESULTS / "part"
    if not mark.exists() or mark.read_text() != part:
        shutil.rmtree(_RESULTS, ignore_errors=True)
        _RESULTS.mkdir()
        mark.write_text(part)


if __name__ == "__main__":
    main()
