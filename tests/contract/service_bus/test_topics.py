"""Topics: every subscription gets what its rules take."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender

from tests.contract.service_bus.talking import Entity, dead_letters_of

SUBSCRIPTIONS = ("all", "failed", "urgent", "none", "everything")


@pytest.fixture(scope="module")
def subscriptions(client: ServiceBusClient) -> Iterator[dict[str, Entity]]:
    result = {name: Entity(client, "events", name) for name in SUBSCRIPTIONS}
    yield result
    for message in result.values():
        message.close()


@pytest.fixture(scope="module")
def sender(subscriptions: dict[str, Entity]) -> ServiceBusSender:
    return subscriptions["all"].sender


def _received(subscriptions: dict[str, Entity], takers: set[str]) -> dict[str, str]:
    """What each of the takers got, and that the others got nothing."""
    bodies = {}
    for name, entity in subscriptions.items():
        if name in takers:
            bodies[name] = str(got := entity.receive())
            entity.receiver.complete_message(got)
        assert entity.is_empty(), f"{name} got something more"
    return bodies


@pytest.mark.parametrize(
    ("message", "takers"),
    [
        ({}, set()),
        ({"application_properties": {"state": "Failed"}}, {"failed"}),
        ({"application_properties": {"state": "failed"}}, set()),
        ({"subject": "urgent", "content_type": "application/json"}, {"urgent"}),
        ({"subject": "urgent"}, set()),
        (
            {"correlation_id": "important", "application_properties": {"state": "Failed", "more": 1}},
            {"failed", "urgent"},
        ),
    ],
    ids=["plain", "property", "property-case", "two-fields", "one-of-two-fields", "second-rule"],
)
def test_rules_decide(
    sender: ServiceBusSender, subscriptions: dict[str, Entity], message: dict[str, object], takers: set[str]
) -> None:
    body = str(uuid.uuid4())
    sender.send_messages(ServiceBusMessage(body, **message))  # type: ignore[arg-type]
    expected = takers | {"all", "everything"}
    assert _received(subscriptions, expected) == dict.fromkeys(expected, body)


def test_subscriptions_settle_on_their_own(sender: ServiceBusSender, subscriptions: dict[str, Entity]) -> None:
    sender.send_messages(ServiceBusMessage(b"event"))
    first, second = subscriptions["all"], subscriptions["everything"]
    first.receiver.dead_letter_message(first.receive(), reason="Unwanted")
    second.receiver.complete_message(second.receive())
    with dead_letters_of(first) as dead:
        item = first.receive(dead)
        assert item.dead_letter_reason == "Unwanted"
        dead.complete_message(item)
    with dead_letters_of(second) as dead:
        assert dead.receive_messages(1, max_wait_time=1) == []


def test_a_topic_schedules(sender: ServiceBusSender, subscriptions: dict[str, Entity]) -> None:
    when = datetime.now(UTC) + timedelta(seconds=2)
    numbers = sender.schedule_messages([ServiceBusMessage(b"then"), ServiceBusMessage(b"never")], when)
    sender.cancel_scheduled_messages(numbers[1])
    expected = {"all", "everything"}
    assert _received(subscriptions, expected) == dict.fromkeys(expected, "then")
    assert datetime.now(UTC) >= when
