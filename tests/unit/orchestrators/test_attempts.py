"""How often a step is tried, how long it waits in between, and its input: attempts, back-off, Retry-After."""

from itertools import pairwise
from typing import Any

import pytest

from arcway.domain import steps
from arcway.domain.json_values import Json
from arcway.domain.phases import ASKED_SECONDS, TIME_LIMITS
from orchestrators.back_off import back_off
from orchestrators.failures import StepFailed
from tests.unit.orchestrators.in_memory import RUN, Crash, InMemory, Outcome, failed, ok, payload, phases, run_in, stamp


def call(context: InMemory, **options: Any) -> Json:
    """Call `deploy_agents` in its phase."""
    return {**context.drive(run_in(context).call(steps.DEPLOY_AGENTS, **options))}


def error_of(context: InMemory, **options: Any) -> Json:
    """The error that the call ends with."""
    with pytest.raises(StepFailed) as caught:
        call(context, **options)
    return caught.value.error


def test_a_success_needs_one_attempt_and_no_wait() -> None:
    context = InMemory({"deploy_agents": ok(changed=True)})
    assert call(context) == {"changed": True}
    assert (context.steps, context.waits) == (["deploy_agents"], [])


def test_attempts_are_exhausted_after_five_by_default() -> None:
    context = InMemory({"deploy_agents": failed("ARC-3002")})
    assert error_of(context)["code"] == "ARC-3002"
    assert len(context.steps) == 5
    assert len(context.waits) == 4


@pytest.mark.parametrize("attempts", [1, 2, 8])
def test_attempts_are_exhausted_after_as_many_as_the_phase_allows(attempts: int) -> None:
    context = InMemory({"deploy_agents": failed()})
    error_of(context, attempts=attempts)
    assert len(context.steps) == attempts


def test_the_last_attempt_counts() -> None:
    context = InMemory({"deploy_agents": [failed()] * 4 + [ok(done=True)]})
    assert call(context) == {"done": True}


def test_an_error_that_is_not_retryable_is_not_retried() -> None:
    context = InMemory({"deploy_agents": failed("ARC-5001", retryable=False)})
    assert error_of(context)["code"] == "ARC-5001"
    assert (context.steps, context.waits) == (["deploy_agents"], [])


def test_back_off_doubles_up_to_a_minute_with_a_quarter_of_jitter() -> None:
    context = InMemory({"deploy_agents": failed()})
    run = run_in(context, "publishResult")
    with pytest.raises(StepFailed):
        context.drive(run.call(steps.DEPLOY_AGENTS, attempts=10))
    for attempt, wait in enumerate(context.waits):
        base = min(2.0**attempt, 60.0)
        assert base * 0.75 <= wait <= base * 1.25
    assert len({wait / min(2.0**attempt, 60.0) for attempt, wait in enumerate(context.waits)}) > 3


def test_jitter_differs_by_run_step_and_attempt_and_is_the_same_on_every_replay() -> None:
    pauses = [back_off(run, step, 7, {}) for run in ("r", "s") for step in ("a", "b")]
    assert len(set(pauses)) == 4
    assert pauses == [back_off(run, step, 7, {}) for run in ("r", "s") for step in ("a", "b")]
    assert back_off("r", "step", 1, {}, 0.5) < 1
    assert [round(pause, 6) for pause in pauses] == [52.882353, 54.882353, 66.529412, 54.764706]


def test_back_off_has_a_longest_that_the_caller_chooses_and_never_overflows() -> None:
    assert 450 <= back_off("r", "step", 100_000, {}, 600.0) <= 750
    assert 45 <= back_off("r", "step", 100_000, {}) <= 75


@pytest.mark.parametrize(("requests", "waited"), [(20, 20), (3600, 3600), (999_999, 3600)])
def test_retry_after_is_honored_and_clamped_to_an_hour(requests: float, waited: float) -> None:
    context = InMemory({"deploy_agents": [failed("ARC-4007", retry_after=requests), ok()]})
    call(context)
    assert context.waits == [waited]
    assert context.calls[1].seconds == waited


@pytest.mark.parametrize("requests", [0, -1, "soon", None])
def test_retry_after_never_shortens_the_back_off(requests: Any) -> None:
    context = InMemory({"deploy_agents": [failed("ARC-4007", retry_after=requests), ok()]})
    call(context)
    assert 0.75 <= context.waits[0] <= 1.25


def test_throttling_costs_no_attempt_and_no_time_of_the_phase() -> None:
    throttled: list[Outcome] = [failed("ARC-4007", retry_after=600)] * 12
    context = InMemory({"deploy_agents": [*throttled, *[failed()] * 4, ok()]})
    call(context)
    assert len(context.steps) == 17
    assert context.elapsed > 12 * 600


def test_throttling_without_retry_after_costs_no_attempt_and_ends_with_the_phase() -> None:
    context = InMemory({"deploy_agents": [failed("ARC-4007")] * 12 + [ok()]})
    call(context)
    assert len(context.steps) == 13
    context = InMemory({"deploy_agents": failed("ARC-4007")})
    assert error_of(context)["code"] == "ARC-4007"
    # It asks for nothing, so that nothing is added to the phase's limit.
    assert TIME_LIMITS["deployAgents"] - 80 < context.elapsed <= TIME_LIMITS["deployAgents"]


def test_throttling_without_retry_after_costs_attempts_where_nothing_else_ends_it() -> None:
    context = InMemory({"upgrade_agents": failed("ARC-4007")})
    run = run_in(context, "upgradeAgents", operation="upgrade")
    with pytest.raises(StepFailed):
        context.drive(run.call(steps.UPGRADE_AGENTS))
    assert len(context.steps) == 5


@pytest.mark.parametrize("version", ["1", None, "odd"])
def test_throttling_without_retry_after_costs_attempts_in_a_run_of_the_first_version(version: str | None) -> None:
    context = InMemory({"deploy_agents": failed("ARC-4007")}, started_under=version)
    error_of(context)
    assert len(context.steps) == 5


@pytest.mark.parametrize("code", ["ARC-4009", "ARC-3002"])
def test_an_error_other_than_throttling_costs_an_attempt_whatever_it_asks(code: str) -> None:
    context = InMemory({"deploy_agents": failed(code, retry_after=30)})
    error_of(context)
    assert len(context.steps) == 5


def test_what_azure_asks_to_wait_does_not_count_towards_the_phase() -> None:
    """Attempts are used up, not the twenty minutes of the phase."""
    context = InMemory({"deploy_agents": failed("ARC-4009", retry_after=1000)})
    error_of(context)
    assert (len(context.steps), context.elapsed) == (5, 4000)


def test_what_the_cluster_asks_to_wait_counts_towards_the_phase() -> None:
    context = InMemory({"deploy_agents": failed("ARC-3002", retry_after=1000)})
    error_of(context)
    assert (len(context.steps), context.elapsed) == (2, 1000)


def test_the_budget_of_waiting_for_azure_is_of_the_run_and_ends() -> None:
    context = InMemory({"deploy_agents": failed("ARC-4007", retry_after=3600)})
    error_of(context, attempts=100)
    assert context.elapsed == ASKED_SECONDS
    assert len(context.steps) == ASKED_SECONDS / 3600 + 1


def test_the_last_of_the_budget_is_granted_in_part() -> None:
    context = InMemory({"deploy_agents": failed("ARC-4007", retry_after=3000)})
    error_of(context, attempts=100)
    # 14,400 s have room for four waits whole and for 2,400 s of the fifth; its other 600 s are the phase's own.
    assert context.elapsed == 5 * 3000


@pytest.mark.parametrize(("last", "free"), [(3600, 4), (3599.5, 5)])
def test_throttling_costs_attempts_when_the_budget_is_used_up(last: float, free: int) -> None:
    long = [failed("ARC-4007", retry_after=seconds) for seconds in (3600, 3600, 3600, last)]
    context = InMemory({"deploy_agents": [*long, failed("ARC-4007", retry_after=1)]})
    error_of(context)
    assert len(context.steps) == free + 5


def test_an_unexpected_failure_is_tried_three_times() -> None:
    context = InMemory({"deploy_agents": Crash("what nobody expects password=hunter2hunter2")})
    error = error_of(context)
    assert (error["code"], error["retryable"], len(context.steps)) == ("ARC-6006", False, 3)
    assert "deploy_agents" in error["message"]
    assert "what nobody expects" in error["message"]
    assert "hunter2" not in error["message"]
    assert len(context.waits) == 2


def test_the_text_of_an_unexpected_failure_is_cut() -> None:
    error = error_of(InMemory({"deploy_agents": Crash("word " * 200)}))
    assert len(error["message"]) == len("Step deploy_agents failed unexpectedly: ") + 300
    assert str(StepFailed(error)) == f"ARC-6006: {error['message']}"


def test_the_pauses_of_a_step_are_those_of_its_run_and_name() -> None:
    context = InMemory({"deploy_agents": failed()})
    error_of(context)
    assert context.waits == [
        pytest.approx(back_off(RUN, "deploy_agents", attempt, {}), abs=1e-6) for attempt in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize("asked", [0.5, 1])
def test_the_shortest_throttling_costs_no_attempt(asked: float) -> None:
    context = InMemory({"deploy_agents": [failed("ARC-4007", retry_after=asked)] * 3 + [failed()]})
    error_of(context)
    assert len(context.steps) == 8


def test_unexpected_failures_count_apart_from_errors() -> None:
    context = InMemory({"deploy_agents": [Crash("x"), failed(), Crash("x"), ok()]})
    assert call(context) == {}
    context = InMemory({"deploy_agents": [Crash("x"), failed(), Crash("x"), failed(), Crash("x"), ok()]})
    assert error_of(context)["code"] == "ARC-6006"


def test_a_step_that_misses_something_receives_since_when() -> None:
    context = InMemory({"deploy_agents": [failed(), failed("ARC-4018", retry_after=15)] * 2 + [ok()]})
    call(context)
    missed = [value["missedAt"] for value in context.inputs("deploy_agents")]
    assert missed[:2] == [None, None]
    assert len(set(missed[2:])) == 1
    assert missed[2] == stamp(context.calls[1].seconds)


def test_a_step_is_given_the_request_the_run_and_what_the_phase_adds() -> None:
    context = InMemory()
    context.drive(run_in(context).call(steps.DEPLOY_AGENTS, facts={"a": 1}))
    started = payload()
    assert context.calls[0].input == {
        "request": started["request"],
        "runId": started["runId"],
        "id": f"{context.instance_id}.{started['runId']}",
        "phase": "deployAgents",
        "attempt": 1,
        "correlationId": "correlation",
        "createdAt": started["createdAt"],
        "writtenAt": None,
        "missedAt": None,
        "traceparent": None,
        "startedBy": started["startedBy"],
        "roles": started["roles"],
        "facts": {"a": 1},
    }


def test_a_step_receives_when_this_run_wrote_the_connected_cluster() -> None:
    context = InMemory({"deploy_agents": failed()})
    run = run_in(context)
    with pytest.raises(StepFailed):
        context.drive(run.call(steps.DEPLOY_AGENTS, attempts=2))
    run.mark_written()
    context.drive(run.call(steps.POLL_AGENTS))
    assert context.calls[-1].input["writtenAt"] == stamp(context.elapsed)


def test_a_retry_is_shown_with_its_reason_its_attempt_and_the_time_of_the_next() -> None:
    context = InMemory({"deploy_agents": [failed("ARC-4007", retry_after=20, message="Slow down."), ok()]})
    call(context)
    running, retrying, reread = phases(context)
    assert [phase["state"] for phase in (running, retrying, reread)] == ["Running", "Retrying", "Running"]
    assert [phase["attempts"] for phase in (running, retrying, reread)] == [1, 1, 2]
    times = [phase["nextAttemptAt"] for phase in (running, retrying, reread)]
    assert times == [None, "2026-01-01T00:00:20.000Z", None]
    error = {"code": "ARC-4007", "message": "Slow down."}
    assert [phase["error"] for phase in (running, retrying, reread)] == [None, error, error]
    assert [phase["detail"] for phase in (running, retrying, reread)] == [None, None, None]
    assert [status["updatedAt"][17:] for status in context.statuses] == ["00.000Z", "00.000Z", "20.000Z"]


def test_attempts_of_several_steps_of_a_phase_add_up() -> None:
    context = InMemory({"ensure_key_pair": [failed(), ok()]})
    run = run_in(context)
    context.drive(run.call(steps.ENSURE_KEY_PAIR))
    context.drive(run.call(steps.DEPLOY_AGENTS))
    assert [phase["attempts"] for phase in phases(context)] == [1, 1, 2, 3]
    assert all(first <= second for first, second in pairwise(call.seconds for call in context.calls))
