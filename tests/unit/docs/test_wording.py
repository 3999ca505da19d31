"""The writing guide of CONTRIBUTING.md holds in product code, pages and documents."""

from pathlib import Path

import pytest

from tools import wording


def test_texts_follow_the_writing_guide() -> None:
    assert [f"{hit.path}:{hit.line}: {hit.match!r}: {hit.advice}" for hit in wording.hits()] == []


@pytest.mark.parametrize(
    "message",
    [
        "It is told by nobody.",
        "Whoever starts it waits for ever.",
        "The token is no access token.",
        "The run goes on by itself.",
        "1 settings changed",
        "1 members failed",
        "in somebody's name",
        "GET /x was answered 403",
        "The run was cancelled.",
    ],
)
def test_struck_idioms_and_wrong_plurals_are_found(message: str) -> None:
    assert wording.in_prose("page.md", 1, message)


@pytest.mark.parametrize(
    "message",
    ["There is no run.", "It is no longer there.", "`cancelled` in code", "2 settings changed", "Nothing was changed."],
)
def test_plain_sentences_pass(message: str) -> None:
    assert not wording.in_prose("page.md", 1, message)


def test_of_tests_names_docstrings_and_comments_are_prose_and_strings_are_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wording, "ROOT", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "x.py").write_text(
        '"""Told by nobody."""\n# It goes on.\nmessage = "It goes on."\ndef test_it(): ...\n'
    )
    assert [*wording.texts("tests/x.py")] == [(4, "test it"), (1, "Told by nobody."), (2, "# It goes on.")]


def test_a_number_before_a_fixed_plural_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "ROOT", tmp_path)
    (tmp_path / "x.py").write_text(
        'f"{len(found)} errors"; f"{counted(n, \'error\')}"; f"0/{len(n)} nodes"; f"{LIMIT} runs"\n'
    )
    assert [hit.match for hit in wording.counts("x.py")] == ["{len(found)} errors"]
    (tmp_path / "x.html").write_text("{{ days }} days\n{{ days | counted('day') }}\n{{ fleet.perHour }} members\n")
    assert [hit.line for hit in wording.template_counts("x.html")] == [1, 3]
