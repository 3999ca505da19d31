"""The engine with a journal: nothing is acknowledged, shown or handed out before it is written.

Every call that changes the engine holds its lock; when the lock is left, the differences are written as one
transaction, and only then does anyone else see them. An engine that cannot write refuses everything from then on. The
module does not know what a table looks like, nor how the host ends.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, cast, override
from uuid import uuid4

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.testing.in_memory_backend import OrchestrationInstance

from arcway_local.functions.creation_order import CreationOrder
from arcway_local.functions.engine import Engine
from arcway_local.functions.errors import JournalError
from arcway_local.functions.journal import Journal
from arcway_local.functions.ledger import Ledger
from arcway_local.functions.lifecycle import TERMINAL
from arcway_local.functions.records import Activity, Instance, Link
from arcway_local.functions.recovery import DelayedSignal, Recovered, ended_children, holders, recover, unfired_timers


class CommittingLock:
    """A re-entrant lock that calls `commit` before it is freed; after a failure it cannot be taken any more."""

    def __init__(self, commit: Callable[[], None]) -> None:
        self._commit = commit
        self._lock = threading.RLock()
        self._depth = 0
        self._failure: str | None = None

    def end(self, close: Callable[[], None]) -> None:
        """Call `close` while no commit is in progress, whether or not a commit has failed."""
        with self._lock:
            close()

    def __enter__(self) -> None:
        self._lock.acquire()
        if self._failure is not None:
            self._lock.release()
            raise JournalError(self._failure)
        self._depth += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if self._depth == 1:
                self._commit()
        except JournalError as failure:
            self._failure = str(failure)
            raise
        finally:
            self._depth -= 1
            self._lock.release()


class JournaledEngine(Engine):
    """An engine that continues where the journal ends. It owns `journal` and closes it.

    Raises JournalError when the journal cannot be understood; so does every method once the journal cannot be written.
    Nothing is handed out before `resume`.
    """

    def __init__(self, orchestrators: Mapping[str, str], default_version: str | None, journal: Journal) -> None:
        ledger = Ledger()
        recovered = recover(journal, ledger)
        super().__init__(orchestrators, default_version)
        self._journal = journal
        self._ledger = ledger
        self._recovered: Recovered | None = recovered
        self._failed: Callable[[JournalError], None] = lambda _: None
        self._committing = CommittingLock(self._commit)
        self._lock = cast("threading.RLock", self._committing)
        self._instances = ledger.instances
        self._creation_order = CreationOrder(ledger.instances.values())
        self._entities = ledger.entities
        self._pending_lock_requests = recovered.lock_requests
        self._holders = holders(ledger.instances.values())
        for keeper in (ledger.instances, ledger.entities):
            for instance in keeper.values():
                instance.completion_token = self._next_completion_token
                self._next_completion_token += 1

    def on_failure(self, listener: Callable[[JournalError], None]) -> None:
        """Call `listener`, from any thread and with the engine locked, when the journal cannot be written."""
        self._failed = listener

    def resume(self) -> None:
        """Hand out again what was not finished, and wait again for what was waited for; overdue timers fire at once."""
        with self._lock:
            recovered, self._recovered = self._recovered, None
            if recovered is None:
                return
            for instance in list(self._instances.values()):
                self._resume_instance(cast(Instance, instance))
            self._resume_families()
            self._activity_queue.extend(recovered.activities)
            for entity in self._entities.values():
                if entity.pending_operations:
                    self._enqueue_entity(entity.instance_id)
            for signal in recovered.signals:
                self._await_signal(signal)
            grant: Callable[[], None] = self._try_grant_pending_locks
            grant()
            self._work_available.set()

    def _resume_instance(self, instance: Instance) -> None:
        if instance.status in TERMINAL:
            return
        for task_id, due in unfired_timers(instance).items():
            self._await_timer(Link(instance.instance_id, instance.execution_id, task_id), due)
        if instance.start_at is not None and instance.start_at > datetime.now(UTC):
            self.at(instance.start_at, lambda: self._start_if_waiting(instance))
        elif instance.pending_events:
            self._enqueue_orchestration(instance.instance_id)

    def _resume_families(self) -> None:
        families: dict[str, list[Instance]] = {}
        for child in cast("list[Instance]", list(self._instances.values())):
            if child.parent is not None:
                families.setdefault(child.parent.instance_id, []).append(child)
        for parent_id, children in families.items():
            if (parent := self._instance(parent_id)) is None or parent.status in TERMINAL:
                continue
            ended = ended_children(parent)
            for child in children:
                if child.parent is None or child.parent.execution_id != parent.execution_id:
                    continue
                parent.children.add(child.instance_id)
                # Rewinding leaves it to an alarm to tell a parent of a child that had ended before.
                if child.parent.task_id not in ended:
                    self._report_end(child)

    def _commit(self) -> None:
        try:
            if changes := self._ledger.take_changes(self._pending_lock_requests):
                self._journal.write(changes)
        except JournalError as error:
            self._failed(error)
            raise
        except Exception as error:
            # The ledger now believes that unwritten rows were written.
            failure = JournalError(f"The journal {self._journal.path} cannot be written: {error!r}.")
            self._failed(failure)
            raise failure from error

    @override
    def _process_schedule_task_action(self, instance: OrchestrationInstance, action: pb.OrchestratorAction) -> None:
        super()._process_schedule_task_action(instance, action)
        self._ledger.add_activity(cast(Activity, self._activity_queue[-1]))

    @override
    def CompleteActivityTask(self, request: pb.ActivityResponse, context: Any) -> pb.CompleteTaskResponse:
        """As in the engine; the outcome is written when this returns."""
        with self._lock:
            if request.completionToken in self._activities:
                self._ledger.remove_activity(request.completionToken)
            return super().CompleteActivityTask(request, context)

    @override
    def CompleteEntityTask(self, request: pb.EntityBatchResult, context: Any) -> pb.CompleteTaskResponse:
        """As in the engine; the outcome is written when this returns."""
        with self._lock:
            # The backend looks for the entity among all of them, by token.
            self._ledger.entities.touched.update(self._entity_in_flight)
            return super().CompleteEntityTask(request, context)

    @override
    def CleanEntityStorage(self, request: pb.CleanEntityStorageRequest, context: Any) -> pb.CleanEntityStorageResponse:
        """As in the backend; what was removed is gone from the journal when this returns."""
        with self._lock:
            self._ledger.entities.touched.update(self._ledger.entities)
            return super().CleanEntityStorage(request, context)

    @override
    def _schedule_delayed_entity_operation(self, entity_id: str, event: pb.HistoryEvent, fire_at: datetime) -> None:
        signal = DelayedSignal(uuid4().hex, entity_id, fire_at, event)
        self._ledger.add_signal(signal.token, entity_id, fire_at, event)
        self._await_signal(signal)

    def _await_signal(self, signal: DelayedSignal) -> None:
        def queue() -> None:
            with self._lock:
                self._ledger.remove_signal(signal.token)
                self._queue_entity_operation(signal.entity_id, signal.event)

        self.at(signal.due, queue)

    @override
    def stop(self, grace: float | None = None) -> None:
        """As in the engine; then the journal is closed, and whatever still comes is refused with JournalError."""
        super().stop(grace)
        self._failed = lambda _: None
        self._committing.end(self._journal.close)
