"""Stages: who belongs to which, when the next one begins, the failure budget, the soak and the gates."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.commands import obey
from arcway.domain.fleets.document import document_of, outcome, status_of
from arcway.domain.fleets.member import Report
from arcway.domain.fleets.member_map import MemberState
from arcway.domain.fleets.request import Fleet, parse_fleet
from arcway.domain.fleets.rollout import CHECK_SECONDS, GATE_SECONDS, HALT_SECONDS
from arcway.domain.fleets.stage import Stage
from arcway.domain.fleets.state import FleetState
from arcway.domain.json_values import Json

OK = Report("Succeeded", changed=True)
BROKEN = Report("Failed", code=Code.HELM_FAILED, phase="deployAgents")
REFUSED = Report("Failed", code=Code.LOCATION_NOT_OFFERED, phase="checkCluster")
AWAY = Report("Failed", code=Code.API_SERVER_UNREACHABLE, phase="checkCluster")
BY: Json = {"by": {"name": "olga", "objectId": "1"}, "at": "2026-01-01T00:00:00.000Z"}
CHECK: Json = {"check": "fleet-1", "classes": {"create": 2}, "codes": {}, "digest": "d", "at": BY["at"]}


def fleet(size: int, *stages: Stage, slow: bool = False, counts_refused: bool = False) -> FleetState:
    own: Json = {"slow": slow, "park_for": 3600.0, "stages": stages, "counts_refused": counts_refused}
    state = FleetState.new(size, stages[0].window, **own)
    state.advance(0)
    return state


def canary_and_rest(**of_canary: Any) -> FleetState:
    return fleet(10, Stage("canary", 3, 2, 0, **of_canary), Stage("rest", 10, 4, 1))


def run_all(state: FleetState, now: float = 0, *, broken: tuple[int, ...] = (), report: Report = BROKEN) -> list[int]:
    """Start what may be started, and let it end, until nothing more can be started."""
    done: list[int] = []
    while batch := state.start(now):
        for index, attempt in batch:
            state.end(index, attempt, report if index in broken else OK, now)
            done.append(index)
        state.advance(now)
    return done


def halt_of(state: FleetState) -> str | None:
    return (state.rollout.halted or {}).get("code")


def command(state: FleetState, name: str, now: float = 0, **fields: Any) -> None:
    obey(state, {"id": f"{name}-{len(state.commands)}", "name": name, **BY, **fields}, now)
    state.advance(now)


# --- who belongs to which stage --------------------------------------------------------------------------------------

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


# --- one stage after the other ---------------------------------------------------------------------------------------


def test_a_stage_begins_when_the_one_before_is_done() -> None:
    state = canary_and_rest()
    assert [index for index, _ in state.start(0)] == [0, 1]
    state.end(0, 0, OK, 1)
    state.advance(1)
    assert [index for index, _ in state.start(1)] == [2]
    for index in (1, 2):
        assert state.start(2) == []
        state.end(index, 0, OK, 2)
        state.advance(2)
    assert [index for index, _ in state.start(2)] == [3, 4, 5, 6]
    assert state.window == 4


def test_a_slow_start_goes_on_from_the_window_of_the_stage_before() -> None:
    state = fleet(20, Stage("canary", 2, 2), Stage("rest", 20, 10), slow=True)
    for index, attempt in state.start(0):
        state.end(index, attempt, OK, 0)
    state.advance(0)
    assert len(state.start(0)) == state.window_now == 2


def test_a_stage_that_was_skipped_waits_for_nothing() -> None:
    state = fleet(4, Stage("canary", 2, 2, approve="before", soak=60), Stage("rest", 4, 2))
    command(state, "skip", stage="canary")
    assert [index for index, _ in state.start(0)] == [2, 3]
    assert status(state)["stages"][0]["state"] == "Skipped"


def test_a_stage_waits_for_parked_members_only_while_none_has_shown_anything() -> None:
    state = canary_and_rest()
    run_all(state, broken=(0, 1, 2), report=AWAY)
    assert (state.rollout.current, state.next_try()) == (0, 300)
    for index, attempt in state.start(300):
        state.end(index, attempt, OK if index == 1 else AWAY, 300)
    state.advance(300)
    assert (state.rollout.current, [index for index, _ in state.start(300)]) == (1, [2, 3, 4, 5])


def test_a_stage_of_which_nothing_succeeded_halts_the_fleet() -> None:
    state = canary_and_rest()
    run_all(state, broken=(0, 1, 2), report=REFUSED)
    assert halt_of(state) == Code.STAGE_WITHOUT_SUCCESS
    command(state, "resume")
    assert [index for index, _ in state.start(0)] == [3, 4, 5, 6]


# --- the failure budget ----------------------------------------------------------------------------------------------


def test_more_failures_than_may_be_halt_the_fleet_and_running_members_finish() -> None:
    state = fleet(10, Stage("all", 10, 4, 1))
    state.start(0)
    state.end(0, 0, BROKEN, 1)
    assert halt_of(state) is None
    state.end(1, 0, BROKEN, 2)
    assert state.rollout.halted == {
        "code": Code.FAILURE_BUDGET_USED,
        "message": "2 members have failed in stage all; the budget is 1.",
        "at": 2,
    }
    assert (state.start(3), len(state.running), state.is_over) == ([], 2, False)
    assert state.end(2, 0, OK, 4)


def test_a_strict_budget_cannot_be_passed() -> None:
    state = fleet(10, Stage("all", 10, 8, 2, strict=True))
    assert len(state.start(0)) == 3
    state.end(0, 0, BROKEN, 1)
    assert state.start(1) == []
    state.end(1, 0, OK, 1)
    assert [index for index, _ in state.start(1)] == [3]


def test_failures_before_anything_was_changed_count_only_if_the_request_says_so() -> None:
    for counts_refused, halted in ((False, False), (True, True)):
        state = fleet(10, Stage("all", 10, 2, 0), counts_refused=counts_refused)
        state.start(0)
        state.end(0, 0, REFUSED, 1)
        assert bool(state.rollout.halted) is halted


def test_nothing_is_halted_when_nothing_is_left_to_start() -> None:
    state = fleet(3, Stage("all", 3, 3, 0))
    run_all(state, broken=(0, 1, 2))
    assert (halt_of(state), state.is_over, outcome(state)) == (None, True, "Failed")


def test_a_retry_lifts_the_halt_and_gives_the_budget_back() -> None:
    state = canary_and_rest()
    run_all(state, broken=(1,))
    assert halt_of(state)
    command(state, "retry", members=None, codes=None)
    assert (halt_of(state), state.rollout.stage.failed) == (None, 0)
    assert run_all(state) == [1, *range(2, 10)]
    assert outcome(state) == "Succeeded"


def test_a_retry_of_nothing_lifts_no_halt() -> None:
    state = canary_and_rest()
    run_all(state, broken=(1,))
    command(state, "retry", members=None, codes=[Code.IMAGE_PULL_FAILED])
    assert halt_of(state) == Code.FAILURE_BUDGET_USED


def test_a_resume_forgives_what_failed_so_far() -> None:
    state = fleet(10, Stage("all", 10, 1, 0))
    run_all(state, broken=(0,))
    command(state, "resume")
    assert run_all(state, broken=(3,)) == [1, 2, 3]
    assert halt_of(state)
    command(state, "resume", maxFailures=2)
    assert run_all(state, broken=(4, 5)) == [4, 5, 6, 7, 8, 9]
    assert (outcome(state), state.count(MemberState.FAILED)) == ("Incomplete", 4)


def test_the_budget_is_changed_for_this_stage_and_those_behind() -> None:
    state = canary_and_rest()
    run_all(state, broken=(9,))
    command(state, "set", window=None, maxFailures="50%")
    assert state.rollout.stages[0].max_failures == 0
    again = canary_and_rest()
    command(again, "set", window=3, maxFailures="50%")
    assert [(stage.max_failures, stage.window) for stage in again.rollout.stages] == [(1, 3), (3, 3)]


def test_one_cause_of_nearly_all_of_the_first_ends_halts_whatever_the_budget() -> None:
    state = fleet(40, Stage("all", 40, 40, 40))
    batch = state.start(0)
    for number, (index, attempt) in enumerate(batch[:9]):
        state.end(index, attempt, OK if number == 3 else REFUSED, 1)
    assert halt_of(state) == Code.FAILURES_OF_ONE_CAUSE
    message = f"8 of the first 9 members of stage all failed with {Code.LOCATION_NOT_OFFERED}."
    assert (state.rollout.halted or {})["message"] == message
    command(state, "resume")
    for index, attempt in batch[9:12]:
        state.end(index, attempt, REFUSED, 2)
    assert halt_of(state) is None


def test_failures_of_several_causes_are_not_one() -> None:
    state = fleet(40, Stage("all", 40, 40, 40))
    for number, (index, attempt) in enumerate(state.start(0)):
        state.end(index, attempt, REFUSED if number % 2 else BROKEN, 1)
    assert halt_of(state) is None


def test_a_fleet_that_no_user_resumes_is_given_up() -> None:
    state = canary_and_rest()
    run_all(state, broken=(0,))
    assert state.rollout.next_due() == HALT_SECONDS
    state.advance(HALT_SECONDS - 1)
    assert not state.is_ending
    state.advance(HALT_SECONDS)
    assert (state.is_over, outcome(state)) == (True, "Failed")
    assert (state.given_up or {})["code"] == Code.FLEET_GIVEN_UP


# --- the soak --------------------------------------------------------------------------------------------------------


def test_a_soak_begins_with_the_last_end_and_is_verified_at_its_end() -> None:
    state = canary_and_rest(soak=600.0)
    run_all(state, 100)
    assert (state.rollout.step, state.rollout.next_due(), state.start(699)) == ("soak", 700, [])
    state.advance(700)
    assert (state.rollout.step, state.start(700)) == ("verify", [])
    state.verify([], 701)
    state.advance(701)
    assert [index for index, _ in state.start(701)] == [3, 4, 5, 6]


def test_clusters_that_were_lost_in_the_soak_count_as_failures() -> None:
    state = canary_and_rest(soak=600.0)
    run_all(state)
    state.advance(600)
    state.verify([(1, Code.CLUSTER_LOST_IN_SOAK), (7, Code.CLUSTER_LOST_IN_SOAK)], 601)
    state.advance(601)
    assert state.failures == {Code.CLUSTER_LOST_IN_SOAK: [1]}
    assert halt_of(state) == Code.FAILURE_BUDGET_USED
    command(state, "retry", 700, members=None, codes=None)
    assert state.start(700) == [(1, 1)]
    state.end(1, 1, OK, 710)
    state.advance(710)
    assert (state.rollout.step, state.rollout.next_due()) == ("soak", 1310)


def test_the_rest_of_a_soak_can_be_skipped_but_not_its_verification() -> None:
    state = canary_and_rest(soak=600.0)
    run_all(state)
    command(state, "skip", 10, soak=True)
    assert state.rollout.step == "verify"


# --- gates -----------------------------------------------------------------------------------------------------------


def test_nothing_is_started_before_an_approval_of_what_was_checked() -> None:
    state = canary_and_rest(approve="after")
    run_all(state)
    assert (state.rollout.gate_name, state.rollout.checked_range(), state.start(1)) == ("canary/after", (3, 10), [])
    command(state, "approve", 2, gate="canary/after", comment=None)
    assert state.start(2) == []
    state.rollout.take_check(CHECK, 3)
    command(state, "approve", 4, gate="canary/before", comment=None)
    assert state.start(4) == []
    command(state, "approve", 5, gate="canary/after", comment="fine")
    assert [index for index, _ in state.start(5)] == [3, 4, 5, 6]
    assert state.rollout.approvals == [
        {"stage": 0, "when": "after", **BY, "comment": "fine", "approved": True},
    ]


def test_a_gate_before_the_first_stage_checks_that_stage() -> None:
    state = canary_and_rest(approve="before")
    assert (state.rollout.checked_range(), state.start(0)) == ((0, 3), [])


def test_a_gate_after_the_last_stage_has_nothing_to_check() -> None:
    state = fleet(2, Stage("all", 2, 2, approve="after"))
    run_all(state)
    assert (state.rollout.checked_range(), state.is_over) == (None, False)
    command(state, "approve", gate="all/after", comment=None)
    assert (state.is_over, outcome(state)) == (True, "Succeeded")


def test_what_was_checked_too_long_ago_is_checked_again_instead_of_let_through() -> None:
    state = canary_and_rest(approve="after")
    run_all(state)
    state.rollout.take_check(CHECK, 0)
    command(state, "approve", CHECK_SECONDS, gate="canary/after", comment=None)
    assert (state.start(CHECK_SECONDS), state.rollout.checked_range()) == ([], (3, 10))
    assert state.rollout.gate is not None
    assert state.rollout.gate.checks == 2
    state.rollout.take_check(CHECK, CHECK_SECONDS + 1)
    command(state, "approve", CHECK_SECONDS + 2, gate="canary/after", comment=None)
    assert state.start(CHECK_SECONDS + 2)


def test_a_rejection_ends_the_fleet() -> None:
    state = canary_and_rest(approve="after")
    run_all(state)
    command(state, "reject", gate="canary/after", comment="no")
    assert (state.is_over, outcome(state), state.count(MemberState.CANCELED)) == (True, "Canceled", 7)
    assert (state.given_up or {})["code"] == Code.GATE_REJECTED


def test_a_gate_that_no_user_approves_ends_the_fleet_as_failed() -> None:
    state = canary_and_rest(approve="after")
    run_all(state, 50)
    assert state.rollout.next_due() == 50 + GATE_SECONDS
    state.advance(50 + GATE_SECONDS)
    assert (state.is_over, outcome(state)) == (True, "Failed")
    assert (state.given_up or {})["code"] == Code.GATE_NOT_APPROVED


# --- what readers get ------------------------------------------------------------------------------------------------


def status(state: FleetState, now: float = 0) -> Json:
    payload = {
        "id": "fleet-0123456789abcdef0123456789.0123456789ab",
        "name": "shops",
        "operation": "onboard",
        "size": len(state.states),
        "window": 4,
        "stages": [stage.as_json() for stage in state.rollout.stages],
        "startedBy": {"name": "olga", "objectId": "1"},
        "createdAt": BY["at"],
        "correlationId": "c",
    }
    return document_of(payload, status_of(payload, state, now))


def test_a_halted_fleet_says_why_and_what_to_do() -> None:
    state = canary_and_rest()
    run_all(state, 60, broken=(1,))
    document = status(state, 61)
    assert (document["state"], document["eta"]) == ("Halted", None)
    assert document["halted"]["code"] == Code.FAILURE_BUDGET_USED
    assert document["halted"]["remedy"]
    assert (document["halted"]["at"], document["halted"]["until"][:10]) == ("1970-01-01T00:01:00.000Z", "1970-01-08")
    assert [(stage["name"], stage["state"], stage["failed"]) for stage in document["stages"]] == [
        ("canary", "Halted", 1),
        ("rest", "Waiting", 0),
    ]
    assert document["stages"][0]["counts"]["failed"] == 1


def test_a_gate_shows_what_it_lets_through() -> None:
    state = canary_and_rest(approve="after")
    run_all(state)
    assert status(state)["gate"]["state"] == "checking"
    state.rollout.take_check(CHECK, 0)
    document = status(state)
    assert (document["state"], document["gate"]["state"]) == ("WaitingForApproval", "waiting")
    assert document["gate"]["check"]["classes"] == {"create": 2}
    assert document["stages"][0]["state"] == "WaitingForApproval"


def test_an_expected_end_has_the_soaks_and_no_gates() -> None:
    for canary, expected in ((Stage("canary", 6, 6, soak=600), True), (Stage("canary", 6, 6, approve="after"), False)):
        state = fleet(20, canary, Stage("rest", 20, 4))
        for number, (index, attempt) in enumerate(state.start(0)):
            state.end(index, attempt, OK, number)
        assert (status(state, 6)["eta"] is not None) is expected
