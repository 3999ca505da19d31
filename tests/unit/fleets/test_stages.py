"""Stages of a request: which members each takes, in which order, and what is wrong with them."""

from typing import Any

import pytest

from arcway.domain.errors import ArcError
from arcway.domain.fleets.request import Fleet, parse_fleet
from arcway.domain.json_values import Json

DEFAULTS: Json = {"subscriptionId": "11111111-2222-3333-4444-555555555555", "resourceGroup": "g", "azureOnly": True}


def staged(stages: list[Any], size: int = 10, **fields: Any) -> Fleet:
    members = [{"name": f"m{number}"} for number in range(size)]
    body = {"fleet": "f", "operation": "offboard", "defaults": DEFAULTS, "members": members, "stages": stages, **fields}
    return parse_fleet(body)


def names(chosen: Fleet) -> list[list[str]]:
    """The names of the members of each stage."""
    begin, result = 0, []
    for stage in chosen.stages:
        result.append([member["name"] for member in chosen.request.members[begin : stage["end"]]])
        begin = stage["end"]
    return result


def test_stages_take_members_by_number_and_share_and_the_last_takes_the_rest() -> None:
    stages = [{"name": "canary", "first": 2}, {"name": "some", "percent": 30}, {"name": "rest"}]
    assert names(staged(stages)) == [["m0", "m1"], ["m2", "m3", "m4"], ["m5", "m6", "m7", "m8", "m9"]]


def test_a_share_of_a_small_fleet_is_at_least_one_member() -> None:
    assert names(staged([{"name": "canary", "percent": 5}, {"name": "rest"}], size=3)) == [["m0"], ["m1", "m2"]]


def test_a_stage_takes_members_by_their_tags_wherever_they_are_in_the_list() -> None:
    members = [{"name": f"m{number}", "tags": {"ring": str(number % 3)}} for number in range(6)]
    body = {**DEFAULTS, "location": "eastus", "kubeconfig": {"secret": "arcway-{name}"}}
    del body["azureOnly"]
    stages = [{"name": "ring-2", "tags": {"ring": "2"}}, {"name": "others"}]
    chosen = parse_fleet({"fleet": "f", "defaults": body, "members": members, "stages": stages})
    assert names(chosen) == [["m2", "m5"], ["m0", "m1", "m3", "m4"]]


def test_the_subscriptions_of_a_stage_take_turns() -> None:
    other = "99999999-2222-3333-4444-555555555555"
    members = [{"name": f"m{number}"} for number in range(3)]
    members += [{"name": f"n{number}", "subscriptionId": other} for number in range(2)]
    body = {"fleet": "f", "operation": "offboard", "defaults": DEFAULTS, "members": members}
    assert [member["name"] for member in parse_fleet(body).request.members] == ["m0", "n0", "m1", "n1", "m2"]


@pytest.mark.parametrize(
    ("stages", "field", "part"),
    [
        ([{"name": "a"}, {"name": "b"}], "stages.0", "only the last stage"),
        ([{"name": "a", "first": 2}], "stages.0", "must not have"),
        ([{"name": "a", "first": 2}, {"name": "a"}], "stages.1.name", "stages.0"),
        ([{"name": "a", "first": 2, "percent": 3}, {"name": "b"}], "stages.0", "more than one"),
        ([{"name": "a", "first": 10}, {"name": "b"}], "stages.1", "takes no member"),
        ([{"name": "a", "tags": {"x": "y"}}, {"name": "b"}], "stages.0", "takes no member"),
        ([{"name": "a", "first": 1, "maxFailures": "101%"}, {"name": "b"}], "stages.0.maxFailures", "percentage"),
        ([{"name": "a", "first": 1, "maxFailures": True}, {"name": "b"}], "stages.0.maxFailures", "number"),
        ([{"name": "a", "first": 1, "soak": "2 h"}, {"name": "b"}], "stages.0.soak", "integer"),
        ([{"name": "a", "first": 1, "approve": "later"}, {"name": "b"}], "stages.0.approve", "before"),
        ([{"name": "Big", "first": 1}, {"name": "b"}], "stages.0.name", "pattern"),
    ],
)
def test_what_is_wrong_with_a_stage_is_said_with_its_field(stages: list[Json], field: str, part: str) -> None:
    with pytest.raises(ArcError) as refused:
        staged(stages)
    assert [item["field"] for item in refused.value.details] == [field]
    assert part in refused.value.details[0]["message"]


@pytest.mark.parametrize(
    ("operation", "fields", "strict", "max_failures"),
    [
        ("offboard", {}, True, 0),
        ("offboard", {"budget": "soft", "maxFailures": "25%"}, False, 5),
        ("offboard", {"maxFailures": 2}, True, 2),
    ],
)
def test_a_budget_is_of_the_operation_unless_the_request_says_another(
    operation: str, fields: Json, strict: bool, max_failures: int
) -> None:
    (stage,) = staged([], size=20, **fields).stages
    assert (stage["strict"], stage["max_failures"]) == (strict, max_failures)


def test_an_onboarding_may_fail_for_a_tenth_rounded_down() -> None:
    defaults = {**DEFAULTS, "location": "eastus", "kubeconfig": {"secret": "arcway-{name}"}}
    del defaults["azureOnly"]
    members = [{"name": f"m{number}"} for number in range(19)]
    (stage,) = parse_fleet({"fleet": "f", "defaults": defaults, "members": members}).stages
    assert (stage["strict"], stage["max_failures"]) == (False, 1)
