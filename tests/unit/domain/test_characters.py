"""Characters that no request may have, and details of errors cut to what can be shown."""

import pytest

from arcway.domain.characters import DETAILS_LIMIT, control_characters, limited_details, not_text

CONTROL = "has the control character U+0007, which is not accepted"
NOT_TEXT = "has NUL or half a surrogate pair"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("\a", "(body)"),
        ({"a": "x\a"}, "a"),
        ({"a": [{"b": "ok"}, {"b": "\a"}]}, "a.1.b"),
        (["ok", "\a"], "1"),
        ({"x\a": 5}, "(body)"),
        ({"a": {"x\a": 5}}, "a"),
        ({"a": [[{"\a": None}]]}, "a.0.0"),
    ],
)
def test_control_character_is_reported_with_the_field_that_has_it(value: object, field: str) -> None:
    assert control_characters(value) == [{"field": field, "message": CONTROL}]
    assert not_text(value) == []


@pytest.mark.parametrize(
    ("character", "number"),
    [
        ("\x00", "0000"),
        ("\n", "000A"),
        ("\x1f", "001F"),
        ("\x7f", "007F"),
        ("\x9f", "009F"),
        ("\u061c", "061C"),
        ("\u200e", "200E"),
        ("\u2028", "2028"),
        ("\u202e", "202E"),
        ("\u2069", "2069"),
        ("\udfff", "DFFF"),
    ],
)
def test_control_character_is_named_by_its_number(character: str, number: str) -> None:
    [problem] = control_characters({"a": f"x{character}y"})
    assert problem == {"field": "a", "message": f"has the control character U+{number}, which is not accepted"}


@pytest.mark.parametrize("text", ["", " ~", "\xa0ü中🚀", "\u200d", "\u2027", "\u202f"])
def test_other_characters_are_accepted(text: str) -> None:
    value = {"a": [text, 5, None, True, {"b": text}], text: text}
    assert control_characters(value) == []
    assert not_text(value) == []


def test_every_field_with_a_control_character_is_reported() -> None:
    problems = control_characters({"a": "\a", "b": {"c": "\a", "d": "ok"}})
    assert {item["field"] for item in problems} == {"a", "b.c"}


def test_multiline_field_may_have_line_ends_and_no_other_control_character() -> None:
    multiline = frozenset({"proxy.certificate"})
    assert control_characters({"proxy": {"certificate": "a\r\nb"}, "x": "ok"}, multiline) == []
    [problem] = control_characters({"proxy": {"certificate": "a\nb", "x": "\n"}}, multiline)
    assert problem["field"] == "proxy.x"
    for character in "\t\x0b\x0c\x1f\x00\x7f\u2028":
        [problem] = control_characters({"proxy": {"certificate": f"a\n{character}"}}, multiline)
        assert f"U+{ord(character):04X}" in problem["message"]


@pytest.mark.parametrize("character", ["\x00", "\ud800"])
def test_what_no_reader_of_json_takes_is_reported_with_its_field(character: str) -> None:
    value = {"good": "x", "a": [{"b": f"x{character}"}], f"{character}": 1}
    assert sorted(item["field"] for item in not_text(value)) == ["(body)", "a.0.b"]
    assert {item["message"] for item in not_text(value)} == {NOT_TEXT}


@pytest.mark.parametrize("report", [control_characters, not_text])
def test_name_of_a_deep_field_is_cut(report: object) -> None:
    value: object = "\x00"
    for _ in range(300):
        value = {"abcdefghij": value}
    [problem] = report(value)  # type: ignore[operator]
    assert (len(problem["field"]), problem["field"][-1]) == (500, "…")
    [problem] = report({"n" * 5000: "\x00"})  # type: ignore[operator]
    assert problem["field"] == "n" * 499 + "…"


def test_details_are_cut_and_counted() -> None:
    details = [{"field": f"f{number}", "message": "x" * 501, "number": 5} for number in range(53)]
    limited = limited_details(details)
    assert limited[0] == {"field": "f0", "message": "x" * 499 + "…", "number": 5}
    assert len(limited) == DETAILS_LIMIT + 1 == 51
    assert limited[49]["field"] == "f49"
    assert limited[50] == {"field": "(more)", "message": "3 more not shown"}


def test_details_that_fit_stay_and_are_cut_once_only() -> None:
    details = [{"field": f"f{number}", "message": "x" * 500} for number in range(50)]
    assert limited_details(details) == details
    once = limited_details([*details, {"field": "one", "message": "more"}])
    assert once[50:] == [{"field": "(more)", "message": "1 more not shown"}]
    assert limited_details(once) == once
    assert limited_details([]) == []
