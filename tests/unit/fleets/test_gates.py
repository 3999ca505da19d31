"""Gates of fleets: what is checked, approved and rejected; and what readers get of stages, halts and gates."""

from arcway.domain.codes import Code
from arcway.domain.fleets.document import outcome
from arcway.domain.fleets.member_map import MemberState
from arcway.domain.fleets.rollout import CHECK_SECONDS, GATE_SECONDS
from arcway.domain.fleets.stage import Stage
from tests.unit.fleets.staged_fleets import BY, CHECK, OK, canary_and_rest, command, fleet, run_all, status

# --- gates ---


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


def test_a_fleet_that_continues_after_a_rejection_asks_again() -> None:
    state = canary_and_rest(approve="after")
    run_all(state)
    command(state, "reject", gate="canary/after", comment="no")
    state.given_up = None
    state.rollout.reopen()
    command(state, "retry", members=[5], codes=None)
    assert (state.start(9), state.rollout.gate_name) == ([], "canary/after")
    state.rollout.take_check(CHECK, 10)
    command(state, "approve", 11, gate="canary/after", comment=None)
    assert [index for index, _ in state.start(11)] == [5]


def test_a_fleet_that_continues_after_a_gate_that_was_not_approved_waits_for_it_again() -> None:
    state = canary_and_rest(approve="after")
    run_all(state)
    state.advance(GATE_SECONDS)
    state.given_up = None
    state.rollout.reopen()
    command(state, "retry", GATE_SECONDS + 5, members=[5], codes=None)
    assert (state.is_ending, state.rollout.next_due()) == (False, 2 * GATE_SECONDS + 5)


def test_a_gate_that_no_user_approves_ends_the_fleet_as_failed() -> None:
    state = canary_and_rest(approve="after")
    run_all(state, 50)
    assert state.rollout.next_due() == 50 + GATE_SECONDS
    state.advance(50 + GATE_SECONDS)
    assert (state.is_over, outcome(state)) == (True, "Failed")
    assert (state.given_up or {})["code"] == Code.GATE_NOT_APPROVED


# --- what readers get ---


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
