"""Compensation and clean-up: newest first, outside the phases, each with a deadline, and nothing left is hidden."""

import pytest

from arcway.domain import steps
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all, leftover
from arcway.domain.phases import CLEAN_UP_SECONDS, UNDO_SECONDS
from orchestrators.failures import StepFailed
from orchestrators.run_context import RunContext
from tests.unit.orchestrators.in_memory import Crash, InMemory, Outcome, failed, ok, run_in

DONE = ok(done=True)


def thing(name: str) -> Json:
    """Something that a run has made."""
    return leftover("", name)


def run_with_work(context: InMemory) -> RunContext:
    """A run that has created three things."""
    run = run_in(context)
    run.created(thing("key pair"), steps.UNINSTALL_AGENTS)
    run.created(thing("release"), steps.UNINSTALL_AGENTS, force=True)
    run.created(thing("connected cluster"), steps.DELETE_RESOURCE, publicKey="k")
    return run


def left(run: RunContext) -> list[str]:
    """What the run says is left."""
    return describe_all(run.finish("Failed")["leftovers"])


def test_compensation_goes_newest_first_with_what_was_remembered() -> None:
    context = InMemory({"delete_resource": DONE, "uninstall_agents": DONE})
    run = run_with_work(context)
    context.drive(run.run_compensations())
    assert context.steps == ["delete_resource", "uninstall_agents", "uninstall_agents"]
    assert context.calls[0].input["publicKey"] == "k"
    assert [value.get("force") for value in context.inputs("uninstall_agents")] == [True, None]
    assert left(run) == []
    assert context.status["changed"] is True
    assert context.status["made"] == []


def test_compensation_is_polled_until_it_is_done() -> None:
    context = InMemory({"delete_resource": [ok(done=False, operation="u")] * 3 + [DONE], "uninstall_agents": DONE})
    context.drive(run_with_work(context).run_compensations())
    assert context.waits == [0.5, 1, 2]
    assert [value.get("operation") for value in context.inputs("delete_resource")] == [None, "u", "u", "u"]


def test_what_cannot_be_compensated_is_left_with_its_code_and_the_rest_is_done() -> None:
    context = InMemory({"delete_resource": failed("ARC-4016", retryable=False), "uninstall_agents": [DONE, Crash("x")]})
    run = run_with_work(context)
    context.drive(run.run_compensations())
    assert context.steps == ["delete_resource", *["uninstall_agents"] * 4]
    assert left(run) == ["connected cluster (ARC-4016)", "key pair (ARC-6006)"]
    assert [item["reason"] for item in context.status["leftovers"]] == ["UndoFailed"] * 2


def test_an_outcome_of_another_shape_does_not_stop_compensation() -> None:
    context = InMemory({"delete_resource": ok(), "uninstall_agents": {"ok": []}})
    run = run_with_work(context)
    context.drive(run.run_compensations())
    assert left(run) == [f"{name} (ARC-6006)" for name in ("connected cluster", "release", "key pair")]


def test_compensation_has_a_deadline_each() -> None:
    context = InMemory({"delete_resource": ok(done=False), "uninstall_agents": ok(done=False, retryAfter=100)})
    run = run_with_work(context)
    context.drive(run.run_compensations())
    assert left(run) == [f"{name} (ARC-6005)" for name in ("connected cluster", "release", "key pair")]
    assert 3 * UNDO_SECONDS - 300 < context.elapsed <= 3 * UNDO_SECONDS


@pytest.mark.parametrize(("version", "count", "remaining"), [("2", 8, []), ("1", 5, ["connected cluster (ARC-4007)"])])
def test_throttling_costs_no_attempt_of_a_compensation(version: str, count: int, remaining: list[str]) -> None:
    throttled: list[Outcome] = [failed("ARC-4007", retry_after=20)] * 7
    context = InMemory({"delete_resource": [*throttled, DONE], "uninstall_agents": DONE}, started_under=version)
    run = run_with_work(context)
    context.drive(run.run_compensations())
    assert left(run) == remaining
    assert context.steps.count("delete_resource") == count


def test_throttling_costs_no_attempt_of_a_clean_up() -> None:
    context = InMemory({"discard_secret": [failed("ARC-4007")] * 6 + [ok()]})
    run = run_in(context)
    run.add_cleanup(thing("secret"), steps.DISCARD_SECRET)
    context.drive(run.run_cleanups())
    assert left(run) == []
    assert len(context.steps) == 7


def test_throttling_counts_as_time_of_a_compensation() -> None:
    context = InMemory({"delete_resource": failed("ARC-4007", retry_after=400), "uninstall_agents": DONE})
    run = run_with_work(context)
    context.drive(run.run_compensations())
    assert left(run) == ["connected cluster (ARC-4007)"]
    assert (context.steps.count("delete_resource"), context.elapsed) == (3, 800)


def test_what_is_still_being_removed_is_not_listed_during_compensation() -> None:
    context = InMemory({"uninstall_agents": [ok(done=False, leftovers=[thing("namespace azure-arc")]), DONE]})
    run = run_in(context)
    run.created(thing("release"), steps.UNINSTALL_AGENTS)
    context.drive(run.run_compensations())
    assert all(status["leftovers"] == [] for status in context.statuses)


def test_what_compensation_restores_is_listed() -> None:
    context = InMemory({"roll_back_agents": ok(done=True, restored=leftover("Agents", "1.2.3", reason="Restored"))})
    run = run_in(context)
    run.add_compensation(thing("upgrade"), steps.ROLL_BACK_AGENTS, revision=4)
    context.drive(run.run_compensations())
    assert left(run) == ["agents 1.2.3, as before"]
    assert context.status["changed"] is False


def test_what_is_remembered_twice_is_compensated_once() -> None:
    context = InMemory({"uninstall_agents": DONE})
    run = run_in(context)
    for force in (True, True, False):
        run.created(thing("release"), steps.UNINSTALL_AGENTS, force=force)
    context.drive(run.run_compensations())
    assert [value["force"] for value in context.inputs("uninstall_agents")] == [False, True]


def test_what_is_kept_is_listed_in_the_order_it_was_created() -> None:
    context = InMemory()
    run = run_with_work(context)
    run.set_leftovers([thing("an event")])
    run.report_leftovers()
    assert context.steps == []
    assert left(run) == ["an event", "key pair", "release", "connected cluster"]
    assert [item["reason"] for item in context.status["leftovers"]] == [None, "Kept", "Kept", "Kept"]


def add_cleanups(run: RunContext) -> None:
    """A secret, an account and a lease, made in this order."""
    for entry, step in (
        ("secret", steps.DISCARD_SECRET),
        ("account", steps.DISCARD_CREDENTIAL),
        ("lease", steps.RELEASE_CLUSTER),
    ):
        run.add_cleanup(thing(entry), step)


def test_clean_up_goes_newest_first_and_once() -> None:
    context = InMemory()
    run = run_in(context)
    add_cleanups(run)
    run.add_cleanup(thing("secret"), steps.DISCARD_SECRET)
    context.drive(run.run_cleanups(steps.DISCARD_CREDENTIAL))
    assert context.steps == ["discard_credential"]
    context.drive(run.run_cleanups())
    assert context.steps[1:] == ["release_cluster", "discard_secret"]
    context.drive(run.run_cleanups())
    assert len(context.steps) == 3
    assert left(run) == []


def test_clean_up_that_fails_is_left_and_the_rest_is_done() -> None:
    context = InMemory({"release_cluster": failed("ARC-3002"), "discard_credential": Crash("x")})
    run = run_in(context)
    add_cleanups(run)
    context.drive(run.run_cleanups())
    assert context.steps == [*["release_cluster"] * 5, *["discard_credential"] * 3, "discard_secret"]
    assert left(run) == ["lease (ARC-3002)", "account (ARC-6006)"]
    assert [item["reason"] for item in context.status["leftovers"]] == ["CleanUpFailed"] * 2


def test_clean_up_has_a_deadline() -> None:
    context = InMemory({"release_cluster": failed("ARC-3002", retry_after=CLEAN_UP_SECONDS - 1)})
    run = run_in(context)
    run.add_cleanup(thing("lease"), steps.RELEASE_CLUSTER)
    context.drive(run.run_cleanups())
    assert (len(context.steps), context.elapsed) == (2, CLEAN_UP_SECONDS - 1)


def test_clean_up_shows_in_no_phase_and_takes_no_time_from_one() -> None:
    context = InMemory({"end_network_check": [failed("ARC-3002", retry_after=100), ok()]})
    run = run_in(context, "checkCluster")
    context.drive(run.call(steps.CHECK_CLUSTER))
    run.add_cleanup(thing("namespace"), steps.END_NETWORK_CHECK)
    context.pass_time(30)
    context.drive(run.run_cleanups())
    assert context.elapsed == 130
    phase = run.finish("Failed")["phases"][0]
    assert (phase["attempts"], phase["detail"]) == (1, None)
    late: Json = failed("ARC-5008")["error"]
    with pytest.raises(StepFailed):
        context.drive(run.wait(1, "Waiting", timeout_error=late))


def test_a_run_that_is_ended_from_outside_says_what_it_had_made() -> None:
    context = InMemory()
    run = run_with_work(context)
    run.add_cleanup(thing("lease"), steps.RELEASE_CLUSTER)
    context.drive(run.call(steps.POLL_AGENTS))
    assert [item["name"] for item in context.status["made"]] == ["key pair", "release", "connected cluster", "lease"]
    assert context.status["leftovers"] == []
