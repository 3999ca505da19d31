"""What a run says of itself: its error, its phases, its end."""

import json

import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from tests.unit.orchestrators.in_memory import InMemory, run_in, stamp


def test_the_error_of_a_run_is_that_of_its_phase_with_all_details() -> None:
    context = InMemory()
    run = run_in(context, "deployAgents")
    details = [{"field": "x", "message": "is wrong"}]
    run.fail(ArcError(Code.HELM_FAILED, "No.", remedy="Do.", retryable=True, details=details).as_dict())
    error = {"code": "ARC-5003", "message": "No.", "retryable": True, "remedy": "Do.", "details": details}
    final = run.finish("Failed", {"id": "x"})
    assert final["error"] == {**error, "phase": "deployAgents"}
    assert (final["state"], final["result"], final["phase"]) == ("Failed", {"id": "x"}, "deployAgents")
    phase = next(phase for phase in final["phases"] if phase["name"] == "deployAgents")
    assert (phase["state"], phase["error"]) == ("Failed", {"code": "ARC-5003", "message": "No."})


def test_the_text_of_an_internal_error_is_cut() -> None:
    context = InMemory()
    run = run_in(context, "deployAgents")
    run.fail_unexpectedly(ValueError("word " * 200))
    error = run.finish("Failed")["error"]
    assert len(error["message"]) == len("Internal error of Arcway: ValueError: ") + 300
    assert (error["code"], error["phase"]) == (Code.INTERNAL_ERROR, "deployAgents")


def test_a_phase_has_the_times_of_its_begin_and_end() -> None:
    context = InMemory()
    run = run_in(context, "deployAgents")
    context.pass_time(5)
    run.end_phase()
    phase = next(phase for phase in context.status["phases"] if phase["name"] == "deployAgents")
    assert (phase["state"], phase["startedAt"], phase["finishedAt"]) == ("Succeeded", stamp(0), stamp(5))


def test_a_transition_is_logged_when_it_happens_and_not_when_it_is_replayed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "arcway.observations")
    for is_replaying in (False, True):
        caplog.clear()
        context = InMemory()
        context.is_replaying = is_replaying
        run = run_in(context)
        run.begin_phase("checkCluster")
        run.end_phase()
        run.finish("Succeeded")
        lines = [json.loads(record.getMessage()) for record in caplog.records]
        events = [(line["event"], line["state"]) for line in lines]
        expected = [("run", "Accepted"), ("phase", "Succeeded"), ("run", "Succeeded")]
        assert events == ([] if is_replaying else expected)
