"""How a fleet goes through its stages: when the next one begins, the failure budget, and the soak."""

from arcway.domain.codes import Code
from arcway.domain.fleets.document import outcome
from arcway.domain.fleets.member_map import MemberState
from arcway.domain.fleets.rollout import HALT_SECONDS
from arcway.domain.fleets.stage import Stage
from tests.unit.fleets.staged_fleets import (
    AWAY,
    BROKEN,
    OK,
    REFUSED,
    canary_and_rest,
    command,
    fleet,
    halt_of,
    run_all,
    status,
)

# --- one stage after the other ---


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


def test_a_slow_start_continues_from_the_window_of_the_stage_before() -> None:
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


# --- the failure budget ---


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


def test_failures_before_anything_was_changed_count_only_on_request() -> None:
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


def test_a_budget_that_is_made_smaller_than_what_has_failed_halts_the_fleet() -> None:
    for strict in (True, False):
        state = fleet(10, Stage("all", 10, 2, None, strict=strict))
        state.start(0)
        state.end(0, 0, BROKEN, 1)
        command(state, "set", 2, maxFailures=0)
        assert (halt_of(state), state.start(2)) == (Code.FAILURE_BUDGET_USED, [])
        command(state, "resume", 3)
        assert [index for index, _ in state.start(3)] == ([] if strict else [2])
        state.end(1, 0, OK, 4)
        assert state.start(4)


def test_a_budget_that_is_used_when_only_parked_members_are_left_halts_the_fleet() -> None:
    state = fleet(2, Stage("all", 2, 1, 0, strict=True))
    state.start(0)
    state.end(0, 0, AWAY, 1)
    state.start(1)
    state.end(1, 0, BROKEN, 2)
    state.advance(2)
    assert (halt_of(state), state.start(4000)) == (Code.FAILURE_BUDGET_USED, [])
    command(state, "resume", 4001)
    assert state.start(4001) == [(0, 1)]


def test_some_of_too_many_failures_are_done_again_though_the_others_stay_failed() -> None:
    state = fleet(4, Stage("all", 4, 4, 0, strict=True, soak=600.0, approve="after"))
    run_all(state)
    state.advance(600)
    state.verify([(index, Code.CLUSTER_LOST_IN_SOAK) for index in range(3)], 601)
    state.advance(601)
    assert (halt_of(state), state.rollout.gate_name) == (None, "all/after")
    command(state, "retry", 700, members=[1], codes=None)
    assert (halt_of(state), state.start(700)) == (None, [(1, 1)])


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


# --- the soak ---


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
