"""Moves work from the engine to the app and the outcome back, within the limits of host.json.

Everything runs on one event loop. It knows which function stands for a durable name, and how requests and results are
encoded for the worker library; it takes no decision about an orchestration.
"""

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
from google.protobuf import wrappers_pb2  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from arcway_local.functions.engine import Engine
from arcway_local.functions.errors import JournalError
from arcway_local.functions.lifecycle import TERMINAL
from arcway_local.functions.protos import TypedData
from arcway_local.functions.records import LOCAL, Activity, EntityWork, OrchestrationWork, failed_response, failure
from arcway_local.functions.second_worker import SecondWorker
from arcway_local.functions.settings import Concurrency
from arcway_local.functions.traces import activity_span, orchestration_span, texts
from arcway_local.functions.worker import Function, InvocationError, Worker

_log = logging.getLogger(__name__)

ORCHESTRATION, ACTIVITY, ENTITY = "orchestrationTrigger", "activityTrigger", "entityTrigger"
_NAME_PROPERTY = {ORCHESTRATION: "orchestration", ACTIVITY: "activity", ENTITY: "entityName"}


def durable_name(function: Function) -> str:
    """The name under which orchestrations know `function`: the one given in its trigger, else its own."""
    return str(function.trigger.get(_NAME_PROPERTY[function.trigger_type]) or function.name)


def durable_functions(functions: Iterable[Function], trigger_type: str) -> dict[str, Function]:
    """The functions with that trigger by durable name in lower case: names are not case-sensitive."""
    return {durable_name(function).lower(): function for function in functions if function.trigger_type == trigger_type}


@dataclass
class _Lane:
    """One kind of work: how to take it, how to do it, and how much of it runs at once."""

    take: Callable[[], Any]
    execute: Callable[[Any], Coroutine[Any, Any, None]]
    limit: int
    running: int = 0


class Dispatcher:
    """Executes durable work until it is stopped; activities in the second worker, if there is one."""

    def __init__(self, engine: Engine, worker: Worker, limits: Concurrency, second: SecondWorker | None = None) -> None:
        self._engine = engine
        self._workers: Mapping[str, Worker | SecondWorker] = {
            ORCHESTRATION: worker,
            ENTITY: worker,
            ACTIVITY: second or worker,
        }
        self._functions: Mapping[str, Mapping[str, Function]] = {
            kind: durable_functions(worker.functions, kind) for kind in _NAME_PROPERTY
        }
        self._lanes = (
            _Lane(engine.take_orchestration, self._orchestrate, limits.orchestrators),
            _Lane(engine.take_activity, self._act, limits.activities),
            _Lane(engine.take_entity, self._operate, limits.entities),
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._outcomes: list[tuple[Callable[[], object], asyncio.Future[None]]] = []
        self._woken = False
        self._stopped = False
        engine.on_work(self._wake)

    def _wake(self) -> None:
        # Called from any thread. A wake-up that is already on its way will see this work too.
        if not self._woken and not self._stopped:
            self._woken = True
            self._loop.call_soon_threadsafe(self._pull)

    def _pull(self) -> None:
        self._woken = False
        try:
            for lane in self._lanes:
                while not self._stopped and lane.running < lane.limit and (work := lane.take()) is not None:
                    lane.running += 1
                    task = self._loop.create_task(lane.execute(work))
                    self._tasks.add(task)
                    task.add_done_callback(partial(self._finished, lane))
        except JournalError:
            # The engine has reported it to the host, which is about to end.
            self._stopped = True

    def _finished(self, lane: _Lane, task: asyncio.Task[None]) -> None:
        lane.running -= 1
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, JournalError):
            # What was done is not recorded, and will be done again by the next host.
            self._stopped = True
        elif error is not None:
            _log.error("Durable work was lost: %s", error, exc_info=error)
        self._pull()

    async def stop(self, grace: float) -> None:
        """Take no more work; give what runs `grace` seconds, then cancel it."""
        self._stopped = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()

    async def _orchestrate(self, work: OrchestrationWork) -> None:
        instance_id = work.request.instanceId
        try:
            data = TypedData(string=_encode(work.request))
            encoded = await self._invoke(ORCHESTRATION, work.name, data, work.contexts[1])
            response = _decode(encoded, pb.OrchestratorResponse)
        except InvocationError as error:
            _log.error("Orchestrator %s (%s) failed: %s\n%s", work.name, instance_id, error, error.stack_trace)
            details = failure(error.message, error.stack_trace)
            response = failed_response(instance_id, work.token, details)
        response.instanceId, response.completionToken = instance_id, work.token
        await self._settle(partial(self._engine.CompleteOrchestratorTask, response, LOCAL))
        for action in response.actions:
            ended = action.completeOrchestration
            if ended.orchestrationStatus in TERMINAL:
                orchestration_span(work.name, instance_id, work.began, ended, work.contexts)

    async def _act(self, work: Activity) -> None:
        response = pb.ActivityResponse(instanceId=work.instance_id, taskId=work.task_id, completionToken=work.token)
        try:
            data = TypedData(json="null" if work.input is None else work.input)
            with activity_span(work.name, work.instance_id, work.task_id, work.trace) as trace:
                result = await self._invoke(ACTIVITY, work.name, data, trace)
            if result is not None:
                response.result.CopyFrom(wrappers_pb2.StringValue(value=result))
        except InvocationError as error:
            _log.warning("Activity %s (%s) failed: %s", work.name, work.instance_id, error)
            response.failureDetails.CopyFrom(failure(error.message, error.stack_trace))
        await self._settle(partial(self._engine.CompleteActivityTask, response, LOCAL))

    async def _operate(self, work: EntityWork) -> None:
        try:
            encoded = await self._invoke(ENTITY, work.name, TypedData(string=_encode(work.request)))
            result = _decode(encoded, pb.EntityBatchResult)
        except InvocationError as error:
            _log.error("Entity %s failed: %s\n%s", work.request.instanceId, error, error.stack_trace)
            details = pb.OperationResultFailure(failureDetails=failure(error.message, error.stack_trace))
            result = pb.EntityBatchResult(
                results=[pb.OperationResult(failure=details) for _ in work.request.operations],
                entityState=work.request.entityState,
            )
        result.completionToken = work.token
        await self._settle(partial(self._engine.CompleteEntityTask, result, LOCAL))

    async def _settle(self, complete: Callable[[], object]) -> None:
        """Give an outcome back together with all others of this turn of the loop; returns when it is committed."""
        if not self._outcomes:
            self._loop.call_soon(self._commit)
        settled: asyncio.Future[None] = self._loop.create_future()
        self._outcomes.append((complete, settled))
        await settled

    def _commit(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        raised: Sequence[Exception | None]
        try:
            raised = self._engine.commit_together([complete for complete, _ in outcomes])
        except JournalError as error:
            raised = [error] * len(outcomes)
        for (_, settled), problem in zip(outcomes, raised, strict=True):
            if settled.done():
                continue
            if problem is None:
                settled.set_result(None)
            else:
                settled.set_exception(problem)

    async def _invoke(self, kind: str, name: str, data: TypedData, trace: pb.TraceContext | None = None) -> str | None:
        function = self._functions[kind].get(name.lower())
        if function is None:
            trigger = {ORCHESTRATION: "an orchestrator", ACTIVITY: "an activity", ENTITY: "an entity"}[kind]
            raise InvocationError(
                f"FunctionNotFound: The function '{name}' doesn't exist, is disabled, or is not {trigger} function.",
                "",
            )
        value = await self._workers[kind].invoke(function, data, trace=texts(trace))
        return None if value is None else value.text()


def _encode(message: pb.OrchestratorRequest | pb.EntityBatchRequest) -> str:
    return base64.b64encode(message.SerializeToString()).decode()


def _decode[T: (pb.OrchestratorResponse, pb.EntityBatchResult)](encoded: str | None, kind: type[T]) -> T:
    message = kind()
    try:
        message.ParseFromString(base64.b64decode(encoded or "", validate=True))
    except (binascii.Error, DecodeError) as error:
        raise InvocationError(f"{type(error).__name__}: The function's answer cannot be read: {error}", "") from error
    return message
