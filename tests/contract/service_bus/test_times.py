"""Queues and time: locks, lifetimes, scheduled messages."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import (
    AutoLockRenewer,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusMessageState,
)
from azure.servicebus.exceptions import (
    MessageLockLostError,
    ServiceBusError,
)

from tests.contract.service_bus.talking import Entity, dead_letters_of, eventually, pass_by, until


def _entity(client: ServiceBusClient, name: str) -> Iterator[Entity]:
    entity = Entity(client, name)
    yield entity
    entity.close()


@pytest.fixture(scope="module")
def basic(client: ServiceBusClient) -> Iterator[Entity]:
    yield from _entity(client, "basic")


@pytest.fixture(scope="module")
def hasty(client: ServiceBusClient) -> Iterator[Entity]:
    yield from _entity(client, "hasty")


def test_a_renewed_lock_lasts_longer(basic: Entity) -> None:
    basic.send()
    got = basic.receive()
    locked_until_before = got.locked_until_utc
    assert locked_until_before is not None
    pass_by(1.1)
    locked_until_after = basic.receiver.renew_message_lock(got)
    assert locked_until_after - locked_until_before >= timedelta(seconds=1)
    basic.receiver.complete_message(got)


def test_a_lock_that_expires_makes_the_message_come_again(hasty: Entity) -> None:
    message_id = hasty.send()
    first = hasty.receive()
    redelivered = hasty.receive()
    assert (redelivered.message_id, redelivered.delivery_count) == (message_id, 1)
    with pytest.raises(MessageLockLostError):
        hasty.receiver.complete_message(first)
    hasty.receiver.complete_message(redelivered)


def test_the_sdk_renews_locks(hasty: Entity) -> None:
    hasty.send()
    with AutoLockRenewer() as renewer:
        got = hasty.receive()
        locked_until = got.locked_until_utc
        assert locked_until is not None
        renewer.register(hasty.receiver, got, max_lock_renewal_duration=30)
        eventually(lambda: until(locked_until) < -1)
        hasty.receiver.complete_message(got)
    assert hasty.is_empty()


def test_a_scheduled_message_comes_when_its_time_has_come(basic: Entity) -> None:
    when = datetime.now(UTC) + timedelta(seconds=2)
    (number,) = basic.sender.schedule_messages(ServiceBusMessage(b"then"), when)
    (peeked,) = basic.receiver.peek_messages(1, sequence_number=number)
    assert peeked.state is ServiceBusMessageState.SCHEDULED
    got = basic.receive()
    assert until(when) <= 0
    assert (str(got), got.state) == ("then", ServiceBusMessageState.ACTIVE)
    basic.receiver.complete_message(got)


def test_a_scheduled_message_can_be_canceled(basic: Entity, impatient_client: ServiceBusClient) -> None:
    when = datetime.now(UTC) + timedelta(seconds=2)
    numbers = basic.sender.schedule_messages([ServiceBusMessage(b"never"), ServiceBusMessage(b"ever")], when)
    basic.sender.cancel_scheduled_messages(numbers[0])
    got = basic.receive()
    assert str(got) == "ever"
    basic.receiver.complete_message(got)
    assert basic.is_empty()
    with impatient_client.get_queue_sender("basic") as sender, pytest.raises(ServiceBusError):
        sender.cancel_scheduled_messages(numbers)


def test_a_message_may_say_itself_when_it_wants_to_come(basic: Entity) -> None:
    when = datetime.now(UTC) + timedelta(seconds=2)
    basic.sender.send_messages(ServiceBusMessage(b"then", scheduled_enqueue_time_utc=when))
    got = basic.receive()
    assert until(when) <= 0
    basic.receiver.complete_message(got)


def test_an_expired_message_is_dead_lettered_where_that_is_wanted(client: ServiceBusClient) -> None:
    entity = Entity(client, "expiring")
    entity.sender.send_messages(ServiceBusMessage(b"old", time_to_live=timedelta(seconds=1)))
    pass_by(1.1)
    # Azure looks for expired messages when someone receives.
    assert entity.is_empty()
    with dead_letters_of(entity) as dead:
        item = entity.receive(dead)
        assert (str(item), item.dead_letter_reason) == ("old", "TTLExpiredException")
        dead.complete_message(item)
    entity.close()


def test_an_expired_message_is_gone_where_dead_letters_are_not_wanted(client: ServiceBusClient) -> None:
    entity = Entity(client, "forgetful")
    entity.sender.send_messages(ServiceBusMessage(b"old", time_to_live=timedelta(milliseconds=500)))
    pass_by(0.6)
    entity.send(b"new")
    got = entity.receive()
    assert str(got) == "new"
    entity.receiver.complete_message(got)
    with dead_letters_of(entity) as dead:
        assert dead.receive_messages(1, max_wait_time=1) == []
    entity.close()
