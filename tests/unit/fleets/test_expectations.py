"""A request for a fleet that is held to a plan: its members are the plan's, and the digest is that of the plan."""

from typing import Any

import pytest

from arcway.domain.fleets.plan import Forecast, digest_of
from arcway.domain.fleets.request import parse_fleet
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from tests.unit.fleets.test_request import DEFAULTS, fleet, problems

A, B = (ClusterId(DEFAULTS["subscriptionId"], "clusters", name).key for name in ("a", "b"))
FORECASTS = {A: Forecast("create"), B: Forecast("change", ("tags",))}
MEMBERS = ({"name": "A"}, {"name": "b"})


def plan(forecasts: dict[str, Forecast] = FORECASTS, **fields: Any) -> Json:
    members = {key: item.as_json() for key, item in forecasts.items()}
    return {"digest": digest_of(forecasts), "members": members, **fields}


def test_what_was_planned_is_kept_for_each_member_in_the_order_of_members() -> None:
    held_plan = parse_fleet(fleet(*reversed(MEMBERS), plan=plan(depth="azure")))
    assert held_plan.planned == [
        {"class": "change", "changes": ["tags"], "code": None, "depth": "azure"},
        {"class": "create", "changes": [], "code": None, "depth": "azure"},
    ]
    assert parse_fleet(fleet(*MEMBERS)).planned is None


def test_the_class_alone_will_do() -> None:
    short = plan() | {"members": {A: "create", B: {"class": "change", "changes": ["tags"]}}}
    assert parse_fleet(fleet(*MEMBERS, plan=short)).planned == parse_fleet(fleet(*MEMBERS, plan=plan())).planned


def test_a_plan_is_part_of_the_request_and_no_plan_is_as_it_was() -> None:
    without, held_plan = parse_fleet(fleet(*MEMBERS)), parse_fleet(fleet(*MEMBERS, plan=plan()))
    assert held_plan.digest != without.digest
    # What a request may say since it was accepted does not make it another.
    assert without.digest == parse_fleet(fleet(*MEMBERS, plan=None, window=50)).digest


C = ClusterId(DEFAULTS["subscriptionId"], "other", "c").key


@pytest.mark.parametrize(
    ("held_plan", "expected"),
    [
        (plan({A: FORECASTS[A]}), {"plan.members": f"does not have member {B}"}),
        (plan({**FORECASTS, C: Forecast("create")}), {f"plan.members.{C}": "is not a member of the fleet"}),
        (plan() | {"digest": "0" * 64}, {"plan.digest": "is not the digest of the plan's members"}),
        (
            # Ids are in lower case, as plans have them.
            plan() | {"members": {A.upper(): "create", B: {"class": "change", "changes": ["tags"]}}},
            {"plan.members": f"does not have member {A}", f"plan.members.{A.upper()}": "is not a member of the fleet"},
        ),
        (
            plan({A: FORECASTS[A], C: Forecast("create")}) | {"digest": "0" * 64},
            {
                "plan.members": f"does not have member {B}",
                f"plan.members.{C}": "is not a member of the fleet",
                "plan.digest": "is not the digest of the plan's members",
            },
        ),
    ],
)
def test_a_plan_of_other_members_is_refused_with_all_problems(held_plan: Json, expected: dict[str, str]) -> None:
    assert problems(fleet(*MEMBERS, plan=held_plan)) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"digest": "x"},
        {"members": {A: "destroy"}},
        {"members": {A: {"class": "create", "more": 1}}},
        {"members": {A: {"class": "refused", "code": "4006"}}},
        {"depth": "deep"},
        {"members": []},
    ],
)
def test_a_plan_that_is_none_is_refused(wrong: Json) -> None:
    fields = problems(fleet(*MEMBERS, plan=plan() | wrong))
    assert fields
    assert all(field.startswith("plan.") for field in fields)


def test_members_that_are_wrong_come_before_the_plan() -> None:
    assert [*problems(fleet({"name": "!"}, plan=plan()))] == ["members.0.name"]
