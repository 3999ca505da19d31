"""Texts for users: numbers with their nouns."""

import pytest

from arcway.domain.text import counted
from orchestrators.phases.check_cluster import summary


@pytest.mark.parametrize(
    ("number", "message"), [(0, "0 settings"), (1, "1 setting"), (2, "2 settings"), (11, "11 settings")]
)
def test_plural_follows_the_number(number: int, message: str) -> None:
    assert counted(number, "setting") == message


def test_irregular_plural() -> None:
    assert [counted(number, "more error", "more errors") for number in (1, 3)] == ["1 more error", "3 more errors"]


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([], "no problems found"),
        (["warning"], "1 warning"),
        (["info", "error", "warning", "error"], "2 errors, 1 warning, 1 note"),
    ],
)
def test_summary_of_a_check_counts_findings_by_level(levels: list[str], message: str) -> None:
    assert summary([{"level": level} for level in levels]) == message
