"""A fleet's orchestration in memory: runs that end after some seconds, reports that may be lost, many generations."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from durabletask.task import CompletableTask, Task

from arcway.domain.json_values import Json
from orchestrators.fleet import run_fleet
from tests.unit.orchestrators.in_memory import BEGIN, InMemory

FLEET = "fleet-0123456789abcdef0123456789.0123456789ab"
SUCCEEDED: Json = {"outcome": "Succeeded", "changed": True, "code": None, "phase": None}


def payload(size: int, **fields: Any) -> Json:
    """What a fleet is started with."""
    return {
        "id": FLEET,
        "run": "0123456789ab",
        "list": "0123456789ab",
        "name": "shops",
        "operation": "onboard",
        "key": "k",
        "digest": "d",
        "size": size,
        "pages": 1 + size // 100,
        "window": 5,
        "start": "all",
        "parkFor": 3600,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "correlationId": "correlation",
        "traceparent": None,
        "source": None,
        "startedBy": {"name": "starter", "objectId": "2"},
        "roles": [],
        **fields,
    }


@dataclass(slots=True)
class FleetInMemory(InMemory):
    """`report` says how the run of a member's attempt ends; None: it never does."""

    report: Callable[[int, int], Json | None] = lambda index, attempt: SUCCEEDED
    seconds: float = 60.0
    lost: Callable[[int], bool] = lambda index: False
    runs: dict[tuple[int, int], Json | None] = field(default_factory=dict)
    """Of each attempt that was started: how its run ended, None while it is in progress."""
    most_at_once: int = 0
    sent: list[tuple[str, str, Any]] = field(default_factory=list)
    generations: int = 0
    next_input: Json | None = None
    _coming: list[tuple[datetime, str, Any]] = field(default_factory=list)
    _listening: dict[str, list[CompletableTask[Any]]] = field(default_factory=dict)
    _buffered: dict[str, list[Any]] = field(default_factory=dict)

    def say(self, name: str, *, seconds: float = 0.0, number: int = 0, **fields: Any) -> None:
        """Give the fleet a command, in some seconds."""
        by = {"by": fields.pop("by", {"name": "olga", "objectId": None}), "at": "2026-01-01T00:00:00.000Z"}
        command = {"id": f"{name}-{number}", "name": name, "fleet": FLEET, **by, **fields}
        self._coming.append((BEGIN + timedelta(seconds=seconds), "command", command))

    def run(self, fleet: Json) -> Json:
        """Drive all generations of a fleet to its end and return what it returns."""
        handle: Any = run_fleet._function.get_user_function()
        next_input: Json | None = fleet
        while next_input is not None:
            self.next_input, self.timers, self._listening = None, [], {}
            self.generations += 1
            final = self.drive(handle.orchestrator_function(self, json.loads(json.dumps(next_input))))
            next_input = self.next_input
        result: Json = final
        return result

    def _settle(self, task: Task[Any]) -> None:
        while not task.is_complete:
            pending = [timer for timer in self.timers if not timer[1].is_complete]
            moments = [moment for moment, _ in pending] + [item[0] for item in self._coming]
            assert moments, f"no end: {self.statuses[-1:]}"
            self.now = max(self.now, min(moments))
            for item in sorted((item for item in self._coming if item[0] <= self.now), key=lambda item: item[0]):
                self._coming.remove(item)
                self._arrive(item[1], item[2])
            for moment, timer in pending:
                if moment <= self.now and not timer.is_complete:
                    timer.complete(None)

    def _arrive(self, name: str, data: Any) -> None:
        if name == "ended" and data is not None:
            self.runs[data["member"], data["attempt"]] = {key: data[key] for key in SUCCEEDED}
            if self.lost(data["member"]):
                return
        if waiting := self._listening.get(name):
            waiting.pop(0).complete(data)
        else:
            self._buffered.setdefault(name, []).append(data)

    def wait_for_external_event(self, name: str, **_: Any) -> CompletableTask[Any]:  # type: ignore[override]
        """The next event of the name; those that came before are kept."""
        task: CompletableTask[Any] = CompletableTask()
        if self._buffered.get(name):
            task.complete(self._buffered[name].pop(0))
        else:
            self._listening.setdefault(name, []).append(task)
        return task

    def create_timer(self, fire_at: datetime | timedelta) -> Any:
        """A timer of the virtual clock."""
        return InMemory.create_timer(self, self.now + fire_at if isinstance(fire_at, timedelta) else fire_at)

    def call_activity(self, activity: Any, *, input: Any = None, **others: Any) -> CompletableTask[Any]:  # noqa: A002
        """Starting begins runs that end later; looking tells of those that have ended."""
        if activity not in self.outcomes:
            if activity == "start_members":
                self.outcomes[activity] = lambda fields: {"ok": [self.start(*item) for item in fields["members"]]}
            elif activity == "look_at_members":
                self.outcomes[activity] = lambda fields: {"ok": [self.runs[_place(run)] for run in fields["runs"]]}
            elif activity == "check_fleet_list":
                self.outcomes[activity] = {"ok": {"missing": 0}}
        return InMemory.call_activity(self, activity, input=input, **others)

    def start(self, index: int, attempt: int) -> Json:
        """Begin the run of a member, or find the one of the same attempt."""
        if (index, attempt) not in self.runs:
            self.runs[index, attempt] = None
            self.most_at_once = max(self.most_at_once, sum(ended is None for ended in self.runs.values()))
            if report := self.report(index, attempt):
                data = {"fleet": FLEET, "member": index, "attempt": attempt, **report}
                self._coming.append((self.now + timedelta(seconds=self.seconds), "ended", data))
        return {"run": f"cluster-{index}.{attempt}", "adopted": False}

    def send_event(  # type: ignore[override]
        self, instance_id: str, event_name: str, *, data: Any = None
    ) -> None:
        """Keep what is sent; a run that is asked to cancel ends as Canceled."""
        self.sent.append((instance_id, event_name, data))
        if event_name == "cancel":
            index, attempt = _place(data["run"])
            self._coming = [item for item in self._coming if item[1] != "ended" or item[2]["member"] != index]
            report = {"outcome": "Canceled", "changed": False, "code": None, "phase": None}
            event = {"fleet": FLEET, "member": index, "attempt": attempt, **report}
            self._coming.append((self.now + timedelta(seconds=1), "ended", event))

    def continue_as_new(  # type: ignore[override]
        self, new_input: Any, *, save_events: bool = False, **_: Any
    ) -> None:
        """Keep the input of the next generation."""
        assert save_events
        self.next_input = json.loads(json.dumps(new_input))


def _place(run: str) -> tuple[int, int]:
    index, attempt = run.removeprefix("cluster-").split(".")
    return int(index), int(attempt)
