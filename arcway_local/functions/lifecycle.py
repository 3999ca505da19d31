"""How orchestration instances begin, wait, spawn others and are ended: durabletask's in-memory rules, corrected.

It follows the durable extension where the in-memory backend does not: which ids are allowed and replaced, versions,
scheduled starts, sub-orchestrations of any length, recursive terminate. One thread serves all timers. It knows neither
who executes the work nor how clients reach it. What belongs to an earlier execution of an id is never delivered to a
later one.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast, override
from uuid import uuid4

import durabletask.internal.helpers as helpers
import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from durabletask.testing.in_memory_backend import InMemoryOrchestrationBackend, OrchestrationInstance

from arcway_local.functions.alarms import Alarms
from arcway_local.functions.creation_order import CreationOrder
from arcway_local.functions.errors import JournalError
from arcway_local.functions.records import (
    Activity,
    Instance,
    Link,
    child_end,
    child_failed,
    failure,
    identity_problem,
    input_problem,
    is_external,
    stamp,
    started_event,
)
from arcway_local.functions.traces import of_work

TERMINAL = frozenset(
    (pb.ORCHESTRATION_STATUS_COMPLETED, pb.ORCHESTRATION_STATUS_FAILED, pb.ORCHESTRATION_STATUS_TERMINATED)
)
_NO_HISTORY_LIMIT = 2**31


class WorkSignal(threading.Event):
    """What the backend sets when there is work: calls a listener instead of being waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.listener: Callable[[], None] | None = None

    @override
    def set(self) -> None:
        if self.listener is not None:
            self.listener()


class Lifecycle(InMemoryOrchestrationBackend):
    """Instances and their rules. `orchestrators` maps each known name in lower case to its spelling in the app."""

    def __init__(self, orchestrators: Mapping[str, str], default_version: str | None = None) -> None:
        super().__init__(max_history_size=_NO_HISTORY_LIMIT, port=0)
        self._orchestrators = orchestrators
        self._default_version = default_version
        self._alarms = Alarms()
        self._creation_order = CreationOrder()
        self._work_available: WorkSignal = WorkSignal()

    @override
    def StartInstance(self, request: pb.CreateInstanceRequest, context: Any) -> pb.CreateInstanceResponse:
        """Start an instance. A finished one with the same id is replaced, as the durable extension does.

        Aborts with INTERNAL for an unknown orchestrator or an id the extension refuses, with INVALID_ARGUMENT for an
        input that is too large, with ALREADY_EXISTS for an id that is in use (or whose status the caller's reuse policy
        does not name).
        """
        instance_id = request.instanceId or uuid4().hex
        problem = self._unknown_orchestrator(request.name) or identity_problem(instance_id)
        if problem:
            context.abort(grpc.StatusCode.INTERNAL, problem)
        if problem := input_problem(request.input.value):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, problem)
        with self._lock:
            existing = self._instances.get(instance_id)
            replaceable = set(request.orchestrationIdReusePolicy.replaceableStatus) or TERMINAL
            if existing is not None and existing.status not in replaceable:
                context.abort(
                    grpc.StatusCode.ALREADY_EXISTS,
                    f"An orchestration instance with the ID {instance_id} already exists.",
                )
            self._begin(
                Instance(
                    instance_id=instance_id,
                    name=request.name,
                    status=pb.ORCHESTRATION_STATUS_PENDING,
                    version=request.version.value if request.HasField("version") else self._default_version,
                    input=request.input.value if request.HasField("input") else None,
                    tags=dict(request.tags) or None,
                    trace=request.parentTraceContext if request.HasField("parentTraceContext") else None,
                ),
                request.scheduledStartTimestamp.ToDatetime(UTC)
                if request.HasField("scheduledStartTimestamp")
                else None,
            )
        return pb.CreateInstanceResponse(instanceId=instance_id)

    @override
    def _create_instance_internal(
        self, instance_id: str, name: str, encoded_input: str | None = None, version: str | None = None
    ) -> None:
        self._create_child(None, instance_id, name, encoded_input, version)

    def _create_child(
        self,
        parent: Link | None,
        instance_id: str,
        name: str,
        encoded_input: str | None,
        version: str | None,
        trace: pb.TraceContext | None = None,
    ) -> None:
        existing = self._instances.get(instance_id)
        if existing is not None and existing.status not in TERMINAL:
            raise ValueError(f"An orchestration instance with the ID {instance_id} already exists.")
        if problem := self._unknown_orchestrator(name) or input_problem(encoded_input):
            raise ValueError(problem)
        self._begin(
            Instance(
                instance_id=instance_id,
                name=name,
                status=pb.ORCHESTRATION_STATUS_PENDING,
                version=version or self._default_version,
                input=encoded_input,
                parent=parent,
                trace=trace,
            )
        )

    def _begin(self, instance: Instance, start_at: datetime | None = None) -> None:
        now = datetime.now(UTC)
        instance.completion_token = self._next_completion_token
        self._next_completion_token += 1
        instance.pending_events = [
            helpers.new_orchestrator_started_event(max(now, start_at or now)),
            started_event(instance),
        ]
        stamp(reversed(instance.pending_events))
        self._instances[instance.instance_id] = instance
        self._creation_order.add(instance, self._instances)
        if start_at is None or start_at <= now:
            self._enqueue_orchestration(instance.instance_id)
        else:
            instance.start_at = start_at
            self.at(start_at, lambda: self._start_if_waiting(instance))

    def _start_if_waiting(self, instance: Instance) -> None:
        with self._lock:
            instance.start_at = None
            if self._instances.get(instance.instance_id) is instance:
                self._enqueue_orchestration(instance.instance_id)

    def _unknown_orchestrator(self, name: str) -> str | None:
        if name.lower() in self._orchestrators:
            return None
        names = ", ".join(sorted(self._orchestrators.values())) or "none"
        return (
            f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function. "
            f"Known orchestrator functions: {names}."
        )

    def at(self, when: datetime, action: Callable[[], None]) -> None:
        """Call `action` at `when` (aware) from the alarm thread."""

        def act() -> None:
            # An engine that cannot write has reported it where it happened; nothing may be delivered any more.
            with contextlib.suppress(JournalError):
                action()

        self._alarms.at(when, act)

    def deliver(self, link: Link, event: pb.HistoryEvent) -> None:
        """Hand `event` to the execution that waits for it; a finished, replaced or restarted one no longer does."""
        with self._lock:
            instance = self._instance(link.instance_id)
            if instance is None or instance.execution_id != link.execution_id or instance.status in TERMINAL:
                return
            stamp((event,))
            instance.pending_events.append(event)
            instance.last_updated_at = datetime.now(UTC)
            self._enqueue_orchestration(instance.instance_id)

    def _instance(self, instance_id: str) -> Instance | None:
        return cast("Instance | None", self._instances.get(instance_id))

    @override
    def _process_schedule_task_action(self, instance: OrchestrationInstance, action: pb.OrchestratorAction) -> None:
        task = action.scheduleTask
        encoded = task.input.value if task.HasField("input") else None
        instance.history.append(helpers.new_task_scheduled_event(action.id, task.name, encoded))
        self._activity_queue.append(
            Activity(
                instance_id=instance.instance_id,
                name=task.name,
                task_id=action.id,
                input=encoded,
                completion_token=instance.completion_token,
                execution_id=_execution(instance),
                trace=_trace_for(instance, task),
            )
        )
        self._work_available.set()

    @override
    def _process_create_timer_action(self, instance: OrchestrationInstance, action: pb.OrchestratorAction) -> None:
        fire_at = action.createTimer.fireAt.ToDatetime(UTC)
        instance.history.append(helpers.new_timer_created_event(action.id, fire_at))
        self._await_timer(Link(instance.instance_id, _execution(instance), action.id), fire_at)

    def _await_timer(self, link: Link, fire_at: datetime) -> None:
        self.at(fire_at, lambda: self.deliver(link, helpers.new_timer_fired_event(link.task_id, fire_at)))

    @override
    def _schedule_delayed_entity_operation(self, entity_id: str, event: pb.HistoryEvent, fire_at: datetime) -> None:
        def queue() -> None:
            with self._lock:
                self._queue_entity_operation(entity_id, event)

        self.at(fire_at, queue)

    @override
    def _process_create_sub_orchestration_action(
        self, instance: OrchestrationInstance, action: pb.OrchestratorAction
    ) -> None:
        child = action.createSubOrchestration
        encoded = child.input.value if child.HasField("input") else None
        version = child.version.value if child.HasField("version") else None
        instance.history.append(
            helpers.new_sub_orchestration_created_event(
                action.id, child.name, child.instanceId, encoded, version=version
            )
        )
        link = Link(instance.instance_id, _execution(instance), action.id)
        try:
            self._create_child(link, child.instanceId, child.name, encoded, version, _trace_for(instance, child))
        except ValueError as error:
            self.deliver(link, child_failed(action.id, failure(f"ValueError: {error}")))
        else:
            cast(Instance, instance).children.add(child.instanceId)

    @override
    def _watch_sub_orchestration(self, parent_instance_id: str, sub_instance_id: str, task_id: int) -> None:
        # Only rewinding comes here. A child that has already ended reports from the alarm thread, because the caller
        # empties the parent's pending events after this returns.
        parent, child = self._instance(parent_instance_id), self._instance(sub_instance_id)
        if parent is None or child is None:
            return
        child.parent = Link(parent.instance_id, parent.execution_id, task_id)
        parent.children.add(sub_instance_id)
        if child.status in TERMINAL:
            self.at(datetime.now(UTC), lambda: self._report_end(child))

    def _report_end(self, instance: Instance) -> None:
        """Tell the parent of a finished sub-orchestration, if it has one."""
        if instance.parent is not None and instance.status in TERMINAL:
            self.deliver(instance.parent, child_end(instance.parent.task_id, instance))

    @override
    def _process_complete_orchestration_action(
        self, instance: OrchestrationInstance, complete_action: pb.CompleteOrchestrationAction
    ) -> None:
        if complete_action.orchestrationStatus != pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW:
            super()._process_complete_orchestration_action(instance, complete_action)
            return
        instance.pending_events = [event for event in instance.pending_events if is_external(event)]
        super()._process_complete_orchestration_action(instance, complete_action)
        renewed = cast(Instance, instance)
        renewed.execution_id = uuid4().hex
        renewed.children.clear()
        renewed.pending_events[1] = started_event(renewed)
        stamp(reversed(renewed.pending_events[:2]))

    @override
    def _terminate_instance_internal(self, instance_id: str, output: str | None, recursive: bool = False) -> None:
        super()._terminate_instance_internal(instance_id, output)
        instance = self._instance(instance_id)
        for child in tuple(instance.children) if recursive and instance is not None else ():
            self._terminate_instance_internal(child, output, recursive=True)

    @override
    def stop(self, grace: float | None = None) -> None:
        """Stop timers and the gRPC endpoint; calls in progress get `grace` seconds."""
        self._alarms.stop()
        super().stop(grace)


def _execution(instance: OrchestrationInstance) -> str:
    return cast(Instance, instance).execution_id


def _trace_for(
    instance: OrchestrationInstance, work: pb.ScheduleTaskAction | pb.CreateSubOrchestrationAction
) -> pb.TraceContext:
    return of_work(_execution(instance), cast(Instance, instance).trace, work.parentTraceContext)
