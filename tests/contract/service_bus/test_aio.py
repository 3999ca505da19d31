"""The asynchronous SDK against the same queues."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient
from azure.servicebus.exceptions import MessageLockLostError

from tests.contract.service_bus.talking import PATIENCE


@pytest.fixture
async def client(connection_string: str) -> AsyncIterator[ServiceBusClient]:
    async with ServiceBusClient.from_connection_string(connection_string) as client:
        yield client


async def test_send_receive_and_settle_in_every_way(client: ServiceBusClient) -> None:
    sender, receiver = client.get_queue_sender("basic"), client.get_queue_receiver("basic")
    async with sender, receiver:
        await sender.send_messages([ServiceBusMessage(str(number)) for number in range(5)])
        found = await receiver.receive_messages(5, max_wait_time=PATIENCE)
        while len(found) < 5:
            found += await receiver.receive_messages(5 - len(found), max_wait_time=PATIENCE)
        complete, abandon, defer, bury, other = found
        await receiver.complete_message(complete)
        await receiver.complete_message(other)
        await receiver.abandon_message(abandon)
        await receiver.defer_message(defer)
        await receiver.dead_letter_message(bury, reason="Bad", error_description="Worse")
        (again,) = await receiver.receive_messages(1, max_wait_time=PATIENCE)
        assert (str(again), again.delivery_count) == (str(abandon), 1)
        await receiver.renew_message_lock(again)
        await receiver.complete_message(again)
        assert defer.sequence_number is not None
        (deferred,) = await receiver.receive_deferred_messages(defer.sequence_number)
        await receiver.complete_message(deferred)
        async with client.get_queue_receiver("basic", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
            (it,) = await dead.receive_messages(1, max_wait_time=PATIENCE)
            assert (str(it), it.dead_letter_reason) == (str(bury), "Bad")
            await dead.complete_message(it)
        assert await receiver.receive_messages(1, max_wait_time=1) == []


async def test_many_settlements_at_once(client: ServiceBusClient) -> None:
    sender, receiver = client.get_queue_sender("basic"), client.get_queue_receiver("basic", prefetch_count=100)
    async with sender, receiver:
        ids = {str(uuid.uuid4()) for _ in range(200)}
        await sender.send_messages([ServiceBusMessage(b"x" * 100, message_id=it) for it in ids])
        seen: set[str | None] = set()
        while len(seen) < 200:
            found = await receiver.receive_messages(50, max_wait_time=PATIENCE)
            assert found
            await asyncio.gather(*(receiver.complete_message(it) for it in found))
            seen |= {it.message_id for it in found}
        assert seen == ids
        assert await receiver.receive_messages(1, max_wait_time=1) == []


async def test_a_lock_is_lost_in_time(client: ServiceBusClient) -> None:
    sender, receiver = client.get_queue_sender("hasty"), client.get_queue_receiver("hasty")
    async with sender, receiver:
        await sender.send_messages(ServiceBusMessage(b"slow"))
        (first,) = await receiver.receive_messages(1, max_wait_time=PATIENCE)
        (again,) = await receiver.receive_messages(1, max_wait_time=PATIENCE)
        assert again.delivery_count == 1
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(first)
        async with AutoLockRenewer() as renewer:
            renewer.register(receiver, again)
            await receiver.complete_message(again)


async def test_receive_and_delete_by_iteration(client: ServiceBusClient) -> None:
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with client.get_queue_sender("basic") as sender:
        await sender.send_messages([ServiceBusMessage(str(number)) for number in range(10)])
    async with client.get_queue_receiver("basic", receive_mode=mode, prefetch_count=5, max_wait_time=2) as receiver:
        assert [str(it) async for it in receiver] == [str(number) for number in range(10)]
