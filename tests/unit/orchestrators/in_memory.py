"""An orchestration context in memory: canned outcomes for steps, a clock that only timers move, no engine, no protobuf.

It drives a generator once, without replays: tests/virtual_run.py and tests/replay show that replays agree.
"""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from durabletask.task import CompletableTask, OrchestrationContext, Task, TaskFailedError, TimerTask

from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.request import parse_request
from arcway.domain.steps import PUBLISH_EVENTS
from orchestrators.operation import run_operation
from orchestrators.run_context import RunContext
from orchestrators.versions import NEWEST

type Outcome = Json | Exception | Callable[[Json], Json]

INSTANCE = "cluster-0123456789abcdef0123456789"
RUN = "0123456789ab"
MOST_TURNS = 1500
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
BODY: Json = {
    "subscriptionId": "11111111-2222-3333-4444-555555555555",
    "resourceGroup": "clusters",
    "name": "shop",
    "location": "eastus",
    "kubeconfig": {"secret": "arcway-kubeconfig-shop"},
}


def ok(**outcome: Any) -> Json:
    """The outcome of a step that succeeded."""
    return {"ok": outcome}


def failed(code: str = "ARC-3002", *, retryable: bool = True, retry_after: Any = None, **error: Any) -> Json:
    """The outcome of a step that failed."""
    envelope = ArcError(code, retryable=retryable).as_dict()
    return {"error": {**envelope, "retryAfterSeconds": retry_after, **error}}


class Crash(Exception):
    """Stands for an outcome: the step raised something that it has no name for."""


@dataclass(slots=True)
class StepCall:
    """One call of a step: when, and with which input."""

    step: str
    input: Json
    seconds: float


@dataclass(slots=True)
class InMemory(OrchestrationContext):
    """The context of one orchestration. `outcomes` has for each step one outcome, or a list for one call each.

    The last outcome of a list stays. A step that is not named succeeds with nothing.
    """

    outcomes: dict[str, Outcome | Sequence[Outcome]] = field(default_factory=dict)
    now: datetime = BEGIN
    started_under: str | None = str(NEWEST)
    calls: list[StepCall] = field(default_factory=list)
    statuses: list[Json] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    activities: int = 0
    """How many activities were called: each of them is a turn of the engine."""
    publishes: bool = True
    """Whether an activity publishes the events that it is given before its work."""
    timers: list[tuple[datetime, TimerTask]] = field(default_factory=list)
    _events: list[tuple[datetime, Any]] = field(default_factory=list)
    _waiting: list[CompletableTask[Any]] = field(default_factory=list)

    @property
    def steps(self) -> list[str]:
        """The names of the steps that were called."""
        return [call.step for call in self.calls]

    @property
    def status(self) -> Json:
        """The last custom status."""
        return self.statuses[-1]

    @property
    def elapsed(self) -> float:
        """Seconds since the orchestration began."""
        return (self.now - BEGIN).total_seconds()

    def inputs(self, step: str) -> list[Json]:
        """What each call of the step was given."""
        return [call.input for call in self.calls if call.step == step]

    def cancel(self, *, seconds: float = 0.0, run: str | None = f"{INSTANCE}.{RUN}", data: Any = ...) -> None:
        """Ask to cancel, in some seconds, as a trigger does."""
        request = {"run": run, "by": {"name": "tester", "objectId": "1"}} if data is ... else data
        self._events.append((self.now + timedelta(seconds=seconds), request))
        self._deliver()

    def pass_time(self, seconds: float) -> None:
        """Let a step last: the clock runs while it is at work."""
        self.now += timedelta(seconds=seconds)

    def drive[T](self, work: Generator[Task[Any], Any, T]) -> T:
        """Drive a generator to its end and return what it returns.

        Fails after `MOST_TURNS` turns, so that a wait whose limit is lost fails its test at once.
        """
        turns = 0
        try:
            task = next(work)
            while True:
                self._settle(task)
                turns += 1
                assert turns < MOST_TURNS, f"no end: {self.statuses[-1:]}"
                try:
                    result = task.get_result()
                except TaskFailedError as failure:
                    task = work.throw(failure)
                else:
                    task = work.send(result)
        except StopIteration as stop:
            value: T = stop.value
            return value

    def _settle(self, task: Task[Any]) -> None:
        while not task.is_complete:
            pending = [timer for timer in self.timers if not timer[1].is_complete]
            moments = [moment for moment, _ in [*pending, *self._events]]
            assert moments, f"no end: {self.statuses[-1:]}"
            self.now = max(self.now, min(moments))
            self._deliver()
            for moment, timer in pending:
                if moment <= self.now and not timer.is_complete:
                    timer.complete(None)

    def _deliver(self) -> None:
        for event in [event for event in self._events if event[0] <= self.now]:
            if self._waiting:
                self._events.remove(event)
                self._waiting.pop(0).complete(event[1])

    # --- what orchestrators use ------------------------------------------------------------------------------------

    @property
    def instance_id(self) -> str:
        """The instance."""
        return INSTANCE

    @property
    def current_utc_datetime(self) -> datetime:
        """The virtual time."""
        return self.now

    @property
    def version(self) -> str | None:
        """The version under which the run started."""
        return self.started_under

    def set_custom_status(self, custom_status: Any) -> None:
        """Keep a copy; a status that is not JSON is refused."""
        self.statuses.append(json.loads(json.dumps(custom_status, allow_nan=False)))

    def create_timer(self, fire_at: datetime | timedelta) -> TimerTask:
        """A timer of the virtual clock."""
        assert isinstance(fire_at, datetime)
        timer = TimerTask()
        self.timers.append((fire_at, timer))
        self.waits.append((fire_at - self.now).total_seconds())
        return timer

    def call_activity(self, activity: Any, *, input: Any = None, **_: Any) -> CompletableTask[Any]:  # noqa: A002
        """Complete at once with the next canned outcome, that of publishing first as the activity does it."""
        self.activities += 1
        fields = json.loads(json.dumps(input))
        published = {}
        if self.publishes and activity != PUBLISH_EVENTS.name and fields.get("events"):
            began, told = self.elapsed, self._perform(PUBLISH_EVENTS.name, fields)
            seconds = self.elapsed - began
            published = {} if isinstance(told, Exception) else {"published": {**told, "seconds": seconds}}
        task: CompletableTask[Any] = CompletableTask()
        outcome = self._perform(activity, fields)
        if isinstance(outcome, Exception):
            task.fail(str(outcome), outcome)
        else:
            task.complete({**outcome, **published} if published else outcome)
        return task

    def _perform(self, step: str, fields: Json) -> Any:
        earlier = self.steps.count(step)
        self.calls.append(StepCall(step, fields, self.elapsed))
        canned = self.outcomes.get(step, {"ok": {}})
        if isinstance(canned, Sequence):
            canned = canned[min(earlier, len(canned) - 1)]
        outcome = canned(fields) if callable(canned) else canned
        return outcome if isinstance(outcome, Exception) else json.loads(json.dumps(outcome))

    def wait_for_external_event(self, name: str, **_: Any) -> CompletableTask[Any]:  # type: ignore[override]
        """The next request to cancel."""
        assert name == "cancel"
        task: CompletableTask[Any] = CompletableTask()
        self._waiting.append(task)
        self._deliver()
        return task

    # --- what they do not use --------------------------------------------------------------------------------------

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise AssertionError("orchestrators do not use this")

    parent_instance_id = property(_refuse)
    is_replaying = False
    """For log lines only: a run that decided by it would not replay (tests/replay)."""
    call_entity = signal_entity = lock_entities = call_sub_orchestrator = send_event = _refuse
    continue_as_new = new_uuid = _exit_critical_section = _refuse


def stamp(seconds: float) -> str:
    """So many seconds after the begin, as statuses and inputs say it."""
    return (BEGIN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def payload(source: str | None = None, **body: Any) -> Json:
    """What a run is started with: a connect, or what `body` changes about it."""
    plain = BODY if body.get("operation", "onboard") == "onboard" else {**BODY, "location": None}
    named = {name: value for name, value in {**plain, **body}.items() if value is not None}
    request = parse_request(named)
    return {
        "runId": RUN,
        "operation": request.operation,
        "request": request.as_json(),
        "createdAt": "2026-01-01T00:00:00.000Z",
        "correlationId": "correlation",
        "source": source,
        "traceparent": None,
        "startedBy": {"name": "starter", "objectId": "2"},
        "roles": ["Arcway.Admin"],
    }


def run_in(context: InMemory, phase: str | None = "deployAgents", **body: Any) -> RunContext:
    """A run in one of its phases."""
    run = RunContext(context, payload(**body))
    if phase:
        run.begin_phase(phase)
    return run


def orchestrate(context: InMemory, payload: Json) -> Json:
    """Drive the orchestrator function to its end and return the run. Raises what it raises."""
    handle: Any = run_operation._function.get_user_function()
    final: Json = context.drive(handle.orchestrator_function(context, payload))
    return final


def phases(context: InMemory) -> Iterator[Json]:
    """The phase in progress of each status."""
    for status in context.statuses:
        yield next(phase for phase in status["phases"] if phase["name"] == status["phase"])


_COMMON = {
    "request",
    "runId",
    "correlationId",
    "createdAt",
    "writtenAt",
    "missedAt",
    "id",
    "phase",
    "attempt",
    "traceparent",
    "startedBy",
    "roles",
}


def arguments(context: InMemory, step: str) -> list[Json]:
    """What each call of a step was given by its phase alone."""
    return [
        {key: value for key, value in step_input.items() if key not in _COMMON} for step_input in context.inputs(step)
    ]
