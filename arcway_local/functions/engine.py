"""The durable engine of the host: hands out work, takes back what was done, and answers clients over gRPC.

Work is pulled in process with `take_*` and given back through `Complete*Task`; those three methods are the only places
where finished work changes the state, and each returns only after the change is made. Clients of the app reach the same
object over gRPC. The engine keeps everything in memory; it does not know how work is executed, nor HTTP, nor a journal.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent import futures
from datetime import UTC, datetime
from typing import Any, cast, override

import durabletask.internal.helpers as helpers
import durabletask.internal.orchestrator_service_pb2 as pb
import durabletask.internal.orchestrator_service_pb2_grpc as stubs
import grpc
from durabletask.testing.in_memory_backend import OrchestrationInstance, StateWaiter
from google.protobuf import wrappers_pb2  # type: ignore[import-untyped]

from arcway_local.functions.clients import Clients
from arcway_local.functions.lifecycle import TERMINAL
from arcway_local.functions.records import (
    Activity,
    Instance,
    Link,
    OrchestrationWork,
    failed_response,
    refusal,
    stamp,
    waits_for_resume,
)
from arcway_local.functions.traces import of_execution

# Each takes a thread while it waits; those beyond are refused, so that the others are still served.
_WAITING_CLIENTS, _OTHER_CLIENTS = 4000, 64


class Engine(Clients):
    """An in-process task hub. Safe to call from any thread."""

    def __init__(self, orchestrators: Mapping[str, str], default_version: str | None = None) -> None:
        super().__init__(orchestrators, default_version)
        self._activities: dict[str, Activity] = {}
        self.loses_every = 0
        """A test control: of the events that orchestrations send, each one of this number is lost; 0: none is."""
        self._events_sent = 0

    def on_work(self, listener: Callable[[], None]) -> None:
        """Call `listener`, from any thread and with the engine locked, whenever there may be new work."""
        self._work_available.listener = listener

    @override
    def _process_send_event_action(self, source_instance: OrchestrationInstance, action: pb.OrchestratorAction) -> None:
        self._events_sent += 1
        if not self.loses_every or self._events_sent % self.loses_every:
            super()._process_send_event_action(source_instance, action)
            return
        event = action.sendEvent
        sent = helpers.new_event_sent_event(action.id, event.instance.instanceId, event.data.value, name=event.name)
        source_instance.history.append(sent)

    # -- handing out ---------------------------------------------------------------------------------------------

    def take_orchestration(self) -> OrchestrationWork | None:
        """The next replay to be done, None if there is none."""
        with self._lock:
            while self._orchestration_queue:
                instance_id = self._orchestration_queue.popleft()
                self._orchestration_queue_set.discard(instance_id)
                instance = self._instance(instance_id)
                # One in flight is enqueued again by its completion, one that waits for its start by its alarm.
                if instance is None or instance_id in self._orchestration_in_flight or not _is_ready(instance):
                    continue
                return self._dispatch(instance)
            return None

    def _dispatch(self, instance: Instance) -> OrchestrationWork:
        events, instance.pending_events = instance.pending_events, []
        if instance.history and not events[0].HasField("orchestratorStarted"):
            events.insert(0, helpers.new_orchestrator_started_event(datetime.now(UTC)))
        instance.dispatched_events = events
        self._orchestration_in_flight.add(instance.instance_id)
        request = pb.OrchestratorRequest(
            instanceId=instance.instance_id,
            executionId=wrappers_pb2.StringValue(value=instance.execution_id),
            pastEvents=instance.history,
            newEvents=events,
        )
        own = of_execution(instance.execution_id, instance.trace)
        token = str(instance.completion_token)
        return OrchestrationWork(instance.name, token, request, instance.created_at, (instance.trace, own))

    def take_activity(self) -> Activity | None:
        """The next activity to be run, None if there is none."""
        with self._lock:
            if not self._activity_queue:
                return None
            activity = cast(Activity, self._activity_queue.popleft())
            self._activities[activity.token] = activity
            return activity

    # -- taking back ---------------------------------------------------------------------------------------------

    def commit_together(self, completions: Iterable[Callable[[], object]]) -> list[Exception | None]:
        """Call several `Complete*Task` as one change, of which no part is visible alone; returns what each raised."""
        with self._lock:
            return [_raised_by(complete) for complete in completions]

    @override
    def CompleteOrchestratorTask(self, request: pb.OrchestratorResponse, context: Any) -> pb.CompleteTaskResponse:
        """Commit one replay. A custom status or new input over its limit fails the orchestration instead."""
        with self._lock:
            instance = self._instance(request.instanceId)
            if problem := refusal(request):
                request = failed_response(request.instanceId, request.completionToken, problem)
            if instance is not None and waits_for_resume(instance, request):
                del request.actions[:]
            if instance is not None and not request.HasField("customStatus") and instance.custom_status:
                request.customStatus.value = instance.custom_status
            reply = super().CompleteOrchestratorTask(request, context)
            if instance is None:
                return reply
            stamp(reversed(instance.history))
            if instance.status in TERMINAL:
                self._report_end(instance)
            # The stock backend forgets what arrived meanwhile for a suspended or replaced instance.
            if self._instances[request.instanceId].pending_events:
                self._enqueue_orchestration(request.instanceId)
            return reply

    @override
    def CompleteActivityTask(self, request: pb.ActivityResponse, context: Any) -> pb.CompleteTaskResponse:
        """Commit one activity, named by its completion token; an unknown token is ignored (delivered before)."""
        with self._lock:
            activity = self._activities.pop(request.completionToken, None)
            if activity is None:
                return pb.CompleteTaskResponse()
            event = pb.HistoryEvent(eventId=-1)
            if request.HasField("failureDetails"):
                event.taskFailed.taskScheduledId = activity.task_id
                event.taskFailed.failureDetails.CopyFrom(request.failureDetails)
            else:
                event.taskCompleted.taskScheduledId = activity.task_id
                if request.HasField("result"):
                    event.taskCompleted.result.CopyFrom(request.result)
            self.deliver(Link(activity.instance_id, activity.execution_id, activity.task_id), event)
        return pb.CompleteTaskResponse()

    @override
    def _enqueue_orchestration(self, instance_id: str) -> None:
        instance = self._instances.get(instance_id)
        if instance is not None:
            stamp(reversed(instance.pending_events))
        super()._enqueue_orchestration(instance_id)

    # -- clients -------------------------------------------------------------------------------------------------

    @override
    def WaitForInstanceStart(self, request: pb.GetInstanceRequest, context: Any) -> pb.GetInstanceResponse:
        """Return once the instance is no longer pending; aborts when the caller's deadline passes."""
        return self._wait(request, context, lambda instance: instance.status != pb.ORCHESTRATION_STATUS_PENDING)

    @override
    def WaitForInstanceCompletion(self, request: pb.GetInstanceRequest, context: Any) -> pb.GetInstanceResponse:
        """Return once the instance has ended; aborts when the caller's deadline passes."""
        return self._wait(request, context, lambda instance: instance.status in TERMINAL)

    def _wait(
        self, request: pb.GetInstanceRequest, context: Any, predicate: Callable[[OrchestrationInstance], bool]
    ) -> pb.GetInstanceResponse:
        waiter = StateWaiter(predicate=predicate)
        with self._lock:
            instance = self._instances.get(request.instanceId)
            if instance is not None and predicate(instance):
                return self._build_instance_response(instance, request.getInputsAndOutputs)
            if sum(len(waiters) for waiters in self._state_waiters.values()) >= _WAITING_CLIENTS:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{_WAITING_CLIENTS} clients wait already.")
            self._state_waiters.setdefault(request.instanceId, []).append(waiter)
        # The callback frees the thread when the client goes away or the endpoint stops.
        if context.add_callback(waiter.event.set):
            # Without a deadline gRPC reports one thousands of years away, which is more than a lock can wait.
            waiter.event.wait(min(context.time_remaining(), threading.TIMEOUT_MAX))
        with self._lock:
            waiters = self._state_waiters.get(request.instanceId, [])
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters:
                self._state_waiters.pop(request.instanceId, None)
            if waiter.result is None:
                context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"'{request.instanceId}' did not get there in time.")
                return pb.GetInstanceResponse(exists=False)
            return self._build_instance_response(waiter.result, request.getInputsAndOutputs)

    @override
    def GetWorkItems(self, request: pb.GetWorkItemsRequest, context: Any) -> Any:
        """Refused: a second worker would take work away from the app."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Work is executed by the Functions host itself.")

    @override
    def start(self) -> str:
        """Open the gRPC endpoint on a free loopback port and return its address, `127.0.0.1:port`."""
        unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        threads = _WAITING_CLIENTS + _OTHER_CLIENTS
        pool = futures.ThreadPoolExecutor(max_workers=threads, thread_name_prefix="durable-client")
        self._server = grpc.server(pool, options=unlimited)
        register: Callable[[Any, Any], None] = stubs.add_TaskHubSidecarServiceServicer_to_server
        register(self, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return f"127.0.0.1:{port}"


def _raised_by(complete: Callable[[], object]) -> Exception | None:
    try:
        complete()
    except Exception as error:  # noqa: BLE001 - an outcome that the backend cannot digest must not take others with it
        return error
    return None


def _is_ready(instance: Instance) -> bool:
    if not instance.pending_events or instance.status in TERMINAL:
        return False
    return instance.start_at is None or instance.start_at <= datetime.now(UTC)
