"""A storm of messages, with `kill -9` in the middle: every message ends exactly once.

ARCWAY_STORM_MESSAGES, ARCWAY_STORM_KILLS and ARCWAY_STORM_SEED make it larger or repeat one that failed.
"""

import asyncio
import contextlib
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import ServiceBusError

from tests.contract.service_bus.hosting import Bus, launch, stop

MESSAGES = int(os.environ.get("ARCWAY_STORM_MESSAGES", "3000"))
KILLS = int(os.environ.get("ARCWAY_STORM_KILLS", "2"))
PRODUCERS, CONSUMERS, BATCH = 2, 4, 25
QUEUE = "storm"
SECONDS = 150


class Storm:
    """What was acknowledged, by producers and by consumers; both sides only ever believe the broker."""

    def __init__(self, bus: Bus, data: Path, seed: int) -> None:
        self.bus = bus
        self.data = data
        self.random = random.Random(seed)
        self.sent: set[str] = set()
        self.completed: Counter[str] = Counter()
        self.buried: Counter[str] = Counter()
        self.unsure: set[str] = set()
        self.back_from_the_dead: set[str] = set()
        self.progress = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[ServiceBusClient]:
        async with ServiceBusClient.from_connection_string(self.bus.connection_string, retry_total=0) as client:
            yield client

    async def produce(self, ids: list[str]) -> None:
        """Send all, each until it is acknowledged; what was not may be there twice."""
        waiting = list(ids)
        while waiting:
            with contextlib.suppress(ServiceBusError):
                async with self.client() as client, client.get_queue_sender(QUEUE) as sender:
                    while waiting:
                        some = waiting[-BATCH:]
                        await sender.send_messages([ServiceBusMessage(message, message_id=message) for message in some])
                        self.sent.update(some)
                        del waiting[-BATCH:]
                        await self.tell()

    async def consume(self) -> None:
        """Receive and settle at random, until canceled."""
        while True:
            with contextlib.suppress(ServiceBusError):
                async with self.client() as client, client.get_queue_receiver(QUEUE) as receiver:
                    while True:
                        for message in await receiver.receive_messages(20, max_wait_time=2):
                            await self.settle(receiver, message)
                        await self.tell()

    async def settle(self, receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
        """One of the ways to settle, or none; what failed comes again."""
        choice = self.random.random()
        key = str(message.message_id)
        if key in self.completed or key in self.buried:
            self.back_from_the_dead.add(key)
        try:
            if choice < 0.75:
                await receiver.complete_message(message)
                self.completed[key] += 1
            elif choice < 0.85:
                await receiver.abandon_message(message)
            elif choice < 0.95:
                await receiver.dead_letter_message(message, reason="Random")
                self.buried[key] += 1
        except ServiceBusError:
            # It is unknown whether it was settled; at most one per consumer and kill ends without an answer.
            self.unsure.add(key)
            raise

    async def tell(self) -> None:
        async with self.progress:
            self.progress.notify_all()

    async def until_ended(self, share: float) -> None:
        async with self.progress:
            await self.progress.wait_for(lambda: len(self.completed) + len(self.buried) >= share * MESSAGES)

    def restart(self) -> None:
        """`kill -9`, and another process on the same port with the same folder."""
        self.bus.kill()
        stop(self.bus)
        self.bus = launch("--port", str(self.bus.port), "--data", str(self.data))


async def _dead_letters(client: ServiceBusClient) -> Counter[str]:
    """Take all dead letters."""
    collected: Counter[str] = Counter()
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with client.get_queue_receiver(
        QUEUE, sub_queue=ServiceBusSubQueue.DEAD_LETTER, receive_mode=mode, max_wait_time=3, prefetch_count=100
    ) as receiver:
        async for message in receiver:
            collected[str(message.message_id)] += 1
    return collected


async def _drained(storm: Storm) -> None:
    """Wait until the queue is empty; the control API of whichever process is there reports it."""
    while (await asyncio.to_thread(storm.bus.counts, QUEUE))["active"]:
        async with storm.progress:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(storm.progress.wait(), 0.2)


async def _rage(storm: Storm) -> Counter[str]:
    """The storm to its end; the dead letters."""
    ids = [f"{number:06}" for number in range(MESSAGES)]
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        consumers = [group.create_task(storm.consume()) for _ in range(CONSUMERS)]
        producers = [group.create_task(storm.produce(ids[part::PRODUCERS])) for part in range(PRODUCERS)]
        for number in range(KILLS):
            await storm.until_ended((number + 1) / (KILLS + 2))
            await asyncio.to_thread(storm.restart)
        await asyncio.gather(*producers)
        await _drained(storm)
        for message in consumers:
            message.cancel()
    async with storm.client() as client:
        return await _dead_letters(client)


# The SDK leaves the sockets of lost connections to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.timeout(SECONDS + 300)
async def test_every_message_ends_exactly_once(tmp_path: Path) -> None:
    seed = int(os.environ.get("ARCWAY_STORM_SEED") or random.randrange(10**6))
    data = tmp_path / "data"
    storm = Storm(await asyncio.to_thread(launch, "--port", "0", "--data", str(data)), data, seed)
    try:
        async with asyncio.timeout(SECONDS):
            dead = await _rage(storm)
        remaining = storm.bus.counts(QUEUE)
    finally:
        await asyncio.to_thread(stop, storm.bus)

    replay = f"ARCWAY_STORM_SEED={seed}"
    everything = {f"{number:06}" for number in range(MESSAGES)}
    assert storm.sent == everything, replay
    assert set(remaining.values()) == {0}, replay
    assert not storm.back_from_the_dead, replay
    assert set(storm.buried) <= set(dead), replay
    ends = {message: storm.completed[message] + dead[message] for message in everything}
    assert max(ends.values()) == 1, replay
    unanswered = {message for message, count in ends.items() if count == 0}
    assert unanswered <= storm.unsure, replay
    assert len(unanswered) <= KILLS * CONSUMERS, replay
