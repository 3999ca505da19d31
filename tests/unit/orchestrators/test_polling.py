"""Polling: intervals, what a step asks to wait, the phase's deadline and what it ends with."""

from typing import Any

import pytest

from arcway.domain import steps
from arcway.domain.leftovers import leftover
from arcway.domain.phases import ASKED_SECONDS, TIME_LIMITS, Interval
from orchestrators.failures import StepFailed
from tests.unit.orchestrators.in_memory import InMemory, Json, failed, ok, phases, run_in

EVERY = Interval(first=1, longest=8)
LIMIT = TIME_LIMITS["deployAgents"]
NAMESPACE = leftover("Namespace", "azure-arc", reason="Terminating")
PENDING = ok(done=False, detail="2 of 7")


def poll(context: InMemory, **extra: Any) -> Json:
    """Poll the agents in the phase that deploys them."""
    return {**context.drive(run_in(context).poll(steps.POLL_AGENTS, EVERY, timeout_code="ARC-5008", **extra))}


def late(context: InMemory) -> Json:
    """The error with which polling ends."""
    with pytest.raises(StepFailed) as caught:
        poll(context)
    return caught.value.error


def test_polling_ends_when_the_step_is_done() -> None:
    context = InMemory({"poll_agents": [PENDING, PENDING, ok(done=True, detail="7 of 7", x=1)]})
    assert poll(context, identityIssued=False) == {"done": True, "detail": "7 of 7", "x": 1}
    assert [value["identityIssued"] for value in context.inputs("poll_agents")] == [False] * 3


def test_intervals_double_up_to_the_longest() -> None:
    context = InMemory({"poll_agents": [PENDING] * 6 + [ok(done=True)]})
    poll(context)
    assert context.waits == [1, 2, 4, 8, 8, 8]


def test_what_it_waits_for_is_shown() -> None:
    context = InMemory({"poll_agents": [PENDING, ok(done=True, detail="7 of 7")]})
    poll(context)
    assert [(phase["state"], phase["detail"]) for phase in phases(context)] == [
        ("Running", None),
        ("Waiting", "2 of 7"),
        ("Running", "2 of 7"),
    ]


def test_a_phase_deadline_is_applied_to_polling() -> None:
    context = InMemory({"poll_agents": PENDING})
    error = late(context)
    assert (error["code"], error["message"]) == ("ARC-5008", "deployAgents timed out: 2 of 7.")
    assert LIMIT - EVERY.longest <= context.elapsed <= LIMIT


def test_a_deadline_ends_with_the_reason_and_the_remedy_of_the_step() -> None:
    pending = ok(done=False, detail="x", code="ARC-5007", remedy="Free some memory.")
    error = late(InMemory({"poll_agents": pending}))
    assert (error["code"], error["remedy"]) == ("ARC-5007", "Free some memory.")


def test_retry_after_of_a_poll_is_honored_unless_the_interval_is_longer() -> None:
    context = InMemory(
        {"poll_agents": [ok(done=False, retryAfter=30)] * 2 + [ok(done=False, retryAfter=0.5), ok(done=True)]}
    )
    poll(context)
    assert context.waits == [30, 30, 4]


def test_what_a_poll_is_requested_to_wait_does_not_count_towards_the_phase_until_the_budget_ends() -> None:
    context = InMemory({"poll_agents": ok(done=False, retryAfter=3600)})
    late(context)
    assert LIMIT < context.elapsed <= LIMIT + ASKED_SECONDS
    assert context.elapsed > ASKED_SECONDS - 3600


def test_only_what_is_beyond_the_interval_is_requested_for() -> None:
    """Seven of each eight seconds are the interval's own."""
    context = InMemory({"poll_agents": ok(done=False, retryAfter=9)})
    late(context)
    ninths = context.elapsed / 9
    assert LIMIT - 40 <= ninths * 8 <= LIMIT + 40


def test_the_status_url_that_a_step_names_is_given_to_it_the_next_time() -> None:
    outcomes = [
        ok(done=False),
        ok(done=False, operation="u"),
        ok(done=False),
        ok(done=False, operation=None),
        ok(done=True),
    ]
    context = InMemory({"poll_agents": list(outcomes)})
    poll(context)
    assert [value.get("operation") for value in context.inputs("poll_agents")] == [None, None, "u", "u", "u"]


def test_what_a_removal_has_not_removed_yet_is_shown() -> None:
    outcomes = [ok(done=False, leftovers=[NAMESPACE]), ok(done=False), ok(done=True, leftovers=[])]
    context = InMemory({"uninstall_agents": list(outcomes)})
    run = run_in(context, "uninstallAgents", operation="offboard")
    context.drive(run.poll(steps.UNINSTALL_AGENTS, EVERY, timeout_code="ARC-5013"))
    assert run.finish("Succeeded")["leftovers"] == []
    assert [len(status["leftovers"]) for status in context.statuses] == [0, 1, 1, 1, 1, 0]


def test_a_poll_that_fails_is_retried_as_any_step() -> None:
    context = InMemory({"poll_agents": [PENDING, failed(), failed(), ok(done=True)]})
    poll(context)
    assert len(context.steps) == 4
    context = InMemory({"poll_agents": [PENDING, failed("ARC-4012", retryable=False)]})
    assert late(context)["code"] == "ARC-4012"


@pytest.mark.parametrize("looks", [1, 2, 3, 4, 5])
def test_an_interval_never_passes_its_longest(looks: int) -> None:
    assert EVERY.after(looks) == min(2 ** (looks - 1), 8)
