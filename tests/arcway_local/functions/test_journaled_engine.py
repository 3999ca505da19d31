"""What an engine with a journal knows after its predecessor ended without a word, feature by feature."""

from datetime import UTC, datetime, timedelta

import durabletask.internal.orchestrator_service_pb2 as pb

from arcway_local.functions.records import LOCAL, Activity
from tests.arcway_local.functions.conftest import Place, history, taken_within
from tests.arcway_local.functions.driving import (
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


def test_a_start_is_not_forgotten(place: Place) -> None:
    request = pb.CreateInstanceRequest(instanceId="p", name="parent", tags={"a": "b"})
    request.input.value, request.version.value = '{"x": "\\u00e4\\u0000"}', "3"
    place.engine.StartInstance(request, LOCAL)
    state_before = state(place.engine, "p")
    engine = place.again()
    instance_state = state(engine, "p")
    assert (
        instance_state.lastUpdatedTimestamp.ToDatetime() - state_before.lastUpdatedTimestamp.ToDatetime()
        < timedelta(seconds=1)
    )
    instance_state.lastUpdatedTimestamp.CopyFrom(state_before.lastUpdatedTimestamp)
    assert instance_state == state_before
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
    instance, past = state(place.engine, "p"), history(place.engine, "p")
    engine = place.again()
    assert history(engine, "p") == past
    instance_state = state(engine, "p")
    assert (instance_state.output, instance_state.customStatus, instance_state.failureDetails) == (
        instance.output,
        instance.customStatus,
        instance.failureDetails,
    )
    assert instance_state.completedTimestamp == instance.completedTimestamp
    assert instance_state.lastUpdatedTimestamp.ToDatetime() - instance.lastUpdatedTimestamp.ToDatetime() < timedelta(
        seconds=1
    )
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
    rewritten = [*work.request.pastEvents[:2], work.request.newEvents[-1]]
    give(engine, work, pb.OrchestratorAction(rewindOrchestration=pb.RewindOrchestrationAction(newHistory=rewritten)))
    engine = place.again()
    assert list(take(engine).request.pastEvents)[:3] == rewritten
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
    rewritten = [*failed.request.pastEvents, work.request.newEvents[-1]]
    give(
        place.engine,
        work,
        pb.OrchestratorAction(rewindOrchestration=pb.RewindOrchestrationAction(newHistory=rewritten)),
    )
    assert kinds(take(place.again()))[-1] == "subOrchestrationInstanceFailed"


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
