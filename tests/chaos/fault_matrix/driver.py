"""Runs one orchestration by hand on the journaled engine: every activity passes through the test's hands.

The engine, its journal, the orchestrator and the steps are the product's own. What is the test's: time passes at once
(a timer fires after some milliseconds, whatever it was set to), and a kill drops the work item in hand and opens the
engine again from its journal.
"""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import durabletask.internal.orchestrator_service_pb2 as pb

from activities.activity import perform_with_events
from activities.blueprint import STEPS
from activities.step import UnexpectedError
from arcway.domain.json_values import Json
from arcway.installation import Installation
from arcway_local.functions.journal import Journal
from arcway_local.functions.journaled import JournaledEngine
from arcway_local.functions.records import LOCAL, Activity, OrchestrationWork
from orchestrators.operation import run_operation
from orchestrators.versions import NEWEST

type Around = Callable[[str, Json, Callable[[], Json]], Json]

_BODIES = {step.__name__: step for step in STEPS}
_TICK = timedelta(milliseconds=15)
_LIMIT_SECONDS = 240


class Killed(Exception):
    """Raised by the test in place of a step's outcome: the process dies here."""


class _FastEngine(JournaledEngine):
    waits: list[float]

    def at(self, when: datetime, action: Callable[[], None]) -> None:
        now = datetime.now(UTC)
        self.waits.append((when - now).total_seconds())
        super().at(min(when, now + _TICK), action)


def _undisturbed(step: str, payload: Json, perform: Callable[[], Json]) -> Json:
    return perform()


class Driver:
    """One orchestration from its start to its end. `around` sees every step and decides how it goes; `versions` are
    the app's before and after a kill.
    """

    def __init__(
        self,
        installation: Installation,
        journal: Path,
        around: Around = _undisturbed,
        versions: tuple[str, str] = (str(NEWEST), str(NEWEST)),
    ) -> None:
        self._installation = installation
        self._path = journal
        self._versions = versions
        self._around = around
        self.waits: list[float] = []
        self.kills = 0
        self.given: Json = {}
        self._engine = self._open()
        self._loop = asyncio.Runner()

    def run(self, instance: str, payload: Json) -> pb.OrchestrationState:
        """Start and drive to the end."""
        self.given = payload
        request = pb.CreateInstanceRequest(instanceId=instance, name="operation")
        request.input.value = json.dumps(payload)
        self._engine.StartInstance(request, LOCAL)
        deadline = time.monotonic() + _LIMIT_SECONDS
        try:
            while time.monotonic() < deadline:
                if self._step():
                    continue
                state = self._state(instance)
                if state.orchestrationStatus in (
                    pb.ORCHESTRATION_STATUS_COMPLETED,
                    pb.ORCHESTRATION_STATUS_FAILED,
                ):
                    return state
                time.sleep(0.002)
            raise AssertionError(f"no end after {_LIMIT_SECONDS} s: {self._state(instance).customStatus.value}")
        finally:
            self._engine.stop()
            self._loop.close()

    def raise_event(self, instance: str, name: str) -> None:
        """Send an external event."""
        self._engine.RaiseEvent(pb.RaiseEventRequest(instanceId=instance, name=name), LOCAL)

    def _open(self) -> _FastEngine:
        engine = _FastEngine({"operation": "operation"}, self._versions[min(self.kills, 1)], Journal(self._path))
        engine.waits = self.waits
        engine.resume()
        return engine

    def _state(self, instance: str) -> pb.OrchestrationState:
        request_body = pb.GetInstanceRequest(instanceId=instance, getInputsAndOutputs=True)
        return self._engine.GetInstance(request_body, LOCAL).orchestrationState

    def _step(self) -> bool:
        if work := self._engine.take_orchestration():
            self._engine.CompleteOrchestratorTask(self._replay(work), LOCAL)
            return True
        if task := self._engine.take_activity():
            try:
                response = self._perform(task)
            except Killed:
                self.kills += 1
                self._engine.stop()
                self._engine = self._open()
            else:
                self._engine.CompleteActivityTask(response, LOCAL)
            return True
        return False

    def _perform(self, task: Activity) -> pb.ActivityResponse:
        payload = json.loads(task.input or "null")
        response = pb.ActivityResponse(completionToken=task.token)
        try:
            outcome = self._around(task.name, payload, lambda: self._act(task.name, payload))
        except UnexpectedError as error:
            response.failureDetails.CopyFrom(
                pb.TaskFailureDetails(errorType="UnexpectedError", errorMessage=str(error))
            )
        else:
            response.result.value = json.dumps(outcome)
        return response

    def _act(self, name: str, payload: Json) -> Json:
        return perform_with_events(_BODIES[name], payload, self._installation)

    def _replay(self, work: OrchestrationWork) -> pb.OrchestratorResponse:
        handle = run_operation._function.get_user_function()
        body = base64.b64encode(work.request.SerializeToString()).decode()
        encoded = self._loop.run(handle(SimpleNamespace(body=body)))
        response = pb.OrchestratorResponse()
        response.ParseFromString(base64.b64decode(encoded))
        response.completionToken = work.token
        return response
