"""A fleet that checks its members for a plan, and one that is held to a plan."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.fleets.forecasts import Forecasts
from arcway.domain.fleets.plan import CLASSES, Forecast
from arcway.domain.json_values import Json
from orchestrators.fleet import GENERATION
from orchestrators.fleet_checks import SUMMARY_SECONDS
from tests.unit.orchestrators.fleet_in_memory import FLEET, SUCCEEDED, FleetInMemory, payload
from tests.unit.orchestrators.in_memory import Crash, Outcome
from tests.unit.orchestrators.test_fleet import AWAY, BROKEN, counts

PARENT = "fleet-aaaaaaaaaaaaaaaaaaaaaaaaaa.0123456789ab"
CHECK: Json = {"checks": True, "parkFor": 0, "name": "shops/check"}
SUMMARY: Json = {"classes": {"create": 3}, "codes": {}, "digest": "d"}
HELD: Json = {"outcome": "Failed", "changed": False, "code": Code.MEMBER_NOT_AS_PLANNED, "phase": "checkCluster"}


def checked(kind: Any, *changes: str, code: str | None = None) -> Json:
    """The report of a check."""
    return {**SUCCEEDED, "changed": None, "forecast": Forecast(kind, changes, code).as_json()}


class Checks(FleetInMemory):
    """Checks of members; `summary` is what becomes of `summarize_check`."""

    def __init__(self, summary: Outcome | list[Outcome] | None = None, **fields: Any) -> None:
        super().__init__(**fields)
        self.outcomes["summarize_check"] = {"ok": SUMMARY} if summary is None else summary

    @property
    def told(self) -> list[tuple[str, Json]]:
        return [(instance, data) for instance, name, data in self.sent if name == "checked"]


def test_a_check_keeps_what_it_shows_of_each_member_over_generations() -> None:
    kinds = ("create", "unchanged", "unreachable")
    world = Checks(report=lambda index, attempt: checked(kinds[index % 3]), seconds=7)
    final = world.run(payload(310, window=40, **CHECK))
    assert world.generations >= 310 // (GENERATION + 40)
    assert (final["fleet"]["state"], final["fleet"]["checks"], counts(final)) == ("Succeeded", True, {"succeeded": 310})
    forecasts = dict(Forecasts.read(final["state"]["forecasts"]).items())
    assert [item.kind for item in forecasts.values()] == [kinds[index % 3] for index in range(310)]
    # It has a list of its own, and was started for no fleet.
    assert [name for _, name, _ in world.sent] == ["over"] * 4
    assert "summarize_check" not in world.steps


def test_a_lost_report_of_a_check_is_found_with_its_forecast() -> None:
    world = Checks(report=lambda index, attempt: checked("create"), lost=lambda index: index == 1)
    world.outcomes["look_at_members"] = {"ok": [checked("change", "tags")]}
    final = world.run(payload(3, **CHECK))
    forecasts = dict(Forecasts.read(final["state"]["forecasts"]).items())
    assert forecasts == {0: Forecast("create"), 1: Forecast("change", ("tags",)), 2: Forecast("create")}


@pytest.mark.parametrize("report", [AWAY, {**SUCCEEDED, "outcome": "Superseded"}])
def test_a_check_tries_each_member_once(report: Json) -> None:
    world = Checks(report=lambda index, attempt: report if index == 0 else checked("create"), seconds=10)
    final = world.run(payload(2, **CHECK))
    assert (sorted(world.runs), counts(final)) == ([(0, 0), (1, 0)], {"succeeded": 1, "parked": 1})
    assert world.elapsed < 60


def test_a_check_of_some_members_tells_the_fleet_that_it_was_started_for() -> None:
    world = Checks(report=lambda index, attempt: checked("create"))
    final = world.run(payload(10, range=[4, 3], parent=PARENT, **CHECK))
    assert (final["fleet"]["state"], sorted(world.runs)) == ("Succeeded", [(4, 0), (5, 0), (6, 0)])
    ((instance, report),) = world.told
    assert instance == PARENT.partition(".")[0]
    assert report.pop("at") == final["fleet"]["finishedAt"]
    assert report == {"fleet": PARENT, "check": FLEET, "first": 4, "count": 3, "attempt": 0, **SUMMARY}
    # The list is that fleet's: its pages stay.
    assert len(world.sent) == 1
    (step,) = world.inputs("summarize_check")
    assert dict(Forecasts.read(step["forecasts"]["forecasts"]).items()) == dict.fromkeys((4, 5, 6), Forecast("create"))


def test_a_check_without_a_parent_tells_none_and_leaves_the_list() -> None:
    world = Checks(report=lambda index, attempt: checked("create"))
    world.run(payload(10, range=[0, 2], parent=None, **CHECK))
    assert world.sent == []


@pytest.mark.parametrize("outcome", [Crash("x"), {"error": {"code": "ARC-6007"}}])
def test_a_plan_that_cannot_be_put_together_is_reported_without_a_digest(outcome: Outcome) -> None:
    reports = {0: checked("refused", code=Code.SUBSCRIPTION_DISABLED), 1: checked("create")}
    world = Checks(outcome, report=lambda index, attempt: reports[index])
    world.run(payload(2, range=[0, 2], parent=PARENT, **CHECK))
    ((_, report),) = world.told
    assert report["classes"] == dict.fromkeys(CLASSES, 0) | {"create": 1, "refused": 1}
    assert (report["codes"], report["digest"]) == ({Code.SUBSCRIPTION_DISABLED: 1}, None)
    assert SUMMARY_SECONDS <= world.elapsed < SUMMARY_SECONDS + 180


def test_a_summary_that_fails_at_first_is_asked_for_again() -> None:
    world = Checks([Crash("x"), {"ok": SUMMARY}], report=lambda index, attempt: checked("create"))
    world.run(payload(2, range=[0, 2], parent=PARENT, **CHECK))
    ((_, report),) = world.told
    assert (report["digest"], world.steps.count("summarize_check")) == ("d", 2)


def test_a_canceled_check_has_not_succeeded() -> None:
    world = Checks(report=lambda index, attempt: None)
    world.say("cancel", seconds=30, running="cancel")
    final = world.run(payload(4, range=[1, 2], parent=PARENT, **CHECK))
    assert final["fleet"]["state"] == "Canceled"
    assert len(world.told) == 1


# --- held to a plan ---


def held(world: FleetInMemory) -> list[tuple[list[list[int]], list[int]]]:
    return [(step["members"], step["held"]) for step in world.inputs("start_members")]


def test_a_member_is_held_to_the_plan_as_long_as_it_was_only_parked() -> None:
    world = FleetInMemory(report=lambda index, attempt: HELD if index == 1 and attempt < 2 else SUCCEEDED, seconds=10)
    final = world.run(payload(3, planned=True))
    assert counts(final) == {"succeeded": 3}
    assert held(world) == [([[0, 0], [1, 0], [2, 0]], [0, 1, 2]), ([[1, 1]], [1]), ([[1, 2]], [1])]


def test_a_retry_is_not_held_to_the_plan() -> None:
    world = FleetInMemory(report=lambda index, attempt: HELD if attempt < 1 else SUCCEEDED, seconds=10)
    world.say("retry", seconds=60, members=None, codes=[Code.MEMBER_NOT_AS_PLANNED])
    final = world.run(payload(1, planned=True))
    assert counts(final) == {"succeeded": 1}
    assert held(world) == [([[0, 0]], [0]), ([[0, 1]], [])]


def test_a_member_that_failed_and_was_retried_is_never_held_again() -> None:
    reports = [BROKEN, AWAY, AWAY, SUCCEEDED]
    world = FleetInMemory(report=lambda index, attempt: reports[attempt] if index == 0 else None, seconds=10)
    world.say("retry", seconds=60, members=[0], codes=None)
    world.say("cancel", seconds=7200, running="cancel")
    world.run(payload(2, planned=True, parkFor=86_400))
    assert held(world) == [([[0, 0], [1, 0]], [0, 1]), ([[0, 1]], []), ([[0, 2]], []), ([[0, 3]], [])]


def test_a_fleet_without_a_plan_says_nothing_of_one() -> None:
    world = FleetInMemory()
    world.run(payload(2))
    assert "held" not in world.inputs("start_members")[0]
