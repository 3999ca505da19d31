"""What the engine keeps and hands out: instances, activities, work, and the events and failures built from them.

Plain values and pure functions over durabletask's messages. Nothing here knows locks, queues or threads.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn
from uuid import uuid4

import durabletask.internal.helpers as helpers
import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from durabletask.testing.in_memory_backend import ActivityWorkItem, OrchestrationInstance
from google.protobuf import wrappers_pb2  # type: ignore[import-untyped]

CUSTOM_STATUS_LIMIT = 8192
"""Characters. The Azure Storage provider keeps at most 16 KB of UTF-16."""

INPUT_LIMIT = 1024 * 1024
"""Bytes of UTF-8 that an orchestration may start with: the Durable Task Scheduler takes no more (the Azure Storage
provider moves larger ones to blobs). https://learn.microsoft.com/azure/azure-functions/durable/durable-task-scheduler"""


@dataclass(frozen=True)
class Link:
    """Where a sub-orchestration reports its end: one execution of its parent, and the task that waits there."""

    instance_id: str
    execution_id: str
    task_id: int


@dataclass
class Instance(OrchestrationInstance):
    """An orchestration instance. `execution_id` changes with continue-as-new; nothing runs before `start_at`."""

    execution_id: str = field(default_factory=lambda: uuid4().hex)
    parent: Link | None = None
    children: set[str] = field(default_factory=set)
    start_at: datetime | None = None
    trace: pb.TraceContext | None = None
    """The trace that the orchestration continues."""


@dataclass
class Activity(ActivityWorkItem):
    """An activity that waits to run; `execution_id` is the execution of the instance that scheduled it."""

    execution_id: str = ""
    trace: pb.TraceContext | None = None
    token: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True)
class OrchestrationWork:
    """One replay to be done. `contexts` are the traces of its parent and of itself."""

    name: str
    token: str
    request: pb.OrchestratorRequest
    began: datetime
    contexts: tuple[pb.TraceContext | None, pb.TraceContext]


@dataclass(frozen=True)
class EntityWork:
    """One batch of operations to be done on one entity."""

    name: str
    token: str
    request: pb.EntityBatchRequest


class EngineError(Exception):
    """The engine refused a call that was made in process; `code` is the gRPC status code."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class LocalContext:
    """Stands in for gRPC's call context when the engine is called in process."""

    def abort(self, code: grpc.StatusCode, message: str) -> NoReturn:
        """Raise EngineError, as a gRPC server ends the call."""
        raise EngineError(code, message)


LOCAL = LocalContext()


def text(value: wrappers_pb2.StringValue | None) -> str | None:
    """The text of an optional protobuf field that was read with its presence in doubt."""
    return value.value if value is not None else None


def stamp(events: Iterable[pb.HistoryEvent]) -> None:
    """Give the present time to those events that have none; stops at the first that has one.

    durabletask's event builders leave the time at 1970. Pass the newest events first.
    """
    now = datetime.now(UTC)
    for event in events:
        if event.timestamp.seconds:
            return
        event.timestamp.FromDatetime(now)


def is_external(event: pb.HistoryEvent) -> bool:
    """Whether an event came from outside the execution, so that a new execution of the instance shall see it."""
    return str(event.WhichOneof("eventType")) in (
        "eventRaised",
        "executionSuspended",
        "executionResumed",
        "executionTerminated",
    )


def started_event(instance: Instance) -> pb.HistoryEvent:
    """The event that opens an execution of `instance`."""
    event = helpers.new_execution_started_event(
        instance.name, instance.instance_id, instance.input, instance.tags, version=instance.version
    )
    event.executionStarted.orchestrationInstance.executionId.value = instance.execution_id
    if instance.trace is not None:
        event.executionStarted.parentTraceContext.CopyFrom(instance.trace)
    if instance.parent is not None:
        event.executionStarted.parentInstance.CopyFrom(
            pb.ParentInstanceInfo(
                taskScheduledId=instance.parent.task_id,
                orchestrationInstance=pb.OrchestrationInstance(instanceId=instance.parent.instance_id),
            )
        )
    return event


def failure(message: str, stack_trace: str = "") -> pb.TaskFailureDetails:
    """Failure details from the worker's "Type: text". The real host keeps the bare class name as error type."""
    kind, separator, detail = message.partition(": ")
    return pb.TaskFailureDetails(
        errorType=kind if separator else "Exception",
        errorMessage=detail if separator else message,
        stackTrace=helpers.get_string_value(stack_trace or None),
    )


def failed_response(instance_id: str, token: str, details: pb.TaskFailureDetails) -> pb.OrchestratorResponse:
    """A replay's response that fails the orchestration."""
    complete = pb.CompleteOrchestrationAction(
        orchestrationStatus=pb.ORCHESTRATION_STATUS_FAILED,
        result=wrappers_pb2.StringValue(value=f"{details.errorType}: {details.errorMessage}"),
        failureDetails=details,
    )
    return pb.OrchestratorResponse(
        instanceId=instance_id, completionToken=token, actions=[pb.OrchestratorAction(completeOrchestration=complete)]
    )


def child_end(task_id: int, child: Instance) -> pb.HistoryEvent:
    """The event that tells the parent how `child` ended, with the child's own failure details."""
    if child.status == pb.ORCHESTRATION_STATUS_COMPLETED:
        return helpers.new_sub_orchestration_completed_event(task_id, child.output)
    details = child.failure_details or pb.TaskFailureDetails(
        errorType="OrchestrationTerminated",
        errorMessage=f"The sub-orchestration '{child.instance_id}' was terminated: {child.output or 'no reason given'}",
    )
    return child_failed(task_id, details)


def child_failed(task_id: int, details: pb.TaskFailureDetails) -> pb.HistoryEvent:
    """The event that tells a parent that its sub-orchestration failed."""
    return pb.HistoryEvent(
        eventId=-1,
        subOrchestrationInstanceFailed=pb.SubOrchestrationInstanceFailedEvent(
            taskScheduledId=task_id, failureDetails=details
        ),
    )


def identity_problem(instance_id: str) -> str | None:
    """Why the durable extension would refuse this instance id, None if it would not."""
    if len(instance_id) > 100:
        return "Instance IDs must not exceed 100 characters."
    if instance_id.startswith("@"):
        return "Orchestration instance IDs must not start with @."
    if any(character in "/\\#?" or ord(character) < 32 or 0x7F <= ord(character) <= 0x9F for character in instance_id):
        return "Instance IDs must not contain /, \\, #, ?, or control characters."
    return None


def waits_for_resume(instance: Instance, response: pb.OrchestratorResponse) -> bool:
    """Whether this replay leaves `instance` suspended, so that its actions are to be had again when it is resumed.

    durabletask sets aside all events between suspension and resumption, the confirmations of its own actions included.
    Actions accepted from the replay that suspends would be sent again by every later one. DurableTask.Core sends none
    while suspended (TaskOrchestrationContext.OrchestratorActions).
    """
    suspended = instance.status == pb.ORCHESTRATION_STATUS_SUSPENDED
    for event in instance.dispatched_events:
        if event.HasField("executionSuspended"):
            suspended = True
        elif event.HasField("executionResumed"):
            suspended = False
    return suspended and not any(
        action.completeOrchestration.orchestrationStatus == pb.ORCHESTRATION_STATUS_TERMINATED
        for action in response.actions
    )


def input_problem(encoded: str | None) -> str | None:
    """Why an orchestration cannot start with this input, None if it can."""
    size = len((encoded or "").encode())
    if size <= INPUT_LIMIT:
        return None
    return f"The input has {size} bytes of JSON; at most {INPUT_LIMIT} (1 MiB) are allowed."


def refusal(response: pb.OrchestratorResponse) -> pb.TaskFailureDetails | None:
    """The failure of an orchestration whose replay asks for what a task hub cannot keep, None if it does not."""
    if problem := custom_status_problem(response):
        return problem
    for action in response.actions:
        complete = action.completeOrchestration
        if complete.orchestrationStatus == pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW:
            message = input_problem(complete.result.value)
            if message is not None:
                return pb.TaskFailureDetails(errorType="ArgumentException", errorMessage=message, isNonRetriable=True)
    return None


def custom_status_problem(response: pb.OrchestratorResponse) -> pb.TaskFailureDetails | None:
    """The failure of an orchestration whose custom status is too long, None if it is not."""
    size = len(response.customStatus.value.encode("utf-16-le")) // 2
    if size <= CUSTOM_STATUS_LIMIT:
        return None
    message = (
        f"The custom status has {size} UTF-16 characters of JSON; at most {CUSTOM_STATUS_LIMIT} (16 KB) are allowed"
    )
    return pb.TaskFailureDetails(errorType="ArgumentException", errorMessage=message, isNonRetriable=True)
