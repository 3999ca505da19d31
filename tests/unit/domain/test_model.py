"""What all values from outside share: their names, strictness, and how problems are reported."""

from datetime import date

import pytest
from pydantic import ValidationError, field_validator

from arcway.domain.model import Model, SecretReference, field_errors
from arcway.domain.secret_names import SecretKind


class Inner(Model):
    small_number: int


class Outer(Model):
    items: list[Inner]
    name: str = "x"

    @field_validator("name")
    @classmethod
    def _no_blank(cls, name: str) -> str:
        if " " in name:
            raise ValueError("must not have blanks")
        return name


def problems_of(value: object) -> list[dict[str, str]]:
    with pytest.raises(ValidationError) as refused:
        Outer.model_validate(value)
    return field_errors(refused.value)


def test_names_are_camel_case_outside() -> None:
    value = {"items": [{"smallNumber": 5}], "name": "x"}
    assert Outer.model_validate(value).as_json() == value
    assert Outer(items=[Inner(small_number=5)]).as_json() == value


def test_json_form_has_only_what_json_has() -> None:
    class Other(Model):
        kinds: tuple[SecretKind, ...]
        day: date

    value = Other(kinds=(SecretKind.PAGE,), day=date(2026, 3, 1)).as_json()
    assert value == {"kinds": ["secret of the page"], "day": "2026-03-01"}
    assert type(value["kinds"][0]) is str


def test_every_problem_is_reported_with_its_field_in_the_outside_form() -> None:
    assert problems_of({"items": [{"smallNumber": 1}, {}], "name": "a b", "more": 1}) == [
        {"field": "items.1.smallNumber", "message": "Field required"},
        {"field": "name", "message": "must not have blanks"},
        {"field": "more", "message": "Extra inputs are not permitted"},
    ]


def test_problem_of_the_whole_value_is_that_of_the_body() -> None:
    [problem] = problems_of(5)
    assert problem["field"] == "(body)"


def test_value_is_never_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Inner(small_number=1).small_number = 2


@pytest.mark.parametrize("name", ["", "shop", "arcway-", "arcway-a/b", f"arcway-{'a' * 111}", "arcway-a\n"])
def test_secret_reference_has_a_name_of_arcways(name: str) -> None:
    with pytest.raises(ValidationError, match="secret"):
        SecretReference(secret=name)
