"""Measures a Service Bus by the unmodified SDK: `measure(connection_string)` for any, `measure_local()` for ours.

Reported, never asserted. The client is pure Python and shares the machine, so it is a large part of every figure.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient as AsyncServiceBusClient

from tests.contract.service_bus.hosting import running

QUEUE = "measured"
BODY = b"x" * 1024
SINGLES, BATCHES, BATCH = 2000, 50, 100
WAITING = 10_000
IDLE_SECONDS = 5.0


def measure(connection_string: str) -> dict[str, float]:
    """Messages per second with bodies of 1 KiB; uses the queue `measured`, which must be empty, and empties it."""
    with ServiceBusClient.from_connection_string(connection_string) as client:
        return _sends(client) | _receives(client) | asyncio.run(_aio(connection_string))


def measure_local() -> dict[str, float]:
    """`measure` of our own process with persistence, and its memory with 10,000 waiting messages and idle CPU."""
    with tempfile.TemporaryDirectory() as data, running("--port", "0", "--data", data) as bus:
        rates = measure(bus.connection_string)
        with ServiceBusClient.from_connection_string(bus.connection_string) as client:
            with client.get_queue_sender(QUEUE) as sender:
                for _ in range(WAITING // BATCH):
                    sender.send_messages([ServiceBusMessage(BODY) for _ in range(BATCH)])
            value_before = _cpu_seconds(bus.process.pid)
            time.sleep(IDLE_SECONDS)
            idle = 100 * (_cpu_seconds(bus.process.pid) - value_before) / IDLE_SECONDS
        return rates | {
            "memoryMegabytesWith10000Waiting": round(_resident_megabytes(bus.process.pid), 1),
            "idleCpuPercent": round(idle, 2),
        }


def _rate(count: int, work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return round(count / (time.perf_counter() - start))


def _sends(client: ServiceBusClient) -> dict[str, float]:
    with client.get_queue_sender(QUEUE) as sender:

        def singles() -> None:
            for _ in range(SINGLES):
                sender.send_messages(ServiceBusMessage(BODY))

        def batches() -> None:
            for _ in range(BATCHES):
                sender.send_messages([ServiceBusMessage(BODY) for _ in range(BATCH)])

        sender.send_messages(ServiceBusMessage(BODY))
        return {
            "singleSendsPerSecond": _rate(SINGLES, singles),
            "batchSendsPerSecond": _rate(BATCHES * BATCH, batches),
        }


def _receives(client: ServiceBusClient) -> dict[str, float]:
    settled = SINGLES
    with client.get_queue_receiver(QUEUE) as receiver:

        def complete() -> None:
            remaining = settled
            while remaining:
                for message in receiver.receive_messages(min(100, remaining), max_wait_time=10):
                    receiver.complete_message(message)
                    remaining -= 1

        completed = _rate(settled, complete)
    remaining = 1 + SINGLES + BATCHES * BATCH - settled
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    with client.get_queue_receiver(QUEUE, receive_mode=mode, prefetch_count=500) as receiver:

        def delete() -> None:
            left = remaining
            while left:
                left -= len(receiver.receive_messages(min(100, left), max_wait_time=10))

        return {"receiveAndCompletePerSecond": completed, "receiveAndDeletePerSecond": _rate(remaining, delete)}


async def _aio(connection_string: str) -> dict[str, float]:
    async with AsyncServiceBusClient.from_connection_string(connection_string) as client:
        async with client.get_queue_sender(QUEUE) as sender:
            start = time.perf_counter()
            for _ in range(SINGLES):
                await sender.send_messages(ServiceBusMessage(BODY))
            sends = SINGLES / (time.perf_counter() - start)
        async with client.get_queue_receiver(QUEUE, prefetch_count=200) as receiver:
            remaining, start = SINGLES, time.perf_counter()
            while remaining:
                messages = await receiver.receive_messages(min(100, remaining), max_wait_time=10)
                await asyncio.gather(*(receiver.complete_message(message) for message in messages))
                remaining -= len(messages)
            receives = SINGLES / (time.perf_counter() - start)
    return {"aioSingleSendsPerSecond": round(sends), "aioReceiveAndCompletePerSecond": round(receives)}


def _cpu_seconds(pid: int) -> float:
    fields = _proc(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_megabytes(pid: int) -> float:
    line = next(message for message in _proc(pid, "status").splitlines() if message.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def _proc(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/{name}", encoding="utf-8") as file:  # noqa: PTH123 - not a file on a disk
        return file.read()


def main(arguments: list[str]) -> None:
    """Measure the Service Bus of a connection string, or ours; print JSON."""
    result: dict[str, Any] = measure(arguments[0]) if arguments else measure_local()
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
