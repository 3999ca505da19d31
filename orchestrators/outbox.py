"""The events of a run that wait to be published, in order.

What repeating cannot fix is dropped and remembered, so that it neither holds up the run nor the events behind it.
"""

from collections.abc import Callable, Generator
from typing import Any

from arcway.domain.events import EventKind, run_event
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover
from durabletask.task import Task

type Work[T] = Generator[Task[Any], Any, T]

_STATES = {"accepted": "Accepted", "succeeded": "Succeeded", "failed": "Failed", "canceled": "Canceled"}


class Outbox:
    """The events of one run. `source` names the service in events; None where there is no broker."""

    def __init__(self, source: str | None, trace: str | None) -> None:
        self.source = source
        self.lost: list[Json] = []
        """What could not be published and never will be, as leftovers."""
        self._trace = trace
        self._waiting: list[Json] = []
        self._is_due = False

    def add(self, kind: EventKind, run: Json, time: str, phase: Json | None) -> None:
        """Put an event about the run as it is now behind those that wait."""
        if self.source is None:
            return
        at_that_time = {**run, "state": _STATES.get(kind, "Running")}
        event = run_event(kind, at_that_time, source=self.source, number=1, time=time, trace=self._trace, phase=phase)
        self._waiting.append(event)

    def send(self, publish: Callable[[list[Json]], Work[Json | None]]) -> Work[Json | None]:
        """Publish what waits; returns the error for which it has to be tried again, None when nothing waits any more.

        `publish` sends events in order and returns the error that stopped it.
        """
        size = len(self._waiting)
        while self._waiting:
            batch = self._waiting[:size]
            error = yield from publish(batch)
            if error is None:
                self.confirm(batch)
            elif error["retryable"]:
                return error
            else:
                # Which of several it was is not told.
                size = 1
                if len(batch) == 1:
                    self.lost.append(_lost(batch[0], error["code"]))
                    del self._waiting[:1]
        return None

    def send_with_next_step(self) -> None:
        """Have the next step publish what waits; it is tried once."""
        self._is_due = True

    def take_along(self) -> list[Json]:
        """What the step that is about to be called is to publish before its work."""
        is_due, self._is_due = self._is_due, False
        return self._waiting[:] if is_due else []

    def confirm(self, events: list[Json]) -> None:
        """These are published: they were the first that waited."""
        del self._waiting[: len(events)]

    def give_up(self, code: str | None) -> None:
        """Drop everything that waits, because of an error, or without one on a request to cancel."""
        self.lost += [_lost(event, code) for event in self._waiting]
        self._waiting.clear()


def _lost(event: Json, code: str | None) -> Json:
    return leftover("Event", event["type"], reason="NotPublished", code=code)
