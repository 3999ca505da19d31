"""Drives an engine by hand, as the dispatcher and the app do together. It knows no test."""

from datetime import UTC, datetime, timedelta
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb

from arcway_local.functions.engine import Engine
from arcway_local.functions.records import LOCAL, Activity, OrchestrationWork


def start(engine: Engine, instance_id: str, name: str = "parent", **fields: Any) -> None:
    engine.StartInstance(pb.CreateInstanceRequest(instanceId=instance_id, name=name, **fields), LOCAL)


def state(engine: Engine, instance_id: str) -> pb.OrchestrationState:
    return engine.GetInstance(
        pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True), LOCAL
    ).orchestrationState


def take(engine: Engine) -> OrchestrationWork:
    work = engine.take_orchestration()
    assert work is not None
    return work


def give(engine: Engine, work: OrchestrationWork, *actions: pb.OrchestratorAction) -> None:
    response = pb.OrchestratorResponse(instanceId=work.request.instanceId, completionToken=work.token, actions=actions)
    engine.CompleteOrchestratorTask(response, LOCAL)


def act(engine: Engine) -> Activity:
    task = engine.take_activity()
    assert task is not None
    return task


def finish(engine: Engine, task: Activity, result: str = "null") -> None:
    response = pb.ActivityResponse(completionToken=task.token)
    response.result.value = result
    engine.CompleteActivityTask(response, LOCAL)


def complete(
    status: Any = pb.ORCHESTRATION_STATUS_COMPLETED, result: str = "null", failure: str | None = None
) -> pb.OrchestratorAction:
    action = pb.CompleteOrchestrationAction(orchestrationStatus=status)
    action.result.value = result
    if failure:
        action.failureDetails.CopyFrom(pb.TaskFailureDetails(errorType="Odd", errorMessage=failure))
    return pb.OrchestratorAction(id=9, completeOrchestration=action)


def spawn(child: str) -> pb.OrchestratorAction:
    return pb.OrchestratorAction(
        id=1, createSubOrchestration=pb.CreateSubOrchestrationAction(instanceId=child, name="child")
    )


def activity(task_id: int = 1) -> pb.OrchestratorAction:
    return pb.OrchestratorAction(id=task_id, scheduleTask=pb.ScheduleTaskAction(name="act"))


def timer(seconds: float) -> pb.OrchestratorAction:
    action = pb.OrchestratorAction(id=1, createTimer=pb.CreateTimerAction())
    action.createTimer.fireAt.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    return action


def kinds(work: OrchestrationWork) -> list[str]:
    return [str(event.WhichOneof("eventType")) for event in work.request.newEvents]


def raise_event(engine: Engine, instance_id: str) -> None:
    engine.RaiseEvent(pb.RaiseEventRequest(instanceId=instance_id, name="go"), LOCAL)


def open_runs(engine: Engine, count: int) -> None:
    """Runs with some history, each of which waits for an activity and a timer."""
    for number in range(count):
        request = pb.CreateInstanceRequest(instanceId=f"p{number}", name="parent")
        request.input.value = "x" * 2000
        engine.StartInstance(request, LOCAL)
        for _ in range(8):
            give(engine, take(engine))
            raise_event(engine, f"p{number}")
        give(engine, take(engine), activity(2), timer(3600))
