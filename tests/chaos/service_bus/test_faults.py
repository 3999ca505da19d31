"""Faults on order, through the control API, as clients see them; and clients that send rubbish."""

import random
import socket
import time
import urllib.error
from collections.abc import Iterator

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import (
    MessageLockLostError,
    ServiceBusAuthenticationError,
    ServiceBusError,
    ServiceBusServerBusyError,
)

from tests.contract.service_bus.hosting import Bus, running
from tests.contract.service_bus.talking import Entity, eventually

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    with running("--port", "0") as bus:
        yield bus


@pytest.fixture
def entity(bus: Bus) -> Iterator[Entity]:
    """The queue `basic`, whose client does not retry."""
    bus.call("DELETE", "/faults")
    with ServiceBusClient.from_connection_string(bus.connection_string, retry_total=0) as client:
        entity = Entity(client, "basic")
        yield entity
        entity.close()


def _take(entity: Entity) -> str:
    got = entity.receive()
    entity.receiver.complete_message(got)
    return str(got)


def test_a_send_is_rejected(bus: Bus, entity: Entity) -> None:
    bus.call("POST", "/faults", {"kind": "rejectSend", "entity": "basic", "count": 1})
    with pytest.raises(ServiceBusServerBusyError, match="A fault was ordered"):
        entity.send(b"refused")
    assert bus.call("GET", "/faults") == {"faults": []}
    entity.send(b"taken")
    assert _take(entity) == "taken"
    assert entity.is_empty()


def test_a_fault_of_another_entity_does_nothing(bus: Bus, entity: Entity) -> None:
    bus.call("POST", "/faults", {"kind": "rejectSend", "entity": "retried", "count": None})
    entity.send(b"taken")
    assert _take(entity) == "taken"
    assert len(bus.call("GET", "/faults")["faults"]) == 1


def test_a_send_is_acknowledged_late(bus: Bus, entity: Entity) -> None:
    entity.send(b"first")
    bus.call("POST", "/faults", {"kind": "delaySend", "seconds": 1.5})
    start = time.monotonic()
    entity.send(b"slow")
    assert time.monotonic() - start >= 1.5
    assert [_take(entity), _take(entity)] == ["first", "slow"]


def test_a_link_is_dropped_while_a_message_is_sent(bus: Bus, entity: Entity) -> None:
    bus.call("POST", "/faults", {"kind": "dropLink", "condition": "amqp:link:detach-forced"})
    with pytest.raises(ServiceBusError):
        entity.send(b"lost")
    entity.send(b"kept")
    assert _take(entity) == "kept"
    assert entity.is_empty()


def test_links_are_dropped_and_come_back(bus: Bus, entity: Entity) -> None:
    entity.send(b"first")
    assert _take(entity) == "first"
    assert bus.call("POST", "/links/drop", {"entity": "basic"}) == {"dropped": 2}
    entity.sender.close()
    entity.receiver.close()
    with entity.client.get_queue_sender("basic") as sender:
        sender.send_messages(ServiceBusMessage(b"second"))
    with entity.new_receiver() as receiver:
        got = entity.receive(receiver)
        receiver.complete_message(got)
    assert str(got) == "second"


def test_locks_expire_on_order(bus: Bus, entity: Entity) -> None:
    entity.send()
    got = entity.receive()
    assert bus.counts("basic")["locked"] == 1
    assert bus.call("POST", "/locks/expire", {"entity": "basic", "sequenceNumber": got.sequence_number}) == {
        "expired": 1
    }
    with pytest.raises(MessageLockLostError):
        entity.receiver.complete_message(got)
    redelivered = entity.receive()
    assert (redelivered.message_id, redelivered.delivery_count) == (got.message_id, 1)
    entity.receiver.complete_message(redelivered)
    assert bus.counts("basic")["active"] == 0


def test_connections_are_dropped_and_settlement_finds_another_way(bus: Bus) -> None:
    with ServiceBusClient.from_connection_string(bus.connection_string) as client:
        entity = Entity(client, "basic")
        entity.send()
        got = entity.receive()
        assert bus.call("POST", "/connections/drop")["dropped"] >= 1
        # Its link is gone, so the SDK opens another one and settles by lock token through `$management`.
        entity.receiver.complete_message(got)
        entity.close()
    assert bus.counts("basic")["active"] == 0


def test_a_refused_connection_is_an_error_and_the_next_one_is_fine(bus: Bus) -> None:
    bus.call("POST", "/faults", {"kind": "refuseConnection", "count": 1})
    with ServiceBusClient.from_connection_string(bus.connection_string, retry_total=0) as client:
        with pytest.raises(ServiceBusError), client.get_queue_sender("basic") as sender:
            sender.send_messages(ServiceBusMessage(b"lost"))
        entity = Entity(client, "basic")
        entity.send(b"kept")
        assert _take(entity) == "kept"
        entity.close()


def test_a_wrong_key_is_refused(bus: Bus) -> None:
    wrong = bus.connection_string.replace("SAS_KEY_VALUE", "ANOTHER_VALUE")
    client = ServiceBusClient.from_connection_string(wrong, retry_total=0)
    with client, pytest.raises(ServiceBusAuthenticationError), client.get_queue_sender("basic") as sender:
        sender.send_messages(ServiceBusMessage(b"never"))


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/faults", {"kind": "earthquake"}, 400),
        ("POST", "/faults", {"unknown": 1}, 400),
        ("POST", "/locks/expire", {"entity": "missing"}, 404),
        ("POST", "/links/drop", {}, 400),
    ],
)
def test_bad_orders_are_refused(bus: Bus, method: str, path: str, body: dict[str, object], status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        bus.call(method, path, body)
    with caught.value:
        assert caught.value.code == status


def test_rubbish_costs_only_who_sends_it(bus: Bus, entity: Entity) -> None:
    entity.send(b"first")
    chance = random.Random(7)
    greetings = [b"", b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x01\x00\x00", b"GET / HTTP/1.1\r\n\r\n"]
    for number in range(200):
        with socket.create_connection(("127.0.0.1", bus.port), timeout=240) as rubbish:
            rubbish.sendall(greetings[number % 4] + chance.randbytes(chance.randrange(1, 300)))
    assert _take(entity) == "first"
    connections = eventually(lambda: (n := bus.call("GET", "/entities")["connections"]) < 10 and n)
    assert connections >= 1
    assert bus.process.poll() is None
