"""What an engine with a journal knows after its predecessor ended without a word, feature by feature."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest

from arcway.local.functions.engine import Engine
from arcway.local.functions.errors import JournalError
from arcway.local.functions.journal import Journal
from arcway.local.functions.journaled import JournaledEngine
from arcway.local.functions.records import LOCAL, Activity, EngineError, EntityWork, OrchestrationWork
from tests.unit.local_functions.driving import (
    act,
    activity,
    complete,
    finish,
    give,
    kinds,
    raise_event,
    spawn,
    start,
    state,
    take,
    timer,
)


class Place:
    """A journal with the engine that uses it; `again` is what a crash and a new start make of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engines: list[JournaledEngine] = []
        self.engine = self._open()

    def _open(self) -> JournaledEngine:
        engine = JournaledEngine({"parent": "Parent", "child": "Child"}, "7", Journal(self._path))
        self._engines.append(engine)
        engine.resume()
        return engine

    def again(self) -> JournaledEngine:
        # Only what was committed is in the file: closing writes nothing that the engine has not written.
        self.engine.stop()
        self.engine = self._open()
        return self.engine

    def close(self) -> None:
        for engine in self._engines:
            engine.stop()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "journal.db")
    yield place
    place.close()


def taken_within(engine: Engine, seconds: float = 5.0) -> OrchestrationWork:
    deadline = time.monotonic() + seconds
    while (work := engine.take_orchestration()) is None:
        assert time.monotonic() < deadline, "no work"
    return work


def entity_work(engine: Engine) -> EntityWork:
    work = engine.take_entity()
    assert work is not None
    return work


def signal(engine: Engine, entity_id: str = "@e@k", **fields: Any) -> None:
    engine.SignalEntity(pb.SignalEntityRequest(instanceId=entity_id, name="add", requestId="1", **fields), LOCAL)


def operated(engine: Engine, work: EntityWork, value: str) -> None:
    result = pb.EntityBatchResult(completionToken=work.token, results=[pb.OperationResult()])
    result.entityState.value = value
    engine.CompleteEntityTask(result, LOCAL)


def entity_state(engine: Engine) -> str:
    request = pb.GetEntityRequest(instanceId="@e@k", includeState=True)
    return str(engine.GetEntity(request, LOCAL).entity.serializedState.value)


def lock(section: str, parent: str) -> pb.OrchestratorAction:
    message = pb.SendEntityMessageAction()
    message.entityLockRequested.criticalSectionId = section
    message.entityLockRequested.lockSet.append("@e@k")
    message.entityLockRequested.parentInstanceId.value = parent
    return pb.OrchestratorAction(id=1, sendEntityMessage=message)


def unlock(section: str) -> pb.OrchestratorAction:
    message = pb.SendEntityMessageAction()
    message.entityUnlockSent.criticalSectionId = section
    message.entityUnlockSent.targetInstanceId.value = "@e@k"
    return pb.OrchestratorAction(id=2, sendEntityMessage=message)


def history(engine: Engine, instance_id: str) -> list[pb.HistoryEvent]:
    chunks = engine.StreamInstanceHistory(pb.StreamInstanceHistoryRequest(instanceId=instance_id), LOCAL)
    return [event for chunk in chunks for event in chunk.events]


def test_a_start_is_not_forgotten(place: Place) -> None:
    request = pb.CreateInstanceRequest(instanceId="p", name="parent", tags={"a": "b"})
    request.input.value, request.version.value = '{"x": "\\u00e4\\u0000"}', "3"
    place.engine.StartInstance(request, LOCAL)
    before = state(place.engine, "p")
    engine = place.again()
    found = state(engine, "p")
    assert found.lastUpdatedTimestamp.ToDatetime() - before.lastUpdatedTimestamp.ToDatetime() < timedelta(seconds=1)
    found.lastUpdatedTimestamp.CopyFrom(before.lastUpdatedTimestamp)
    assert found == before
    started = take(engine).request.newEvents[-1].executionStarted
    assert (started.input.value, started.version.value, dict(started.tags)) == (request.input.value, "3", {"a": "b"})


def test_a_replay_in_flight_is_handed_out_again_with_its_events(place: Place) -> None:
    start(place.engine, "p")
    give(place.engine, take(place.engine))
    raise_event(place.engine, "p")
    lost = take(place.engine)
    raise_event(place.engine, "p")
    engine = place.again()
    work = take(engine)
    assert kinds(work) == [*kinds(lost), "eventRaised"]
    assert list(work.request.pastEvents) == list(lost.request.pastEvents)


def test_history_status_and_output_are_the_same_afterwards(place: Place) -> None:
    start(place.engine, "p")
    response = pb.OrchestratorResponse(instanceId="p", completionToken=take(place.engine).token, actions=[activity()])
    response.customStatus.value = '"half"'
    place.engine.CompleteOrchestratorTask(response, LOCAL)
    finish(place.engine, act(place.engine))
    give(place.engine, take(place.engine), complete(pb.ORCHESTRATION_STATUS_FAILED, '"bad"', failure="broken"))
    shown, past = state(place.engine, "p"), history(place.engine, "p")
    engine = place.again()
    assert history(engine, "p") == past
    found = state(engine, "p")
    assert (found.output, found.customStatus, found.failureDetails) == (
        shown.output,
        shown.customStatus,
        shown.failureDetails,
    )
    assert found.completedTimestamp == shown.completedTimestamp
    assert found.lastUpdatedTimestamp.ToDatetime() - shown.lastUpdatedTimestamp.ToDatetime() < timedelta(seconds=1)
    assert engine.take_orchestration() is None


def test_activities_run_again_until_their_outcome_is_written(place: Place) -> None:
    start(place.engine, "p")
    give(place.engine, take(place.engine), activity(1), activity(2), activity(3))
    finish(place.engine, act(place.engine), '"one"')
    act(place.engine)
    engine = place.again()
    tasks: list[Activity] = [act(engine), act(engine)]
    assert [task.task_id for task in tasks] == [2, 3]
    assert engine.take_activity() is None
    finish(engine, tasks[1])
    assert kinds(take(engine)) == ["orchestratorStarted", "taskCompleted", "taskCompleted"]
    assert act(place.again()).task_id == 2


def test_timers_are_waited_for_and_overdue_ones_fire_at_once(place: Place) -> None:
    for name, seconds in (("soon", 0.05), ("late", 3600.0)):
        start(place.engine, name)
        give(place.engine, take(place.engine), timer(seconds))
    place.engine._alarms.stop()
    engine = place.again()
    work = taken_within(engine)
    assert (work.request.instanceId, kinds(work)[-1]) == ("soon", "timerFired")
    give(engine, work)
    assert place.again().take_orchestration() is None
    assert len(place.engine._alarms._due) == 1


def test_a_scheduled_start_still_waits(place: Place) -> None:
    request = pb.CreateInstanceRequest(instanceId="p", name="parent")
    due = datetime.now(UTC) + timedelta(seconds=0.3)
    request.scheduledStartTimestamp.FromDatetime(due)
    place.engine.StartInstance(request, LOCAL)
    engine = place.again()
    assert state(engine, "p").orchestrationStatus == pb.ORCHESTRATION_STATUS_PENDING
    work = taken_within(engine)
    assert datetime.now(UTC) >= due
    assert kinds(work) == ["orchestratorStarted", "executionStarted"]


def test_suspended_stays_suspended_and_resumes(place: Place) -> None:
    start(place.engine, "p")
    give(place.engine, take(place.engine))
    place.engine.SuspendInstance(pb.SuspendRequest(instanceId="p"), LOCAL)
    give(place.engine, take(place.engine))
    raise_event(place.engine, "p")
    engine = place.again()
    assert state(engine, "p").orchestrationStatus == pb.ORCHESTRATION_STATUS_SUSPENDED
    engine.ResumeInstance(pb.ResumeRequest(instanceId="p"), LOCAL)
    assert kinds(take(engine)) == ["orchestratorStarted", "eventRaised", "executionResumed"]


def test_a_child_reports_to_its_parent_and_dies_with_it(place: Place) -> None:
    for parent, child in (("p", "c"), ("q", "d")):
        start(place.engine, parent)
        give(place.engine, take(place.engine), spawn(child))
        give(place.engine, take(place.engine))
    engine = place.again()
    raise_event(engine, "c")
    give(engine, take(engine), complete(result='"done"'))
    engine = place.again()
    assert take(engine).request.newEvents[-1].subOrchestrationInstanceCompleted.result.value == '"done"'
    engine.TerminateInstance(pb.TerminateRequest(instanceId="q", recursive=True), LOCAL)
    assert {take(engine).request.instanceId for _ in range(2)} == {"q", "d"}


def test_continue_as_new_leaves_nothing_of_the_execution_before(place: Place) -> None:
    start(place.engine, "p")
    give(place.engine, take(place.engine), activity(1), timer(3600))
    raise_event(place.engine, "p")
    work = take(place.engine)
    raise_event(place.engine, "p")
    give(place.engine, work, complete(pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW, "2"))
    engine = place.again()
    assert not engine._alarms._due
    finish(engine, act(engine))
    work = take(engine)
    assert kinds(work) == ["orchestratorStarted", "executionStarted", "eventRaised"]
    assert work.request.newEvents[1].executionStarted.input.value == "2"
    assert not work.request.pastEvents


def test_a_rewound_orchestration_keeps_its_rewritten_history(place: Place) -> None:
    start(place.engine, "p")
    give(place.engine, take(place.engine), complete(pb.ORCHESTRATION_STATUS_FAILED, failure="broken"))
    place.engine.RewindInstance(pb.RewindInstanceRequest(instanceId="p"), LOCAL)
    engine = place.again()
    work = take(engine)
    assert kinds(work)[-1] == "executionRewound"
    kept = [*work.request.pastEvents[:2], work.request.newEvents[-1]]
    give(engine, work, pb.OrchestratorAction(rewindOrchestration=pb.RewindOrchestrationAction(newHistory=kept)))
    engine = place.again()
    assert list(take(engine).request.pastEvents)[:3] == kept
    assert state(engine, "p").orchestrationStatus == pb.ORCHESTRATION_STATUS_RUNNING


def test_a_parent_hears_of_a_child_that_ended_before_the_crash(place: Place) -> None:
    start(place.engine, "p")
    give(place.engine, take(place.engine), spawn("c"))
    give(place.engine, take(place.engine), complete(pb.ORCHESTRATION_STATUS_TERMINATED))
    failed = take(place.engine)
    give(place.engine, failed, complete(pb.ORCHESTRATION_STATUS_FAILED, failure="child"))
    place.engine.RewindInstance(pb.RewindInstanceRequest(instanceId="p"), LOCAL)
    work = take(place.engine)
    place.engine._alarms.stop()
    kept = [*failed.request.pastEvents, work.request.newEvents[-1]]
    give(place.engine, work, pb.OrchestratorAction(rewindOrchestration=pb.RewindOrchestrationAction(newHistory=kept)))
    assert kinds(take(place.again()))[-1] == "subOrchestrationInstanceFailed"


def test_entities_keep_their_state_and_what_is_queued(place: Place) -> None:
    signal(place.engine)
    operated(place.engine, entity_work(place.engine), "5")
    signal(place.engine)
    entity_work(place.engine)
    signal(place.engine)
    engine = place.again()
    assert entity_state(engine) == "5"
    work = entity_work(engine)
    assert (work.request.entityState.value, len(work.request.operations)) == ("5", 2)
    operated(engine, work, "7")
    engine = place.again()
    assert entity_state(engine) == "7"
    assert engine.take_entity() is None


def test_a_delayed_signal_arrives_once(place: Place) -> None:
    scheduled = pb.SignalEntityRequest().scheduledTime
    scheduled.FromDatetime(datetime.now(UTC) + timedelta(seconds=0.2))
    signal(place.engine, scheduledTime=scheduled)
    place.engine._alarms.stop()
    engine = place.again()
    deadline = time.monotonic() + 5
    while (work := engine.take_entity()) is None:
        assert time.monotonic() < deadline
    operated(engine, work, "1")
    assert not place.again()._alarms._due


def test_locks_and_those_who_wait_for_them_are_kept(place: Place) -> None:
    for name in ("p", "q"):
        start(place.engine, name)
    for work in (take(place.engine), take(place.engine)):
        name = work.request.instanceId
        give(place.engine, work, lock(f"section-{name}", name))
    engine = place.again()
    holder = take(engine)
    assert (holder.request.instanceId, kinds(holder)[-1]) == ("p", "entityLockGranted")
    assert engine.take_orchestration() is None
    give(engine, holder, unlock("section-p"))
    engine = place.again()
    waiter = take(engine)
    assert (waiter.request.instanceId, kinds(waiter)[-1]) == ("q", "entityLockGranted")
    assert not engine._pending_lock_requests


def test_purged_and_replaced_instances_leave_nothing(place: Place) -> None:
    for name in ("purged", "replaced"):
        start(place.engine, name)
        give(place.engine, take(place.engine), complete())
    place.engine.PurgeInstances(pb.PurgeInstancesRequest(instanceId="purged"), LOCAL)
    start(place.engine, "replaced", "child")
    engine = place.again()
    assert not engine.GetInstance(pb.GetInstanceRequest(instanceId="purged"), LOCAL).exists
    assert state(engine, "replaced").name == "child"
    assert history(engine, "replaced") == []
    rows = engine._journal.read("SELECT id FROM instances UNION ALL SELECT instance FROM history")
    assert rows == [("replaced",)]


def test_only_what_changed_is_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    start(place.engine, "p")
    give(place.engine, take(place.engine), activity(1), activity(2))
    written: list[list[str]] = []
    real = Journal.write

    def write(journal: Journal, statements: Any) -> None:
        written.append([sql for sql, _ in statements])
        real(journal, statements)

    monkeypatch.setattr(Journal, "write", write)
    finish(place.engine, act(place.engine))
    state(place.engine, "p")
    give(place.engine, take(place.engine))
    assert [[sql[:17] for sql in statements] for statements in written] == [
        ["DELETE FROM activ", "INSERT INTO inbox"],
        ["INSERT INTO histo", "DELETE FROM inbox"],
    ]


def test_an_engine_that_cannot_write_acknowledges_nothing_more(place: Place) -> None:
    engine = place.engine
    start(engine, "kept")
    failures: list[JournalError] = []
    engine.on_failure(failures.append)
    (pages,) = engine._journal.read("PRAGMA page_count")[0]
    engine._journal.read(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JournalError, match=r"journal\.db cannot be read or written: database or disk is full"):
        start(engine, "lost", input=_value("x" * 500_000))
    assert len(failures) == 1
    for call in (lambda: start(engine, "next"), lambda: state(engine, "lost"), engine.take_orchestration):
        with pytest.raises(JournalError, match="disk is full"):
            call()
    engine = place.again()
    assert not engine.GetInstance(pb.GetInstanceRequest(instanceId="lost"), LOCAL).exists
    assert take(engine).request.instanceId == "kept"


def test_an_error_of_any_kind_while_writing_stops_the_engine(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    start(place.engine, "kept")
    failures: list[JournalError] = []
    place.engine.on_failure(failures.append)
    monkeypatch.setattr(place.engine._journal, "write", _raise_overflow)
    with pytest.raises(JournalError, match="cannot be written: OverflowError"):
        start(place.engine, "lost")
    assert len(failures) == 1
    with pytest.raises(JournalError):
        place.engine.take_orchestration()
    assert take(place.again()).request.instanceId == "kept"


def test_outcomes_committed_together_are_written_at_once_and_fail_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("p", "q"):
        start(place.engine, name)
    written: list[Any] = []
    monkeypatch.setattr(place.engine._journal, "write", written.append)
    works = [take(place.engine), take(place.engine)]
    outcomes: list[Callable[[], object]] = [partial(give, place.engine, work, activity()) for work in works]
    raised = place.engine.commit_together([outcomes[0], _raise_overflow, outcomes[1]])
    assert [type(error).__name__ for error in raised] == ["NoneType", "OverflowError", "NoneType"]
    assert len(written) == 1
    assert sum(sql.startswith("INSERT INTO activities") for sql, _ in written[0]) == 2


def test_content_that_cannot_be_understood_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    place = Place(path)
    start(place.engine, "p")
    place.close()
    journal = Journal(path)
    journal.write([("UPDATE inbox SET event = x'ff'", ())])
    with pytest.raises(JournalError, match=rf"The journal {path} is damaged"):
        JournaledEngine({}, None, journal)
    journal.close()


@pytest.mark.parametrize("size", [1024 * 1024, 1024 * 1024 + 1])
def test_an_input_over_one_mebibyte_is_refused_wherever_it_comes_from(place: Place, size: int) -> None:
    fits = size == 1024 * 1024
    big = "x" * size
    if fits:
        start(place.engine, "p", input=_value(big))
    else:
        with pytest.raises(EngineError, match="has 1048577 bytes"):
            start(place.engine, "p", input=_value(big))
        start(place.engine, "p")
    child = pb.CreateSubOrchestrationAction(instanceId="c", name="child", input=_value(big))
    give(place.engine, take(place.engine), pb.OrchestratorAction(id=1, createSubOrchestration=child))
    work = take(place.engine)
    assert (work.request.instanceId == "c") is fits
    give(place.engine, work, complete(pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW, big))
    renewed = state(place.again(), work.request.instanceId)
    assert (renewed.orchestrationStatus == pb.ORCHESTRATION_STATUS_PENDING) is fits
    assert ("1 MiB" in renewed.failureDetails.errorMessage) is not fits


def test_a_thousand_open_runs_are_recovered_in_two_seconds(place: Place) -> None:
    for number in range(1000):
        start(place.engine, f"p{number}", input=_value("x" * 2000))
        for _ in range(8):
            give(place.engine, take(place.engine))
            raise_event(place.engine, f"p{number}")
        give(place.engine, take(place.engine), activity(2), timer(3600))
    place.engine.stop()
    before = time.perf_counter()
    engine = place.again()
    assert time.perf_counter() - before < 2
    assert len(engine._alarms._due) == len(engine._activity_queue) == 1000


def _value(content: str) -> Any:
    request = pb.CreateInstanceRequest()
    request.input.value = content
    return request.input


def _raise_overflow(*_: object) -> None:
    raise OverflowError
