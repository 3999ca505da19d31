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
        messages = await receiver.receive_messages(5, max_wait_time=PATIENCE)
        while len(messages) < 5:
            messages += await receiver.receive_messages(5 - len(messages), max_wait_time=PATIENCE)
        complete, abandon, defer, bury, second = messages
        await receiver.complete_message(complete)
        await receiver.complete_message(second)
        await receiver.abandon_message(abandon)
        await receiver.defer_message(defer)
        await receiver.dead_letter_message(bury, reason="Bad", error_description="Worse")
        (redelivered,) = await receiver.receive_messages(1, max_wait_time=PATIENCE)
        assert (str(redelivered), redelivered.delivery_count) == (str(abandon), 1)
        await receiver.renew_message_lock(redelivered)
        await receiver.complete_message(redelivered)
        assert defer.sequence_number is not None
        (deferred,) = await receiver.receive_deferred_messages(defer.sequence_number)
        await receiver.complete_message(deferred)
        async with client.get_queue_receiver("basic", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
            (item,) = await dead.receive_messages(1, max_wait_time=PATIENCE)
            assert (str(item), item.dead_letter_reason) == (str(bury), "Bad")
            await dead.complete_message(item)
        assert await receiver.receive_messages(1, max_wait_time=1) == []


async def test_many_settlements_at_once(client: ServiceBusClient) -> None:
    sender, receiver = client.get_queue_sender("basic"), client.get_queue_receiver("basic", prefetch_count=100)
    async with sender, receiver:
        ids = {str(uuid.uuid4()) for _ in range(200)}
        await sender.send_messages([ServiceBusMessage(b"x" * 100, message_id=message) for message in ids])
        observed: set[str | None] = set()
        while len(observed) < 200:
            messages = await receiver.receive_messages(50, max_wait_time=PATIENCE)
            assert messages
            await asyncio.gather(*(receiver.complete_message(message) for message in messages))
            observed |= {message.message_id for message in messages}
        assert observed == ids
        assert await receiver.receive_messages(1, max_wait_time=1) == []


async def test_a_lock_is_lost_in_time(client: ServiceBusClient) -> None:
    sender, receiver = client.get_queue_sender("hasty"), client.get_queue_receiver("hasty")
    async with sender, receiver:
        await sender.send_messages(ServiceBusMessage(b"slow"))
        (first,) = await receiver.receive_messages(1, max_wait_time=PATIENCE)
        (redelivered,) = await receiver.receive_messages(1, max_wait_time=PATIENCE)
        assert redelivered.delivery_count == 1
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(first)
        async with AutoLockRenewer() as renewer:
            renewer.register(receiver, redelivered)
            await receiver.complete_message(redelivered)


async def test_receive_and_delete_by_iteration(client: ServiceBusClient) -> None:
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with client.get_queue_sender("basic") as sender:
        await sender.send_messages([ServiceBusMessage(str(number)) for number in range(10)])
    async with client.get_queue_receiver("basic", receive_mode=mode, prefetch_count=5, max_wait_time=2) as receiver:
        assert [str(message) async for message in receiver] == [str(number) for number in range(10)]
