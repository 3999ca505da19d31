"""A request to cancel ends a run at a step's boundary or in the middle of a wait, never in the middle of a step."""

from typing import Any

import pytest

from arcway.domain import steps
from arcway.domain.leftovers import leftover
from arcway.domain.phases import Interval
from orchestrators.cancel_requests import CancelRequests
from orchestrators.failures import RunCanceled, StepFailed
from tests.unit.orchestrators.in_memory import INSTANCE, RUN, InMemory, Json, failed, ok, run_in, stamp

EVERY = Interval(first=10, longest=10)
LATE: Json = failed("ARC-5008")["error"]


def test_cancel_while_waiting_ends_the_wait() -> None:
    context = InMemory()
    run = run_in(context)
    context.cancel(seconds=42)
    with pytest.raises(RunCanceled):
        context.drive(run.wait(600, "Waiting", timeout_error=LATE))
    assert context.elapsed == 42
    assert all(timer.is_cancelled for _, timer in context.timers)
    run.end_phase("Canceled")
    phase = context.status["phases"][4]
    assert (phase["state"], phase["nextAttemptAt"], phase["finishedAt"]) == ("Canceled", None, stamp(42))
    assert context.status["canceledBy"] == {"name": "tester", "objectId": "1"}


def test_cancel_during_back_off_ends_the_step() -> None:
    context = InMemory({"deploy_agents": failed("ARC-3002", retry_after=60)})
    context.cancel(seconds=30)
    with pytest.raises(RunCanceled):
        context.drive(run_in(context).call(steps.DEPLOY_AGENTS))
    assert (len(context.steps), context.elapsed) == (1, 30)


def test_cancel_while_polling_ends_the_poll() -> None:
    context = InMemory({"poll_agents": ok(done=False)})
    context.cancel(seconds=25)
    with pytest.raises(RunCanceled):
        context.drive(run_in(context).poll(steps.POLL_AGENTS, EVERY, timeout_code="ARC-5008"))
    assert (len(context.steps), context.elapsed) == (3, 25)


def test_cancel_during_a_step_lets_the_step_end() -> None:
    context = InMemory()

    def slow(payload: Json) -> Json:
        context.cancel()
        context.pass_time(30)
        return ok(created=True)

    context.outcomes["deploy_agents"] = slow
    run = run_in(context)
    assert {**context.drive(run.call(steps.DEPLOY_AGENTS))} == {"created": True}
    with pytest.raises(RunCanceled):
        context.drive(run.call(steps.POLL_AGENTS))
    assert context.steps == ["deploy_agents"]


def test_cancel_before_a_phase_begins_keeps_it_from_beginning() -> None:
    context = InMemory()
    run = run_in(context, "checkCluster")
    run.end_phase()
    context.cancel()
    with pytest.raises(RunCanceled):
        run.begin_phase("registerProviders")
    assert context.status["phase"] == "checkCluster"


@pytest.mark.parametrize("data", ["text", None, [], {"run": None, "by": None}, {"by": {"name": "x"}}])
def test_a_request_that_names_no_run_counts(data: Any) -> None:
    context = InMemory()
    requests = CancelRequests(context, f"{INSTANCE}.{RUN}")
    assert not requests.is_requested()
    assert requests.requester() is None
    context.cancel(data=data)
    assert requests.is_requested()
    assert requests.requester() == (data.get("by") if isinstance(data, dict) else None)


def test_a_request_for_an_earlier_run_does_not_count_and_the_next_one_does() -> None:
    context = InMemory()
    run = run_in(context)
    for seconds in (10, 20):
        context.cancel(seconds=seconds, run=f"{INSTANCE}.ffffffffffff")
    context.drive(run.wait(30, "Waiting", timeout_error=LATE))
    assert context.elapsed == 30
    context.cancel(seconds=10)
    with pytest.raises(RunCanceled):
        context.drive(run.wait(30, "Waiting", timeout_error=LATE))
    assert context.elapsed == 40


def test_a_request_that_has_had_its_effect_is_forgotten() -> None:
    context = InMemory()
    run = run_in(context)
    run.cancels.forget()
    context.cancel()
    assert run.cancels.is_requested()
    run.cancels.forget()
    assert not run.cancels.is_requested()
    context.drive(run.wait(30, "Waiting", timeout_error=LATE))
    context.cancel()
    assert run.cancels.is_requested()


def test_compensation_cannot_be_canceled() -> None:
    context = InMemory({"uninstall_agents": [ok(done=False), failed(), ok(done=True)]})
    run = run_in(context)
    run.created(leftover("HelmRelease", "azure-arc"), steps.UNINSTALL_AGENTS)
    context.cancel()
    context.drive(run.run_compensations())
    assert context.steps == ["uninstall_agents"] * 3
    assert context.status["leftovers"] == []


def test_a_deadline_is_not_a_cancellation() -> None:
    context = InMemory()
    run = run_in(context, "checkCluster")
    with pytest.raises(StepFailed):
        context.drive(run.wait(61, "Waiting", timeout_error=LATE))
    run.fail(LATE)
    assert context.status["canceledBy"] is None
