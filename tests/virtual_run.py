"""Drives the orchestrator through a whole run in virtual time: no engine, no steps, no waiting.

The history is made as Durable's engines make it, and every replay starts from its beginning. A test says what each step
answers; timers fire at once and the clock stands where they were set to.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]

from arcway.domain.json_values import Json
from arcway.domain.request import parse_request
from arcway.domain.steps import PUBLISH_EVENTS
from orchestrators.operation import run_operation
from orchestrators.versions import NEWEST

type Answers = Callable[[str, Json], Json]

INSTANCE = "cluster-0123456789abcdef0123456789"
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_REPLAYS = 5000


class StepRaised(Exception):
    """Raised by a test in place of an outcome: the step failed in a way that it has no name for."""


class VirtualRun:
    """One run of `body` as a request; `answers` gives the outcome of each step by its name and input."""

    def __init__(self, body: Json, answers: Answers, *, source: str | None = None, **payload: Any) -> None:
        request = parse_request(body)
        self.payload = {
            "runId": "0123456789ab",
            "operation": request.operation,
            "requestKey": "key",
            "keys": [],
            "request": request.as_json(),
            "createdAt": "2026-01-01T00:00:00.000Z",
            "correlationId": "virtual",
            "source": source,
            "traceparent": None,
            **payload,
        }
        self.now = _BEGIN
        self.steps: list[str] = []
        self.status: Json = {}
        self._answers = answers
        self._past: list[pb.HistoryEvent] = []
        self._new: list[pb.HistoryEvent] = []
        self._timers: dict[int, datetime] = {}
        self._events: list[pb.HistoryEvent] = []

    @property
    def elapsed(self) -> timedelta:
        """How long the run has taken so far."""
        return self.now - _BEGIN

    def cancel(self, run: str | None = None) -> None:
        """Ask to cancel, as a trigger does: seen at the next replay."""
        request_body = {"run": run or f"{INSTANCE}.0123456789ab", "by": {"name": "tester", "objectId": None}}
        event = pb.HistoryEvent(eventId=-1)
        event.eventRaised.name = "cancel"
        event.eventRaised.input.value = json.dumps(request_body)
        self._events.append(event)

    def finish(self) -> Json:
        """Drive to the end and return the run's last status. Raises AssertionError when there is no end."""
        started = pb.HistoryEvent(eventId=-1)
        started.executionStarted.name = "operation"
        started.executionStarted.input.value = json.dumps(self.payload)
        started.executionStarted.version.value = str(NEWEST)
        started.executionStarted.orchestrationInstance.instanceId = INSTANCE
        self._new = [self._orchestrator_started(), started]
        for _ in range(_MOST_REPLAYS):
            response = self._replay()
            self._past += self._new
            self._new = []
            if response.customStatus.value:
                self.status = json.loads(response.customStatus.value)
            completions = [action for action in response.actions if action.HasField("completeOrchestration")]
            if completions:
                return self.status
            self._act(list(response.actions))
        raise AssertionError(f"no end: {self.status}")

    def _act(self, actions: list[pb.OrchestratorAction]) -> None:
        outcomes = []
        for action in actions:
            event = pb.HistoryEvent(eventId=action.id)
            if action.HasField("scheduleTask"):
                event.taskScheduled.name = action.scheduleTask.name
                outcomes.append(self._outcome(action))
            elif action.HasField("createTimer"):
                event.timerCreated.fireAt.CopyFrom(action.createTimer.fireAt)
                self._timers[action.id] = action.createTimer.fireAt.ToDatetime(UTC)
            else:
                continue
            self._past.append(event)
        arrived = outcomes + self._events
        self._events = []
        if not arrived:
            arrived = [self._next_timer()]
        self._new = [self._orchestrator_started(), *arrived]

    def _outcome(self, action: pb.OrchestratorAction) -> pb.HistoryEvent:
        name, fields = action.scheduleTask.name, json.loads(action.scheduleTask.input.value)
        event = pb.HistoryEvent(eventId=-1)
        published = self._published(fields) if name != PUBLISH_EVENTS.name and fields.get("events") else {}
        self.steps.append(name)
        try:
            outcome = self._answers(name, fields)
            outcome = {**outcome, **published} if published else outcome
        except StepRaised as error:
            event.taskFailed.taskScheduledId = action.id
            event.taskFailed.failureDetails.errorType = "UnexpectedError"
            event.taskFailed.failureDetails.errorMessage = str(error)
        else:
            event.taskCompleted.taskScheduledId = action.id
            event.taskCompleted.result.value = json.dumps(outcome)
        return event

    def _published(self, fields: Json) -> Json:
        """What the activity says of the events that it publishes before its own work."""
        self.steps.append(PUBLISH_EVENTS.name)
        try:
            return {"published": {**self._answers(PUBLISH_EVENTS.name, fields), "seconds": 0.0}}
        except StepRaised:
            return {}

    def _next_timer(self) -> pb.HistoryEvent:
        timer = min(self._timers, key=lambda timer: self._timers[timer])
        fire_at = self._timers.pop(timer)
        self.now = max(self.now, fire_at)
        event = pb.HistoryEvent(eventId=-1)
        event.timerFired.timerId = timer
        event.timerFired.fireAt.FromDatetime(fire_at)
        return event

    def _orchestrator_started(self) -> pb.HistoryEvent:
        event = pb.HistoryEvent(eventId=-1, orchestratorStarted=pb.OrchestratorStartedEvent())
        stamp = Timestamp()
        stamp.FromDatetime(self.now)
        event.timestamp.CopyFrom(stamp)
        return event

    def _replay(self) -> pb.OrchestratorResponse:
        request = pb.OrchestratorRequest(instanceId=INSTANCE, pastEvents=self._past, newEvents=self._new)
        handle = run_operation._function.get_user_function()
        body = base64.b64encode(request.SerializeToString()).decode()
        response = pb.OrchestratorResponse()
        response.ParseFromString(base64.b64decode(asyncio.run(handle(SimpleNamespace(body=body)))))
        return response
