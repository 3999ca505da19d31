"""Texts for users: numbers with their nouns, and text from outside made fit to be shown."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from arcway.domain.text import counted, decoded, excerpt, json_text, listed, presentable, sentence, visible
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


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("ü🚀".encode(), "ü🚀"),
        ("ü".encode("utf-8-sig"), "ü"),
        ("ü🚀".encode("utf-16"), "ü🚀"),
        (b"\xfe\xff" + "ü".encode("utf-16-be"), "ü"),
        (b"\xff\xfe" + "ü".encode("utf-16-le"), "ü"),
    ],
)
def test_text_is_decoded_by_its_mark(data: bytes, text: str) -> None:
    assert decoded(data) == text


@pytest.mark.parametrize("data", [b"\xff", b"\xff\xfea"])
def test_what_is_not_text_is_not_decoded(data: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        decoded(data)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a b", "a b"),
        ("\n\r\t", "\\n\\r\\t"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x7f\xad\xff", "\\x7f\\xadÿ"),
        ("\u0100\u202e\uffff", "\u0100\\u202e\\uffff"),
        ("\U000e0041", "\\U000e0041"),
        ("\u3164\ufe0fx", "\\u3164\\ufe0fx"),
        # Blanks of other scripts do not print in Python's sense, and show as what they are.
        ("\xa0\u2003", "\xa0\u2003"),
        ("中\x07文", "中\\x07文"),
    ],
)
def test_what_does_not_show_is_an_escape(value: str, expected: str) -> None:
    assert visible(value) == expected
    assert excerpt(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (True, "True"),
        (1.5, "1.5"),
        (5, "5"),
        (-(2**63) + 1, str(-(2**63) + 1)),
        (2**63 - 1, str(2**63 - 1)),
        (-(2**63), "a huge number"),
        (2**63, "a huge number"),
        (["x" * 1000], "(list)"),
        ({"a": 1}, "(dict)"),
    ],
)
def test_excerpt_of_another_value_is_short(value: object, expected: str) -> None:
    assert excerpt(value) == expected


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [("abcd", 4, "abcd"), ("abcde", 4, "abc…"), ("abc\n", 4, "abc…"), ("ab\n", 4, "ab\\n"), ("x" * 9, 1, "…")],
)
def test_excerpt_is_cut_after_it_is_made_visible(value: str, limit: int, expected: str) -> None:
    assert excerpt(value, limit) == expected


def test_excerpt_is_a_name_and_sentence_a_paragraph_unless_the_caller_says_otherwise() -> None:
    assert len(excerpt("x" * 5000)) == 128
    assert len(sentence("x" * 5000)) == 2048


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (" a \t\r\n b\n", 99, "a b"),
        ("a\x0bb", 99, "a\\x0bb"),
        ("abcdef", 5, "abcd…"),
        (" " * 19 + "ab", 5, "a"),
        ("a" + " " * 98 + "b", 25, "a b"),
        ("a" + " " * 99 + "b", 25, "a"),
    ],
)
def test_sentence_is_one_line_of_the_first_lines(value: str, limit: int, expected: str) -> None:
    assert sentence(value, limit) == expected


@pytest.mark.parametrize(
    ("names", "most", "expected"),
    [
        ([], 2, ""),
        (["a"], 2, "a"),
        (["a", "b"], 2, "a, b"),
        (["a", "b", "c"], 2, "a, b and 1 more"),
        (["\n"], 1, "\\n"),
    ],
)
def test_list_of_names_is_cut_with_a_count(names: list[str], most: int, expected: str) -> None:
    assert listed(names, most) == expected


def test_list_names_five_unless_the_caller_says_otherwise() -> None:
    assert listed("abcdefg") == "a, b, c, d, e and 2 more"


def nested(depth: int, wrap: Callable[[Any], Any]) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = wrap(value)
    return value


def test_json_value_is_made_visible_and_cut_at_every_depth() -> None:
    value = {"a\n": ["\x07", {"b": ("c", None, True, 1.5, 5)}], "n" * 3000: "x" * 9000}
    assert presentable(value) == {
        "a\\n": ["\\x07", {"b": ["c", None, True, 1.5, 5]}],
        "n" * 2047 + "…": "x" * 8191 + "…",
    }
    assert presentable(["abcdef", {"abcdef": "abcdef"}], 4) == ["abc…", {"abcdef": "abc…"}]


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"a": value}], ids=["lists", "objects"])
def test_json_value_is_at_most_32_levels_deep(wrap: Callable[[Any], Any]) -> None:
    assert presentable(nested(32, wrap)) == nested(32, wrap)
    with pytest.raises(ValueError, match=r"^the value is nested too deeply$"):
        presentable(nested(33, wrap))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 2**63, -(2**63), 1e300])
def test_json_value_has_no_number_that_programs_cannot_hold(number: float) -> None:
    with pytest.raises(ValueError, match=r"^the value has a number that is not finite or too large$"):
        presentable({"a": [number]})


def test_json_for_a_terminal_is_escaped_as_json() -> None:
    assert json_text({"a": "ü\x7f\u202e🚀\U000e0041"}) == '{"a": "ü\\u007f\\u202e🚀\\udb40\\udc41"}'
    assert json_text({"a": [1]}, 1) == '{\n "a": [\n  1\n ]\n}'
