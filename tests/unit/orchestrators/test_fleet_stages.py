"""A fleet's orchestration through its stages: soaks that are verified, gates that are checked, halts, events."""

from typing import Any

from arcway.domain.codes import Code
from arcway.domain.fleets.stage import Stage
from arcway.domain.json_values import Json
from orchestrators.fleet import TURNS
from orchestrators.fleet_rollout import ASK_SECONDS
from tests.unit.orchestrators.fleet_in_memory import FLEET, SUCCEEDED, FleetInMemory, payload
from tests.unit.orchestrators.in_memory import failed

BROKEN: Json = {"outcome": "Failed", "changed": False, "code": Code.HELM_FAILED, "phase": "deployAgents"}
CHECK = "fleet-ffffffffffffffffffffffffff.0123456789ab"


def staged(**of_canary: Any) -> Json:
    stages = [Stage("canary", 2, 5, 0, **of_canary).as_json(), Stage("rest", 8, 5, 1).as_json()]
    return payload(8, stages=stages, source="/arcway")


def shown(attempt: int = 1, first: int = 2, count: int = 6) -> Json:
    """What a check of the second stage tells."""
    counts: Json = {"classes": {"create": 6}, "codes": {}, "digest": "0" * 64, "at": "2026-01-01T00:10:00.000Z"}
    return {"fleet": FLEET, "check": CHECK, "first": first, "count": count, "attempt": attempt, **counts}


def world(**fields: Any) -> FleetInMemory:
    """A world whose checks do not end, and in which a soak loses no cluster."""
    created = FleetInMemory(**fields)
    created.outcomes["start_check"] = {"ok": {"check": CHECK, "result": None}}
    created.outcomes["look_at_azure"] = {"ok": []}
    created.outcomes["publish_events"] = {"ok": {}}
    return created


def starts(fleet: FleetInMemory) -> list[float]:
    return [call.seconds for call in fleet.calls if call.step == "start_members"]


def events(fleet: FleetInMemory) -> list[str]:
    published = [event for call in fleet.calls if call.step == "publish_events" for event in call.input["events"]]
    kinds = [event["type"].removeprefix("arcway.fleet.").removesuffix(".v1") for event in published]
    return [kind for kind in kinds if kind != "progressed"]


def approve(fleet: FleetInMemory, seconds: float, **fields: Any) -> None:
    own = {"gate": "canary/after", "comment": None, "digest": None}
    fleet.say("approve", seconds=seconds, number=int(seconds), **{**own, **fields})


def test_a_soak_lasts_from_the_last_end_and_is_verified_before_the_next_stage() -> None:
    fleet = world()
    final = fleet.run(staged(soak=3600.0))
    assert (final["fleet"]["state"], final["fleet"]["counts"]["succeeded"]) == ("Succeeded", 8)
    assert starts(fleet) == [0, 3660, 3720]
    (look,) = (call for call in fleet.calls if call.step == "look_at_azure")
    assert (look.seconds, look.input["first"], look.input["count"]) == (3660, 0, 2)
    assert any(status["state"] == "Soaking" for status in fleet.statuses)
    kinds = ["accepted", "stageChanged", "stageChanged", "stageChanged", "stageChanged", "succeeded"]
    assert events(fleet) == kinds


def test_a_cluster_that_was_lost_in_the_soak_halts_the_fleet_until_it_is_retried() -> None:
    fleet = world()
    fleet.outcomes["look_at_azure"] = [{"ok": [[1, Code.CLUSTER_LOST_IN_SOAK]]}, {"ok": []}]
    fleet.say("retry", seconds=10_000, members=None, codes=None)
    final = fleet.run(staged(soak=3600.0))
    assert final["fleet"]["state"] == "Succeeded"
    assert sorted(fleet.runs) == [(0, 0), (1, 0), (1, 1), *((index, 0) for index in range(2, 8))]
    halts = [status["halted"] for status in fleet.statuses if status["halted"]]
    assert {halt["code"] for halt in halts} == {Code.FAILURE_BUDGET_USED}
    assert "halted" in events(fleet)
    assert "resumed" in events(fleet)


def test_a_verification_that_fails_is_repeated_and_one_that_is_not_allowed_halts() -> None:
    fleet = world()
    fleet.outcomes["look_at_azure"] = [
        RuntimeError("the process died"),
        failed(Code.AZURE_THROTTLED, retryable=True),
        failed(Code.AZURE_PERMISSION_MISSING, retryable=False),
        {"ok": []},
    ]
    fleet.say("resume", seconds=9000)
    final = fleet.run(staged(soak=60.0))
    assert final["fleet"]["state"] == "Succeeded"
    assert len([call for call in fleet.calls if call.step == "look_at_azure"]) == 4
    halts = [status["halted"]["code"] for status in fleet.statuses if status["halted"]]
    assert set(halts) == {Code.AZURE_PERMISSION_MISSING}


def test_a_gate_is_checked_first_and_passed_by_an_approval() -> None:
    fleet = world()
    approve(fleet, 100)
    fleet.tell("checked", shown(attempt=9), seconds=110)
    fleet.tell("checked", {"fleet": "another"}, seconds=120)
    fleet.tell("checked", "nonsense", seconds=130)
    approve(fleet, 140)
    fleet.tell("checked", shown(), seconds=150)
    approve(fleet, 200, comment="fine")
    final = fleet.run(staged(approve="after"))
    assert final["fleet"]["state"] == "Succeeded"
    assert starts(fleet) == [0, 200, 260]
    (check,) = {(call.input["first"], call.input["count"]) for call in fleet.calls if call.step == "start_check"}
    assert check == (2, 6)
    assert final["fleet"]["decision"]["comment"] == "fine"
    gates = [status["gate"]["wanted"] for status in fleet.statuses if status["gate"]]
    assert (gates[0], gates[-1]) == (True, False)
    assert [kind for kind in events(fleet) if kind in ("waitingForApproval", "decided")] == [
        "waitingForApproval",
        "decided",
    ]


def test_a_gate_behind_another_is_checked_at_once_and_again() -> None:
    fleet = world()
    first, rest = staged(approve="after")["stages"]
    fleet.tell("checked", shown(), seconds=100)
    approve(fleet, 110)
    approve(fleet, 115, gate="rest/before")
    fleet.tell("checked", shown(attempt=2), seconds=120)
    approve(fleet, 130, gate="rest/before")
    final = fleet.run(payload(8, stages=[first, {**rest, "approve": "before"}], source="/arcway"))
    assert (final["fleet"]["state"], starts(fleet)) == ("Succeeded", [0, 130, 190])
    asked = [(call.seconds, call.input["attempt"]) for call in fleet.calls if call.step == "start_check"]
    assert asked == [(60, 1), (110, 2)]


def test_a_check_whose_event_was_lost_is_asked_for() -> None:
    fleet = world()
    pending: Json = {"ok": {"check": CHECK, "result": None}}
    fleet.outcomes["start_check"] = [
        RuntimeError("the process died"),
        pending,
        {"ok": {**pending["ok"], "result": shown()}},
    ]
    approve(fleet, 2000)
    final = fleet.run(staged(approve="after"))
    assert (final["fleet"]["state"], starts(fleet)[1]) == ("Succeeded", 2000)
    asked = [call.seconds for call in fleet.calls if call.step == "start_check"]
    assert asked[2] - asked[1] == ASK_SECONDS


def test_a_check_that_is_too_old_is_made_again_and_its_approval_does_not_count() -> None:
    fleet = world()
    fleet.tell("checked", shown(), seconds=100)
    approve(fleet, 100_000)
    fleet.tell("checked", shown(attempt=2), seconds=100_100)
    approve(fleet, 100_200)
    fleet.run(staged(approve="after"))
    assert starts(fleet) == [0, 100_200, 100_260]
    assert {call.input["attempt"] for call in fleet.calls if call.step == "start_check"} == {1, 2}


def test_a_fleet_that_waits_for_a_user_for_weeks_wakes_up_once_a_day() -> None:
    fleet = world()
    fleet.tell("checked", shown(), seconds=100)
    final = fleet.run(staged(approve="after"))
    assert (final["fleet"]["state"], final["fleet"]["error"]["code"]) == ("Failed", Code.GATE_NOT_APPROVED)
    assert fleet.elapsed >= 30 * 86_400
    assert len([timer for timer in fleet.timers if timer[1].is_complete]) < 60


def test_a_fleet_with_many_commands_does_not_grow() -> None:
    fleet = world()
    for number in range(2 * TURNS):
        fleet.say("pause" if number % 2 == 0 else "resume", seconds=61 + number, number=number)
    fleet.tell("checked", shown(), seconds=5000)
    approve(fleet, 6000)
    assert fleet.run(staged(approve="after"))["fleet"]["state"] == "Succeeded"
    assert fleet.generations >= 2


def test_a_gate_stays_over_many_generations() -> None:
    fleet = world(seconds=1)
    stages = [Stage("canary", 120, 50, 120).as_json(), Stage("rest", 240, 50, 120, approve="before").as_json()]
    fleet.tell("checked", shown(first=120, count=120), seconds=900)
    approve(fleet, 1000, gate="rest/before")
    final = fleet.run(payload(240, stages=stages, window=50))
    assert (final["fleet"]["state"], fleet.generations > 2) == ("Succeeded", True)
    assert len(fleet.runs) == 240


def test_a_rejection_ends_the_fleet_with_its_comment() -> None:
    fleet = world()
    fleet.tell("checked", shown(), seconds=100)
    fleet.say("reject", seconds=200, gate="canary/after", comment="not today")
    final = fleet.run(staged(approve="after"))
    assert (final["fleet"]["state"], final["fleet"]["error"]["code"]) == ("Canceled", Code.GATE_REJECTED)
    assert (final["fleet"]["decision"]["comment"], final["fleet"]["counts"]["canceled"]) == ("not today", 6)
    assert [stage["state"] for stage in final["fleet"]["stages"]] == ["Canceled", "Canceled"]


def test_a_halted_fleet_starts_nothing_and_is_given_up_after_a_week() -> None:
    fleet = world(report=lambda index, attempt: BROKEN if index == 0 else SUCCEEDED)
    final = fleet.run(staged())
    assert starts(fleet) == [0]
    assert (final["fleet"]["state"], final["fleet"]["error"]["code"]) == ("Failed", Code.FLEET_GIVEN_UP)
    assert fleet.elapsed >= 7 * 86_400
    assert events(fleet)[-2:] == ["halted", "failed"]


def test_the_largest_status_of_stages_fits() -> None:
    import json

    long_name = {"name": "\N{GRINNING FACE}" * 256, "objectId": "0" * 36}
    stages = [
        Stage("n" * 30 + str(number), 1250 * (number + 1), 500, 10_000, soak=60.0, approve="after").as_json()
        for number in range(8)
    ]
    codes = [code.value for code in Code]
    fleet = world(
        seconds=1,
        report=lambda index, attempt: {**BROKEN, "code": codes[index % len(codes)]} if index % 9 else SUCCEEDED,
    )
    result = {"ok": {"check": CHECK, "result": None}}
    fleet.outcomes["start_check"] = result
    classes = dict.fromkeys(("create", "adopt", "change", "unchanged", "busy", "unreachable", "refused"), 1250)
    many: Json = {**shown(first=1250, count=1250), "classes": classes, "codes": dict.fromkeys(codes, 9)}
    fleet.tell("checked", many, seconds=5000)
    approve(fleet, 6000, gate=f"{'n' * 30}0/after", comment="\N{GRINNING FACE}" * 256, by=long_name)
    fleet.tell("checked", {**many, "first": 2500}, seconds=8000)
    fleet.say("pause", seconds=9000, by=long_name)
    fleet.say("cancel", seconds=10_000, running="finish", by=long_name)
    final = fleet.run(payload(10_000, stages=stages, window=500, startedBy=long_name))
    assert final["fleet"]["state"] == "Canceled"
    assert max(len(json.dumps(status)) for status in fleet.statuses) <= 8000
    assert any(status["gate"] and status["decision"] and status["paused"] for status in fleet.statuses)
