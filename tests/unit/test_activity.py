"""A step publishes the events that its run has waiting before its own work, and works whatever comes of them."""

from types import SimpleNamespace
from typing import Any

import pytest

from activities.activity import perform_with_events
from activities.publish_events import publish_events
from activities.step import Call, UnexpectedError
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json

EVENTS: list[Json] = [{"id": "0123456789ab/accepted/1"}]
PAYLOAD: Json = {"id": "cluster-x.0123456789ab", "correlationId": "c", "traceparent": None}


class World:
    """What was done, in order; `broker` is what sending raises."""

    def __init__(self, broker: Exception | None = None) -> None:
        self.done: list[Any] = []
        self._broker = broker

    def send(self, events: list[Json], correlation_id: str) -> None:
        self.done.append((events, correlation_id))
        if self._broker:
            raise self._broker

    def perform(self, step: Any = None, **payload: Any) -> Json:
        def work(call: Call) -> Json:
            self.done.append("work")
            return {"worked": True}

        installation: Any = SimpleNamespace(events=self)
        return perform_with_events(step or work, {**PAYLOAD, **payload}, installation)


def test_a_step_publishes_before_its_work() -> None:
    world = World()
    outcome = world.perform(events=EVENTS)
    assert outcome["published"].pop("seconds") >= 0
    assert outcome == {"ok": {"worked": True}, "published": {"ok": {}}}
    assert world.done == [(EVENTS, "c"), "work"]


@pytest.mark.parametrize("payload", [{}, {"events": []}])
def test_a_step_without_events_says_nothing_of_them(payload: Json) -> None:
    world = World()
    assert world.perform(**payload) == {"ok": {"worked": True}}
    assert world.done == ["work"]


def test_a_broker_that_does_not_answer_holds_up_no_work() -> None:
    world = World(ArcError(Code.EVENT_BROKER_UNREACHABLE))
    outcome = world.perform(events=EVENTS)
    assert (outcome["ok"], outcome["published"]["error"]["code"]) == ({"worked": True}, "ARC-3005")
    assert world.done[-1] == "work"


def test_an_unexpected_failure_of_publishing_confirms_nothing_and_holds_up_no_work() -> None:
    assert World(ZeroDivisionError()).perform(events=EVENTS) == {"ok": {"worked": True}}


def test_the_error_of_a_step_says_what_came_of_its_events() -> None:
    def refused(_: Call) -> Json:
        raise ArcError(Code.AZURE_THROTTLED)

    outcome = World().perform(refused, events=EVENTS)
    assert (outcome["error"]["code"], outcome["published"]["ok"]) == ("ARC-4007", {})


def test_a_step_that_fails_unexpectedly_has_published() -> None:
    def broken(_: Call) -> Json:
        raise ZeroDivisionError

    world = World()
    with pytest.raises(UnexpectedError, match="ZeroDivisionError"):
        world.perform(broken, events=EVENTS)
    assert world.done == [(EVENTS, "c")]


def test_the_step_that_publishes_does_so_once() -> None:
    world = World()
    assert world.perform(publish_events, events=EVENTS) == {"ok": {}}
    assert world.done == [(EVENTS, "c")]
