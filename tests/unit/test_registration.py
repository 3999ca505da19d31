"""Function names by path: the host matches overlapping routes in the order of the names."""

import pytest

from triggers.page.routes import ROUTES as PAGE
from triggers.registration import function_name
from triggers.routes import ROUTES as API

ALL = [*API, *PAGE, "page/static/{file}", "page/sign-in", "{*path}"]


@pytest.mark.parametrize(
    ("literal", "parameter"),
    [
        ("runs/purge", "runs/{id}"),
        ("page/start", "page/{*path}"),
        ("page/start/contexts", "page/{*path}"),
        ("page/runs/{id}/cancel", "page/{*path}"),
        ("page/sign-in", "page/{*path}"),
        ("page/{*path}", "{*path}"),
        ("health", "{*path}"),
    ],
)
def test_a_literal_segment_is_matched_before_a_parameter(literal: str, parameter: str) -> None:
    assert {literal, parameter} <= set(ALL)
    assert function_name(literal) < function_name(parameter)


def test_no_two_paths_share_a_function_name() -> None:
    assert len({function_name(path) for path in ALL}) == len(ALL)
