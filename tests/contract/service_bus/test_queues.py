"""Queues, with the synchronous SDK: sending, receiving, every way to settle, and what happens to who does not."""

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceiveMode,
)
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from azure.servicebus.exceptions import (
    MessageNotFoundError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusError,
)

from tests.contract.service_bus.talking import PATIENCE, Entity, dead_letters_of, eventually, until


def _entity(client: ServiceBusClient, name: str) -> Iterator[Entity]:
    entity = Entity(client, name)
    yield entity
    entity.close()


@pytest.fixture(scope="module")
def shared(client: ServiceBusClient) -> Iterator[Entity]:
    yield from _entity(client, "basic")


@pytest.fixture
def basic(shared: Entity) -> Iterator[Entity]:
    """The next test finds it empty, whatever became of this one."""
    yield shared
    shared.drain()


def test_a_message_arrives_as_it_was_sent(basic: Entity) -> None:
    sent = ServiceBusMessage(
        b'{"a": 1}',
        message_id=str(uuid.uuid4()),
        correlation_id="correlation",
        subject="subject",
        content_type="application/json",
        to="somewhere",
        reply_to="elsewhere",
        time_to_live=timedelta(minutes=5),
        application_properties={"text": "ä", "number": 7, "real": 1.5, "truth": True, "id": uuid.UUID(int=5)},
    )
    time_before = datetime.now(UTC) - timedelta(seconds=2)
    basic.sender.send_messages(sent)
    got = basic.receive()
    assert (str(got), got.message_id, got.correlation_id) == ('{"a": 1}', sent.message_id, "correlation")
    assert (got.subject, got.content_type, got.to, got.reply_to) == (
        *("subject", "application/json"),
        *("somewhere", "elsewhere"),
    )
    assert got.application_properties == {
        b"text": "ä".encode(),
        b"number": 7,
        b"real": 1.5,
        b"truth": True,
        b"id": uuid.UUID(int=5),
    }
    assert got.time_to_live == timedelta(minutes=5)
    assert got.delivery_count == 0
    assert got.state is ServiceBusMessageState.ACTIVE
    assert got.enqueued_time_utc is not None
    assert time_before < got.enqueued_time_utc < datetime.now(UTC) + timedelta(seconds=2)
    assert got.locked_until_utc is not None
    assert 40 < until(got.locked_until_utc) < 62
    basic.receiver.complete_message(got)
    assert basic.is_empty()


def test_messages_keep_their_order_and_their_numbers_grow(basic: Entity) -> None:
    ids = [basic.send() for _ in range(5)]
    got = [basic.receive() for _ in range(5)]
    assert [message.message_id for message in got] == ids
    numbers = [message.sequence_number or 0 for message in got]
    assert numbers == sorted(set(numbers))
    for message in got:
        basic.receiver.complete_message(message)
    assert basic.is_empty()


@pytest.mark.parametrize("size", [0, 200, 70_000, 230_000])
def test_bodies_of_any_size_come_whole(basic: Entity, size: int) -> None:
    body = bytes(number % 251 for number in range(size))
    basic.send(body)
    got = basic.receive()
    assert b"".join(got.body) == body
    basic.receiver.complete_message(got)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"data_body": [b"one", b"two"]}, AmqpMessageBodyType.DATA),
        ({"value_body": {"a": [1, None, "x"]}}, AmqpMessageBodyType.VALUE),
        ({"sequence_body": [[1, 2], [3]]}, AmqpMessageBodyType.SEQUENCE),
    ],
    ids=["data", "value", "sequence"],
)
def test_every_kind_of_body_comes_as_it_was(basic: Entity, body: dict[str, Any], kind: AmqpMessageBodyType) -> None:
    basic.sender.send_messages(AmqpAnnotatedMessage(**body))
    got = basic.receive()
    assert got.body_type is kind
    content = got.body if kind is AmqpMessageBodyType.VALUE else list(got.body)
    expected = {
        AmqpMessageBodyType.DATA: [b"one", b"two"],
        AmqpMessageBodyType.VALUE: {b"a": [1, None, b"x"]},
        AmqpMessageBodyType.SEQUENCE: [[1, 2], [3]],
    }
    assert content == expected[kind]
    basic.receiver.complete_message(got)


def test_a_message_that_is_too_large_is_refused(basic: Entity) -> None:
    with pytest.raises(MessageSizeExceededError):
        basic.send(b"x" * 1_100_000)
    basic.send(b"still there")
    basic.receiver.complete_message(basic.receive())


def test_a_batch_arrives_as_single_messages(basic: Entity) -> None:
    batch = basic.sender.create_message_batch()
    for number in range(100):
        batch.add_message(ServiceBusMessage(str(number), message_id=f"batch-{number}"))
    basic.sender.send_messages(batch)
    got: list[str] = []
    while len(got) < 100:
        messages = basic.receiver.receive_messages(100, max_wait_time=PATIENCE)
        assert messages
        for message in messages:
            got.append(str(message))
            basic.receiver.complete_message(message)
    assert got == [str(number) for number in range(100)]


def test_an_abandoned_message_comes_again_until_it_is_dead_lettered(client: ServiceBusClient) -> None:
    with dead_letters_of(entity := Entity(client, "retried")) as dead:
        message_id = entity.send()
        for count in range(2):
            got = entity.receive()
            assert (got.message_id, got.delivery_count) == (message_id, count)
            entity.receiver.abandon_message(got)
        item = entity.receive(dead)
        assert (item.message_id, item.dead_letter_reason, item.delivery_count) == (
            message_id,
            "MaxDeliveryCountExceeded",
            2,
        )
        dead.complete_message(item)
        entity.close()


def test_a_message_is_dead_lettered_with_a_reason(basic: Entity) -> None:
    basic.sender.send_messages(ServiceBusMessage(b"bad", application_properties={"kept": "yes"}))
    basic.receiver.dead_letter_message(basic.receive(), reason="Malformed", error_description="It is no JSON.")
    assert basic.is_empty()
    with dead_letters_of(basic) as dead:
        item = basic.receive(dead)
        assert (item.dead_letter_reason, item.dead_letter_error_description) == ("Malformed", "It is no JSON.")
        assert item.application_properties is not None
        assert item.application_properties[b"kept"] == b"yes"
        assert str(item) == "bad"
        dead.complete_message(item)


def test_a_deferred_message_waits_until_it_is_asked_for(basic: Entity, impatient_client: ServiceBusClient) -> None:
    basic.send(b"later")
    got = basic.receive()
    number = got.sequence_number
    assert number is not None
    basic.receiver.defer_message(got)
    assert basic.is_empty()
    (peeked,) = basic.receiver.peek_messages(1, sequence_number=number)
    assert peeked.state is ServiceBusMessageState.DEFERRED
    (redelivered,) = basic.receiver.receive_deferred_messages(number)
    assert str(redelivered) == "later"
    basic.receiver.complete_message(redelivered)
    with impatient_client.get_queue_receiver("basic") as receiver, pytest.raises(MessageNotFoundError):
        receiver.receive_deferred_messages(number)


def test_receive_and_delete_removes_permanently(client: ServiceBusClient, basic: Entity) -> None:
    ids = {basic.send() for _ in range(3)}
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    with client.get_queue_receiver("basic", receive_mode=mode, prefetch_count=10) as receiver:
        got: set[str | None] = set()
        while len(got) < 3:
            messages = receiver.receive_messages(3, max_wait_time=PATIENCE)
            assert messages
            got |= {message.message_id for message in messages}
    assert got == ids
    assert basic.is_empty()


def test_peek_changes_nothing(basic: Entity) -> None:
    ids = [basic.send(str(number)) for number in range(3)]
    for _ in range(2):
        peeked = eventually(lambda: _all(basic.receiver.peek_messages(10, sequence_number=1), 3))
        assert [message.message_id for message in peeked] == ids
    for _ in ids:
        got = basic.receive()
        assert got.delivery_count == 0
        basic.receiver.complete_message(got)
    assert basic.receiver.peek_messages(10, sequence_number=1) == []


def _all[T](matches: list[T], count: int) -> list[T]:
    return matches if len(matches) == count else []


def test_duplicates_are_dropped(client: ServiceBusClient) -> None:
    entity, same = Entity(client, "unique"), str(uuid.uuid4())
    for body in ("first", "second"):
        entity.sender.send_messages(ServiceBusMessage(body, message_id=same))
    batch = entity.sender.create_message_batch()
    for message_id in (same, second := str(uuid.uuid4()), second):
        batch.add_message(ServiceBusMessage("third", message_id=message_id))
    entity.sender.send_messages(batch)
    bodies = []
    for _ in range(2):
        bodies.append(str(got := entity.receive()))
        entity.receiver.complete_message(got)
    assert bodies == ["first", "third"]
    assert entity.is_empty()
    entity.close()


def test_competing_receivers_share_messages(client: ServiceBusClient, basic: Entity) -> None:
    ids = {basic.send() for _ in range(20)}
    got: list[str | None] = []

    deadline = time.monotonic() + PATIENCE

    def consume() -> None:
        # A message can be on its way to a receiver that has just lost its patience: it comes with the next call.
        with client.get_queue_receiver("basic") as receiver:
            while len(got) < len(ids) and time.monotonic() < deadline:
                for message in receiver.receive_messages(max_wait_time=0.5):
                    receiver.complete_message(message)
                    got.append(message.message_id)

    threads = [threading.Thread(target=consume) for _ in range(2)]
    for message in threads:
        message.start()
    for message in threads:
        message.join()
    assert sorted(map(str, got)) == sorted(ids)


def test_what_a_closing_receiver_had_buffered_is_free_again(client: ServiceBusClient, basic: Entity) -> None:
    ids = [basic.send() for _ in range(5)]
    with client.get_queue_receiver("basic", prefetch_count=5) as receiver:
        first = basic.receive(receiver)
        receiver.complete_message(first)
    remaining = [basic.receive() for _ in range(4)]
    assert sorted(str(message.message_id) for message in [first, *remaining]) == sorted(ids)
    assert {message.delivery_count for message in remaining} == {0}
    for message in remaining:
        basic.receiver.complete_message(message)


def test_an_unknown_entity_is_named_as_such(client: ServiceBusClient) -> None:
    with pytest.raises(MessagingEntityNotFoundError), client.get_queue_sender("missing") as sender:
        sender.send_messages(ServiceBusMessage(b""))


def test_sessions_are_refused(client: ServiceBusClient) -> None:
    with pytest.raises(ServiceBusError), client.get_queue_receiver("basic", session_id=NEXT_AVAILABLE_SESSION) as item:
        item.receive_messages(1, max_wait_time=1)
