"""Entities and their locks: durabletask's in-memory rules, corrected.

Who holds the lock of an entity is the only one whose operations it does; the others' wait, in their order. A reply or a
lock reaches the execution that asked for it and no later one of that id, and nothing is kept for one that has ended.
The module knows neither who executes the work nor how clients reach it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, override

import durabletask.internal.helpers as helpers
import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.entities import EntityInstanceId
from durabletask.testing.in_memory_backend import EntityState, OrchestrationInstance, PendingLockRequest

from arcway_local.functions.lifecycle import TERMINAL, Lifecycle
from arcway_local.functions.records import EntityWork, Instance, Link


@dataclass(frozen=True)
class Holder:
    """Who asked for a lock, and of which entities."""

    link: Link
    entities: tuple[str, ...]


class Entities(Lifecycle):
    """The entities of a task hub."""

    def __init__(self, orchestrators: Mapping[str, str], default_version: str | None = None) -> None:
        super().__init__(orchestrators, default_version)
        self._operations: dict[str, list[pb.OperationInfo]] = {}
        self._holders: dict[str, Holder] = {}

    def take_entity(self) -> EntityWork | None:
        """The next batch of entity operations to be done, None if there is none."""
        with self._lock:
            while self._entity_queue:
                entity_id = self._entity_queue.popleft()
                self._entity_queue_set.discard(entity_id)
                entity = self._entities.get(entity_id)
                if entity is None or entity_id in self._entity_in_flight or not self._admit(entity):
                    continue
                self._entity_in_flight.add(entity_id)
                token = str(entity.completion_token)
                request, self._operations[token] = helpers.convert_to_entity_batch_request(
                    pb.EntityRequest(
                        instanceId=entity_id,
                        entityState=helpers.get_string_value(entity.serialized_state or None),
                        operationRequests=entity.dispatched_operations,
                    )
                )
                return EntityWork(EntityInstanceId.parse(entity_id).entity, token, request)
            return None

    def _admit(self, entity: EntityState) -> bool:
        """Dispatch what may be done now: everything, or what the lock's holder asks for; whether there is any."""
        holder = None if entity.locked_by is None else self._holders.get(entity.locked_by)
        waiting = []
        for event in entity.pending_operations:
            if entity.locked_by is None or (holder and _is_of(holder, event)):
                entity.dispatched_operations.append(event)
            else:
                waiting.append(event)
        entity.pending_operations = waiting
        return bool(entity.dispatched_operations)

    @override
    def CompleteEntityTask(self, request: pb.EntityBatchResult, context: Any) -> pb.CompleteTaskResponse:
        """Commit one batch of entity operations; an unknown token is ignored (committed before)."""
        with self._lock:
            operations = self._operations.pop(request.completionToken, [])
            # The backend would hand replies to whatever has the id by now.
            del request.operationInfos[:]
            reply = super().CompleteEntityTask(request, context)
            for operation, result in zip(operations, request.results, strict=False):
                self._reply(operation, result)
            return reply

    def _reply(self, operation: pb.OperationInfo, result: pb.OperationResult) -> None:
        to = operation.responseDestination
        if not to.instanceId or not (result.HasField("success") or result.HasField("failure")):
            return
        event = pb.HistoryEvent(eventId=-1)
        if result.HasField("success"):
            event.entityOperationCompleted.requestId = operation.requestId
            event.entityOperationCompleted.output.CopyFrom(result.success.result)
        else:
            event.entityOperationFailed.requestId = operation.requestId
            event.entityOperationFailed.failureDetails.CopyFrom(result.failure.failureDetails)
        self.deliver(Link(to.instanceId, to.executionId.value, 0), event)

    @override
    def _process_send_entity_message_action(
        self, instance: OrchestrationInstance, action: pb.OrchestratorAction
    ) -> None:
        message, execution = action.sendEntityMessage, cast(Instance, instance).execution_id
        if message.HasField("entityOperationCalled"):
            message.entityOperationCalled.parentExecutionId.value = execution
        elif message.HasField("entityLockRequested"):
            lock_request = message.entityLockRequested
            link = Link(instance.instance_id, execution, action.id)
            self._holders[lock_request.criticalSectionId] = Holder(link, tuple(lock_request.lockSet))
        super()._process_send_entity_message_action(instance, action)
        if message.HasField("entityUnlockSent"):
            self._unlocked(message.entityUnlockSent.criticalSectionId, message.entityUnlockSent.targetInstanceId.value)

    def _unlocked(self, section: str, entity_id: str) -> None:
        """Continue what waited for the lock of that entity."""
        entity = self._entities.get(entity_id)
        if entity is not None and entity.locked_by is None and entity.pending_operations:
            self._enqueue_entity(entity_id)
        holder = self._holders.get(section)
        locked_entities = (self._entities.get(name) for name in holder.entities) if holder else ()
        if not any(entity is not None and entity.locked_by == section for entity in locked_entities):
            self._holders.pop(section, None)

    @override
    def _grant_lock(self, pending: PendingLockRequest) -> None:
        holder = self._holders.get(pending.critical_section_id)
        if holder is None or not self._is_alive(holder.link):
            self._holders.pop(pending.critical_section_id, None)
            return
        for entity_id in pending.lock_set:
            entity = self._entities.get(entity_id)
            if entity is None:
                entity = self._entities[entity_id] = EntityState(
                    entity_id, completion_token=self._next_completion_token
                )
                self._next_completion_token += 1
            entity.locked_by = pending.critical_section_id
        event = pb.HistoryEvent(eventId=-1)
        event.entityLockGranted.criticalSectionId = pending.critical_section_id
        self.deliver(holder.link, event)

    def _is_alive(self, link: Link) -> bool:
        instance = self._instance(link.instance_id)
        return instance is not None and instance.execution_id == link.execution_id and instance.status not in TERMINAL

    @override
    def GetEntity(self, request: pb.GetEntityRequest, context: Any) -> pb.GetEntityResponse:
        """An entity without state does not exist, as in the durable extension."""
        with self._lock:
            entity = self._entities.get(request.instanceId)
            if entity is None or entity.serialized_state is None:
                return pb.GetEntityResponse(exists=False)
            return super().GetEntity(request, context)

    @override
    def CleanEntityStorage(self, request: pb.CleanEntityStorageRequest, context: Any) -> pb.CleanEntityStorageResponse:
        """Remove entities that are nothing any more, and release locks whose holders have ended."""
        with self._lock:
            reply = pb.CleanEntityStorageResponse()
            if request.releaseOrphanedLocks:
                reply.orphanedLocksReleased = self._release_orphans()
            for entity in list(self._entities.values()) if request.removeEmptyEntities else ():
                if not (entity.serialized_state or entity.pending_operations or entity.dispatched_operations) and (
                    entity.locked_by is None
                ):
                    del self._entities[entity.instance_id]
                    reply.emptyEntitiesRemoved += 1
            return reply

    def _release_orphans(self) -> int:
        released = 0
        for entity in list(self._entities.values()):
            holder = None if entity.locked_by is None else self._holders.get(entity.locked_by)
            if entity.locked_by is None or (holder is not None and self._is_alive(holder.link)):
                continue
            section, entity.locked_by = entity.locked_by, None
            released += 1
            self._unlocked(section, entity.instance_id)
        grant: Any = self._try_grant_pending_locks
        grant()
        return released


def _is_of(holder: Holder, event: pb.HistoryEvent) -> bool:
    """Whether the holder itself asks for the operation."""
    called = event.entityOperationCalled
    is_his = called.parentInstanceId.value == holder.link.instance_id
    # Journals of before this was kept have no execution.
    return is_his and called.parentExecutionId.value in ("", holder.link.execution_id)
