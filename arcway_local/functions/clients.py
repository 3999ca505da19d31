"""What clients may ask of a task hub, and what it refuses: one precondition per call, as the durable extension has it.

Source: azure-functions-durable-extension, TaskHubGrpcServer.cs and DurableClient.cs. The module does not know how work
is executed, nor HTTP.
"""

from datetime import UTC, datetime
from typing import Any, cast, override

import durabletask.internal.helpers as helpers
import durabletask.internal.orchestrator_service_pb2 as pb
import grpc

from arcway_local.functions.creation_order import Place
from arcway_local.functions.entities import Entities
from arcway_local.functions.lifecycle import TERMINAL
from arcway_local.functions.records import Instance, stamp

STATUS_NAMES: dict[int, str] = {
    pb.ORCHESTRATION_STATUS_RUNNING: "Running",
    pb.ORCHESTRATION_STATUS_COMPLETED: "Completed",
    pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW: "ContinuedAsNew",
    pb.ORCHESTRATION_STATUS_FAILED: "Failed",
    pb.ORCHESTRATION_STATUS_CANCELED: "Canceled",
    pb.ORCHESTRATION_STATUS_TERMINATED: "Terminated",
    pb.ORCHESTRATION_STATUS_PENDING: "Pending",
    pb.ORCHESTRATION_STATUS_SUSPENDED: "Suspended",
}
_SEPARATOR = "|"


class Clients(Entities):
    """The calls of clients. Each aborts with NOT_FOUND for an unknown id, FAILED_PRECONDITION in a wrong state."""

    @override
    def RaiseEvent(self, request: pb.RaiseEventRequest, context: Any) -> pb.RaiseEventResponse:
        """Send an event to an instance that has not ended."""
        with self._lock:
            instance = self._wanted(request.instanceId, context)
            if instance.status in TERMINAL:
                message = "The orchestration instance with the provided instance id is not running."
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, message)
            return super().RaiseEvent(request, context)

    @override
    def TerminateInstance(self, request: pb.TerminateRequest, context: Any) -> pb.TerminateResponse:
        """End an instance that has not ended; one that waits for its start never runs."""
        with self._lock:
            instance = self._wanted(request.instanceId, context, "ArgumentException: ")
            if instance.status in TERMINAL:
                context.abort(
                    grpc.StatusCode.FAILED_PRECONDITION, f"InvalidOperationException: {_in('terminate', instance)}"
                )
            if instance.start_at is not None and not instance.history and not instance.dispatched_events:
                self._end_before_start(instance, request.output.value if request.HasField("output") else None)
                return pb.TerminateResponse()
            return super().TerminateInstance(request, context)

    def _end_before_start(self, instance: Instance, output: str | None) -> None:
        instance.status, instance.output = pb.ORCHESTRATION_STATUS_TERMINATED, output
        instance.completed_at = instance.last_updated_at = datetime.now(UTC)
        instance.history = [
            helpers.new_terminated_event(encoded_output=output),
            helpers.new_execution_completed_event(instance.status, output, None),
        ]
        stamp(reversed(instance.history))
        instance.pending_events = []
        self._notify_waiters(instance.instance_id)
        self._report_end(instance)

    @override
    def SuspendInstance(self, request: pb.SuspendRequest, context: Any) -> pb.SuspendResponse:
        """Suspend an instance in progress."""
        with self._lock:
            instance = self._wanted(request.instanceId, context)
            if instance.status in TERMINAL or _is_suspended(instance):
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, _in("suspend", instance))
            return super().SuspendInstance(request, context)

    @override
    def ResumeInstance(self, request: pb.ResumeRequest, context: Any) -> pb.ResumeResponse:
        """Resume a suspended instance."""
        with self._lock:
            instance = self._wanted(request.instanceId, context)
            if instance.status in TERMINAL or not _is_suspended(instance):
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, _in("resume", instance))
            return super().ResumeInstance(request, context)

    def _wanted(self, instance_id: str, context: Any, kind: str = "") -> Instance:
        instance = self._instance(instance_id)
        if instance is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{kind}No instance with ID '{instance_id}' was found.")
        return cast(Instance, instance)

    @override
    def QueryInstances(self, request: pb.QueryInstancesRequest, context: Any) -> pb.QueryInstancesResponse:
        """Instances by creation time, a page at a time; the next page begins after the last one shown.

        Instances that come or go, or no longer fit, between two pages move none past its reader. Inputs, outputs and
        failures are shown only on request; a custom status always is, as in the extension.
        """
        query = request.query
        last_place, limit = _after(query, context), query.maxInstanceCount
        start = query.createdTimeFrom.ToDatetime(UTC) if query.HasField("createdTimeFrom") else None
        end = query.createdTimeTo.ToDatetime(UTC) if query.HasField("createdTimeTo") else None
        statuses, prefix = frozenset(query.runtimeStatus), query.instanceIdPrefix.value
        reply = pb.QueryInstancesResponse()
        with self._lock:
            for place, instance in self._creation_order.since(start, last_place, self._instances):
                if end is not None and place[0] >= end:
                    break
                if (statuses and instance.status not in statuses) or not place[1].startswith(prefix):
                    continue
                if last_place is not None and 0 < limit <= len(reply.orchestrationState):
                    reply.continuationToken.value = f"{last_place[0].isoformat()}{_SEPARATOR}{last_place[1]}"
                    break
                state = self._build_instance_response(instance, query.fetchInputsAndOutputs).orchestrationState
                if not query.fetchInputsAndOutputs:
                    state.ClearField("failureDetails")
                reply.orchestrationState.append(state)
                last_place = place
        return reply


def _is_suspended(instance: Instance) -> bool:
    """Whether the instance is suspended once what has been asked of it so far is done."""
    suspended = instance.status == pb.ORCHESTRATION_STATUS_SUSPENDED
    for event in (*instance.dispatched_events, *instance.pending_events):
        if event.HasField("executionSuspended"):
            suspended = True
        elif event.HasField("executionResumed"):
            suspended = False
    return suspended


def _in(verb: str, instance: Instance) -> str:
    suspended = instance.status not in TERMINAL and _is_suspended(instance)
    status = "Suspended" if suspended else STATUS_NAMES[instance.status]
    return f"Cannot {verb} the orchestration instance {instance.instance_id} because instance is in the {status} state."


def _after(query: pb.InstanceQuery, context: Any) -> Place | None:
    token = query.continuationToken.value
    if not token:
        return None
    moment, _, key = token.partition(_SEPARATOR)
    try:
        return datetime.fromisoformat(moment), key
    except ValueError:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The continuation token is not one of this task hub.")
        return None
