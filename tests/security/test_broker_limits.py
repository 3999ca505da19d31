"""The broker's limit of 256 KB: the local one has it as the real one does, and what can never be sent is named so."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus._pyamqp.sasl import SASLTransport
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError

from arcway.azure import events
from arcway.azure.events import EventSender
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway_local.service_bus.config import ConfigError, parse
from arcway_local.service_bus.server import ServiceBus
from tests.installations import local_installation

ENTITIES = Path(__file__).parents[2] / "arcway_local" / "entities.json"


def configuration(**properties: Any) -> Any:
    document = json.loads(ENTITIES.read_text())
    document["UserConfig"]["Namespaces"][0]["Topics"][0]["Properties"] |= properties
    return parse(document)


@pytest.fixture(autouse=True)
def closed_connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes what the client leaves open: after an error it takes a connection for closed that still has its socket,
    which the collector would find in a later test.
    """
    opened: list[Any] = []
    connect = SASLTransport.connect

    def remembering(transport: Any) -> None:
        opened.append(transport)
        connect(transport)  # type: ignore[no-untyped-call] # the SDK has no types here

    monkeypatch.setattr(SASLTransport, "connect", remembering)
    yield
    for transport in opened:
        transport.close()


@pytest.fixture
async def bus() -> AsyncIterator[ServiceBus]:
    async with ServiceBus(configuration()) as running:
        yield running


def attempt(bus: ServiceBus, size: int) -> None:
    client = ServiceBusClient.from_connection_string(bus.connection_string, retry_total=0)
    with client, client.get_topic_sender("onboarding-events") as sender:
        sender.send_messages(ServiceBusMessage(b"x" * size))


async def test_the_local_broker_takes_what_the_standard_tier_takes(bus: ServiceBus) -> None:
    await asyncio.to_thread(attempt, bus, 200_000)
    with pytest.raises(MessageSizeExceededError, match=r"262144.*amqp:link:message-size-exceeded"):
        await asyncio.to_thread(attempt, bus, 262_144)


def largest_batch(bus: ServiceBus) -> int:
    """What the attach frame says, as the SDK reads it."""
    client = ServiceBusClient.from_connection_string(bus.connection_string, retry_total=0)
    with client, client.get_topic_sender("onboarding-events") as sender:
        return sender.create_message_batch().max_size_in_bytes


async def test_a_premium_topic_takes_more() -> None:
    async with ServiceBus(configuration(MaxMessageSizeInKilobytes=1024)) as premium:
        await asyncio.to_thread(attempt, premium, 900_000)
        with pytest.raises(MessageSizeExceededError):
            await asyncio.to_thread(attempt, premium, 1_100_000)
        assert await asyncio.to_thread(largest_batch, premium) == 1024 * 1024


def schedule(bus: ServiceBus, size: int) -> None:
    client = ServiceBusClient.from_connection_string(bus.connection_string, retry_total=0)
    with client, client.get_topic_sender("onboarding-events") as sender:
        sender.schedule_messages(ServiceBusMessage(b"x" * size), datetime.now(UTC) + timedelta(hours=1))


async def test_a_scheduled_message_has_the_same_limit() -> None:
    async with ServiceBus(configuration()) as standard:
        await asyncio.to_thread(schedule, standard, 262_000)
        with pytest.raises(ServiceBusError, match="262144"):
            await asyncio.to_thread(schedule, standard, 262_145)
    async with ServiceBus(configuration(MaxMessageSizeInKilobytes=1024)) as premium:
        await asyncio.to_thread(schedule, premium, 900_000)


async def test_the_limit_is_reported_when_a_link_is_opened(bus: ServiceBus) -> None:
    assert await asyncio.to_thread(largest_batch, bus) == 256 * 1024


@pytest.mark.parametrize("value", [0, -1, True, "1024", 1.5, 200_000])
def test_a_limit_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="MaxMessageSizeInKilobytes"):
        configuration(MaxMessageSizeInKilobytes=value)


def event(number: int, **data: Any) -> dict[str, Any]:
    run = {"state": "Succeeded", "cluster": {}}
    return {"id": f"run/place/{number}", "type": "arcway.run.succeeded.v1", "data": {"run": run, **data}}


@pytest.fixture
async def sender(bus: ServiceBus) -> AsyncIterator[EventSender]:
    event_sender = local_installation(ServiceBusConnection=bus.connection_string).events
    yield event_sender
    await asyncio.to_thread(event_sender.close)


async def refused(sender: EventSender, sent: list[dict[str, Any]]) -> ArcError:
    with pytest.raises(ArcError) as caught:
        await asyncio.to_thread(sender.send, sent, "rollout-7")
    return caught.value


async def test_an_event_that_is_too_large_is_cut_and_sent(bus: ServiceBus, sender: EventSender) -> None:
    await asyncio.to_thread(sender.send, [event(1, text=["x" * 100_000] * 20)], "rollout-7")
    await asyncio.to_thread(sender.close)
    assert bus.counts()["onboarding-events/subscriptions/all"]["active"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        {**event(1), "id": "x" * 200},
        {**event(1), "id": "a\ud800"},
        {**event(1), "data": {"run": {"state": "\udfff", "cluster": {}}}},
    ],
    ids=["a long id", "an id that is no text", "a property that is no text"],
)
async def test_what_can_never_be_sent_is_named_and_holds_up_nothing(
    bus: ServiceBus, sender: EventSender, bad: dict[str, Any]
) -> None:
    error = await refused(sender, [bad, event(2)])
    assert (error.code, error.retryable) == (Code.EVENT_REJECTED, False)
    await asyncio.to_thread(sender.close)
    assert bus.counts()["onboarding-events/subscriptions/all"]["active"] == 1


async def test_a_broker_with_a_smaller_limit_is_not_asked_forever(
    sender: EventSender, bus: ServiceBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "encode", lambda _: b"x" * 300_000)
    error = await refused(sender, [event(1)])
    assert (error.code, error.retryable) == (Code.EVENT_REJECTED, False)
    await asyncio.to_thread(sender.close)


async def test_a_broker_that_does_not_answer_is_asked_again() -> None:
    nowhere = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=x;SharedAccessKey=eA==;UseDevelopmentEmulator=true;"
    error = await refused(local_installation(ServiceBusConnection=nowhere).events, [event(1)])
    assert (error.code, error.retryable) == (Code.EVENT_BROKER_UNREACHABLE, True)


def test_who_waited_while_the_broker_did_not_answer_does_not_ask_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answers, errors = list[str](), threading.Event(), list[ArcError]()

    def connect(connection: str, **_: object) -> None:
        asked.append(connection)
        assert answers.wait(20)
        raise OSError("no broker")

    monkeypatch.setattr(ServiceBusClient, "from_connection_string", connect)
    sender = local_installation(ServiceBusConnection="Endpoint=sb://silent").events

    def send(number: int) -> None:
        with pytest.raises(ArcError) as caught:
            sender.send([event(number)], "rollout-7")
        errors.append(caught.value)

    callers = [threading.Thread(target=send, args=(number,), daemon=True) for number in range(4)]
    for caller in callers:
        caller.start()
    while not asked or sum(is_blocked_in(caller, EventSender.send) for caller in callers) < len(callers) - 1:
        time.sleep(0.01)
    answers.set()
    for caller in callers:
        caller.join(20)
    assert [error.code for error in errors] == [Code.EVENT_BROKER_UNREACHABLE] * 4
    assert len({error.message for error in errors}) == len(asked) == 1
    send(5)  # who comes after that asks
    assert len(asked) == 2


def is_blocked_in(thread: threading.Thread, function: Any) -> bool:
    """Whether the thread waits in the function itself, and not in what it calls: at the same place for a while."""

    def place() -> tuple[Any, int] | None:
        frame = sys._current_frames().get(thread.ident or 0)
        return (frame.f_code, frame.f_lasti) if frame else None

    seen = place()
    time.sleep(0.02)
    return seen == place() and seen is not None and seen[0] is function.__code__
