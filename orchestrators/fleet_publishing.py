"""Publishes a fleet's events beside its work: what the broker refuses is sent again later, in order."""

from collections.abc import Callable
from typing import Any

from arcway.domain.json_values import Json
from arcway.domain.steps import PUBLISH_EVENTS
from durabletask.task import Task, TaskFailedError

from orchestrators.back_off import back_off
from orchestrators.fleet_outbox import FleetOutbox

LONGEST_PAUSE = 600.0


class FleetPublishing:
    """The step that publishes, one at a time; `call` begins an activity."""

    def __init__(self, fleet: str, outbox: FleetOutbox, call: Callable[..., Task[Any]]) -> None:
        self._fleet = fleet
        self._outbox = outbox
        self._call = call
        self._events: list[Json] = []
        self._refusals = 0
        self.task: Task[Any] | None = None
        self.at = 0.0
        """When the broker may be asked again."""

    def begin(self, now: float) -> None:
        """Publish what waits, if it is time for it."""
        if self.task is None and self._outbox.waiting and now >= self.at:
            self._events = list(self._outbox.waiting)
            self.task = self._call(PUBLISH_EVENTS, events=self._events)

    def take_result(self, now: float) -> None:
        """An event that can never be sent is dropped; for the others the broker is asked again later."""
        if self.task is None or not self.task.is_complete:
            return
        task, self.task = self.task, None
        try:
            outcome: Json = task.get_result()
        except TaskFailedError:
            outcome = {"error": {"retryable": True, "retryAfterSeconds": None}}
        if "ok" in outcome or not outcome["error"]["retryable"]:
            self._outbox.published(self._events)
            self._refusals = 0
        else:
            self._refusals += 1
            self.at = now + back_off(self._fleet, PUBLISH_EVENTS.name, self._refusals, outcome["error"], LONGEST_PAUSE)

    def next_due(self) -> list[float]:
        """When something is to be sent again."""
        return [self.at] if self._outbox.waiting and self.task is None else []
