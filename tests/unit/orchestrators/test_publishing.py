"""Events: in order, never lost silently; a broker that is down fails no run."""

from contextlib import suppress
from typing import Any

import pytest

from arcway.domain import steps
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all, leftover
from arcway.domain.phases import TIME_LIMITS
from orchestrators.back_off import back_off
from orchestrators.failures import RunCanceled, StepFailed
from orchestrators.publishing import PUBLISH, publish_result
from orchestrators.run_context import RunContext
from orchestrators.versions import EVENTS_WITH_STEPS
from tests.unit.orchestrators.in_memory import RUN, Crash, InMemory, failed, ok, orchestrate, payload
from tests.unit.orchestrators.worlds import CONNECT, world

DOWN = failed("ARC-3005")
REFUSED = failed("ARC-4009", retryable=False)


def run_of(context: InMemory, source: str | None = "urn:arcway:test") -> RunContext:
    """A run that has announced that it was accepted."""
    run = RunContext(context, payload(source))
    run.queue_event("accepted")
    return run


def finish(context: InMemory, outcome: str = "Succeeded", run: RunContext | None = None) -> Json:
    """Publish the result of a run and end it."""
    run = run or run_of(context)
    context.drive(publish_result(run, outcome))
    return run.finish(outcome)


def phase(run: Json) -> Json:
    """The phase that publishes."""
    last: Json = run["phases"][-1]
    assert last["name"] == PUBLISH
    return last


def sent(context: InMemory) -> list[list[str]]:
    """The short types of the events of each attempt."""
    return [[event["type"].split(".")[2] for event in value["events"]] for value in context.inputs("publish_events")]


def publish_with(context: InMemory, run: RunContext) -> None:
    """Publish what waits, with the first step of a phase."""
    context.drive(run.publish())
    run.begin_phase("checkCluster")
    context.drive(run.call(steps.CHECK_CLUSTER))


def test_what_waits_is_published_in_order_with_the_state_of_its_time() -> None:
    context = InMemory()
    run = run_of(context)
    run.begin_phase("checkCluster")
    run.end_phase()
    run.queue_event("phaseChanged")
    publish_with(context, run)
    publish_with(context, run)
    assert sent(context) == [["accepted", "phaseChanged"]]
    accepted, changed = context.inputs("publish_events")[0]["events"]
    assert accepted["data"]["run"]["state"] == "Accepted"
    assert (changed["data"]["run"]["state"], changed["data"]["phase"]["name"]) == ("Running", "checkCluster")
    assert "phase" not in accepted["data"]
    assert (accepted["id"], changed["id"]) == ("0123456789ab/accepted/1", "0123456789ab/checkCluster/1")


def test_each_outcome_has_its_event() -> None:
    for outcome in ("Succeeded", "Failed", "Canceled"):
        context = InMemory()
        run = run_of(context)
        run.facts["result"] = {"id": "x"}
        finish(context, outcome, run)
        event = context.inputs("publish_events")[-1]["events"][-1]
        assert event["type"] == f"arcway.run.{outcome.lower()}.v1"
        assert (event["data"]["run"]["state"], event["data"]["run"]["result"]) == (outcome, {"id": "x"})


def test_without_a_broker_publishing_is_skipped() -> None:
    context = InMemory()
    run = finish(context, run=run_of(context, None))
    assert (phase(run)["state"], phase(run)["detail"]) == ("Skipped", "no event broker is configured")
    assert context.steps == []


def test_a_broker_that_is_down_during_a_phase_is_requested_once() -> None:
    context = InMemory({"publish_events": [DOWN, ok()]})
    run = run_of(context)
    publish_with(context, run)
    context.drive(run.call(steps.CHECK_CLUSTER))
    assert (context.steps, context.waits) == (["publish_events", "check_cluster", "check_cluster"], [])
    assert phase(finish(context, run=run))["state"] == "Succeeded"
    assert sent(context) == [["accepted"], ["accepted", "succeeded"]]


def test_a_broker_that_comes_back_gets_every_event() -> None:
    context = InMemory({"publish_events": [DOWN] * 20 + [ok()]})
    run = finish(context)
    assert (phase(run)["state"], phase(run)["attempts"], run["leftovers"]) == ("Succeeded", 20, [])
    assert len(context.steps) == 21
    assert [round(wait / base, 2) <= 1.25 for wait, base in zip(context.waits, (1, 2, 4, 8, 16), strict=False)] == [
        True
    ] * 5
    assert 450 <= max(context.waits) <= 750


def test_a_broker_that_stays_down_holds_a_run_for_a_day_and_fails_only_its_phase() -> None:
    context = InMemory({"publish_events": DOWN})
    run = finish(context)
    assert (run["state"], phase(run)["state"]) == ("Succeeded", "Failed")
    assert TIME_LIMITS["publishResult"] - 750 < context.elapsed <= TIME_LIMITS["publishResult"]
    assert [leftover.split(" ")[1:] for leftover in describe_all(run["leftovers"])] == [
        ["arcway.run.accepted.v1", "(ARC-3005)"],
        ["arcway.run.succeeded.v1", "(ARC-3005)"],
    ]
    assert phase(run)["detail"] == "2 events were not published"
    assert phase(run)["error"]["code"] == "ARC-3005"


def test_the_phase_shows_why_an_event_waits() -> None:
    context = InMemory({"publish_events": [failed("ARC-3005", message="No broker.", retry_after=9), ok()]})
    finish(context)
    phases = [phase(status) for status in context.statuses]
    (retrying,) = [item for item in phases if item["state"] == "Retrying"]
    assert (retrying["detail"], retrying["error"]) == (None, {"code": "ARC-3005", "message": "No broker."})
    assert phases[-1]["error"] is None
    assert (retrying["attempts"], context.waits) == (1, [9])


def test_an_event_that_the_broker_refuses_holds_back_no_other() -> None:
    def refuse_accepted(payload: Json) -> Json:
        return REFUSED if "accepted" in payload["events"][0]["type"] else ok()

    context = InMemory({"publish_events": refuse_accepted})
    run = finish(context)
    assert sent(context) == [["accepted", "succeeded"], ["accepted"], ["succeeded"]]
    assert run["leftovers"] == [leftover("Event", "arcway.run.accepted.v1", reason="NotPublished", code="ARC-4009")]
    assert (phase(run)["state"], phase(run)["detail"]) == (
        "Failed",
        "1 event was not published",
    )


def test_an_unexpected_failure_of_publishing_is_tried_three_times_in_a_run() -> None:
    context = InMemory({"publish_events": Crash("no such encoding")})
    run = run_of(context)
    publish_with(context, run)
    final = finish(context, run=run)
    # Once with a step; then twice retryable, and given up: the batch, each event of it.
    assert context.steps == ["publish_events", "check_cluster", *["publish_events"] * 5]
    assert [leftover.rpartition(" ")[2] for leftover in describe_all(final["leftovers"])] == ["(ARC-6006)"] * 2


def test_the_pauses_of_publishing_are_those_of_the_run() -> None:
    context = InMemory({"publish_events": [DOWN] * 3 + [ok()]})
    finish(context)
    pauses = [back_off(RUN, "publish_events", attempt, {}, 600.0) for attempt in (1, 2, 3)]
    assert context.waits == [pytest.approx(pause, abs=1e-6) for pause in pauses]


def test_three_events_of_which_the_broker_refuses_each_are_tried_one_by_one() -> None:
    context = InMemory({"publish_events": REFUSED})
    run = run_of(context)
    run.begin_phase("checkCluster")
    run.end_phase()
    run.queue_event("phaseChanged")
    final = finish(context, run=run)
    assert [len(batch) for batch in sent(context)] == [3, 1, 1, 1]
    assert phase(final)["detail"] == "3 events were not published"
    assert len(final["leftovers"]) == 3


def test_what_was_lost_before_is_still_named_when_publishing_is_given_up() -> None:
    context = InMemory({"publish_events": [REFUSED, REFUSED, DOWN]})
    run = run_of(context)
    publish_with(context, run)
    context.cancel(seconds=100)
    final = finish(context, run=run)
    assert [item["code"] for item in final["leftovers"]] == ["ARC-4009", None]


def test_an_unexpected_failure_of_publishing_names_the_step() -> None:
    context = InMemory({"publish_events": [Crash("x"), ok()]})
    finish(context)
    errors = [phase(status)["error"] for status in context.statuses]
    assert "Step publish_events failed unexpectedly: x" in [error["message"] for error in errors if error]


def test_cancel_ends_the_waiting_for_the_broker() -> None:
    context = InMemory({"publish_events": DOWN})
    context.cancel(seconds=1000)
    run = finish(context)
    assert (run["state"], context.elapsed) == ("Succeeded", 1000)
    assert [(item["reason"], item["code"]) for item in run["leftovers"]] == [("NotPublished", None)] * 2


def test_the_cancel_that_ended_the_run_does_not_end_its_publishing() -> None:
    context = InMemory({"publish_events": [DOWN, DOWN, ok()]})
    run = run_of(context)
    run.begin_phase("checkCluster")
    context.cancel()
    try:
        context.drive(run.call(steps.CHECK_CLUSTER))
    except RunCanceled:
        run.end_phase("Canceled")
    final = finish(context, "Canceled", run)
    assert (final["canceledBy"]["name"], final["leftovers"], len(context.steps)) == ("tester", [], 3)


def test_the_trace_of_who_asked_goes_along() -> None:
    context = InMemory()
    run_input: dict[str, Any] = {**payload("urn:x"), "traceparent": "00-1-2-01"}
    run = RunContext(context, run_input)
    run.queue_event("accepted")
    publish_with(context, run)
    event = context.inputs("publish_events")[0]["events"][0]
    assert (event["traceparent"], event["source"], event["time"]) == ("00-1-2-01", "urn:x", "2026-01-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("broker", "last"),
    [([ok()], ["phaseChanged"]), ([DOWN, ok()], ["accepted", "phaseChanged"]), ([DOWN], ["accepted", "phaseChanged"])],
)
def test_a_check_publishes_what_waits_at_its_end_and_waits_for_no_broker(broker: list[Json], last: list[str]) -> None:
    context = world(CONNECT, publish_events=broker)
    run = orchestrate(context, payload("urn:arcway:test", operation="check", location="eastus"))
    assert (run["state"], sent(context)) == ("Succeeded", [["accepted"], last])


def test_the_next_step_publishes_what_waits_and_no_activity_is_called_for_it() -> None:
    context = InMemory()
    run = run_of(context)
    publish_with(context, run)
    context.drive(run.call(steps.CHECK_AZURE))
    assert context.activities == 2
    assert "events" in context.inputs("check_cluster")[0]
    assert "events" not in context.inputs("check_azure")[0]


def test_an_event_that_the_broker_refuses_from_a_step_holds_back_no_other() -> None:
    context = InMemory({"publish_events": lambda value: REFUSED if "accepted" in value["events"][0]["type"] else ok()})
    run = run_of(context)
    run.begin_phase("checkCluster")
    run.end_phase()
    run.queue_event("phaseChanged")
    publish_with(context, run)
    assert sent(context) == [["accepted", "phaseChanged"], ["accepted", "phaseChanged"], ["accepted"], ["phaseChanged"]]
    final = finish(context, run=run)
    assert [item["code"] for item in final["leftovers"]] == ["ARC-4009"]


@pytest.mark.parametrize(
    ("outcome", "publications"),
    [
        # What a step published before it was gone is not known, so it is published again.
        (Crash("x"), [["accepted"], ["accepted", "succeeded"]]),
        (failed(retryable=False), [["accepted"], ["succeeded"]]),
    ],
)
def test_the_events_of_a_step_that_fails_are_published(outcome: Any, publications: list[list[str]]) -> None:
    context = InMemory({"check_cluster": [outcome, ok()]})
    run = run_of(context)
    with suppress(StepFailed):
        publish_with(context, run)
    finish(context, run=run)
    assert sent(context) == publications


def test_a_step_that_says_nothing_of_its_events_has_not_published_them() -> None:
    context = InMemory()
    context.publishes = False  # as an instance of an earlier version beside this one
    run = run_of(context)
    publish_with(context, run)
    assert sent(context) == []
    finish(context, run=run)
    assert sent(context) == [["accepted", "succeeded"]]


@pytest.mark.parametrize("outcome", [DOWN, ok()])
def test_waiting_for_the_broker_counts_in_no_phase(outcome: Json) -> None:
    context = InMemory()

    def answer_late(_: Json) -> Json:
        context.pass_time(45)
        return outcome

    context.outcomes |= {"publish_events": answer_late, "check_cluster": [failed(retry_after=40), ok()]}
    run = run_of(context)
    publish_with(context, run)
    assert (context.steps.count("check_cluster"), TIME_LIMITS["checkCluster"]) == (2, 60)


def test_a_run_of_an_earlier_version_publishes_by_activities_of_their_own() -> None:
    context = InMemory(started_under=str(EVENTS_WITH_STEPS - 1))
    run = run_of(context)
    publish_with(context, run)
    assert (context.steps, context.activities) == (["publish_events", "check_cluster"], 2)
    assert "events" not in context.inputs("check_cluster")[0]
