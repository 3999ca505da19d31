"""Fires Service Bus queue triggers as the Functions host does: peek-lock, complete on return, abandon on an exception.

Through the official SDK against any namespace the connection names; it knows the worker and nothing of what the
functions do. Locks are renewed while a function runs, as long as host.json allows.
"""

import asyncio
import json
import logging
import os
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from arcway_local.functions.errors import HostError
from arcway_local.functions.protos import TypedData
from arcway_local.functions.settings import Messages, resolve
from arcway_local.functions.worker import Function, InvocationError, Worker

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusReceivedMessage
    from azure.servicebus.aio import AutoLockRenewer, ServiceBusReceiver

SERVICE_BUS = "serviceBusTrigger"
_WAIT_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0

_log = logging.getLogger(__name__)


class Queues:
    """The queue triggers of the app. Raises HostError for a setting that is not defined or a topic trigger."""

    def __init__(self, worker: Worker, limits: Messages) -> None:
        self._worker = worker
        self._limits = limits
        self._listeners = [
            (function, _queue_of(function), connection)
            for function in worker.functions
            if function.trigger_type == SERVICE_BUS and (connection := _connection_of(function))
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._stopping = False

    def start(self) -> None:
        """Begin to receive."""
        self._tasks = [asyncio.create_task(self._listen(*listener)) for listener in self._listeners]

    async def stop(self, grace: float) -> None:
        """Receive no more; give messages in work `grace` seconds, then let them be delivered again."""
        self._stopping = True
        if self._calls:
            await asyncio.wait(self._calls, timeout=grace)
        for task in (*self._calls, *self._tasks):
            task.cancel()
        await asyncio.gather(*self._calls, *self._tasks, return_exceptions=True)

    async def _listen(self, function: Function, queue: str, connection: str) -> None:
        from azure.servicebus.exceptions import ServiceBusError

        pause = _FIRST_PAUSE
        while not self._stopping:
            try:
                async with AsyncExitStack() as stack:
                    receiver, renewer = await self._open(stack, queue, connection)
                    pause = _FIRST_PAUSE
                    await self._receive(function, receiver, renewer)
            except (ServiceBusError, OSError, ValueError) as error:
                _log.warning("Queue %s: %s; it is tried again.", queue, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _open(
        self, stack: AsyncExitStack, queue: str, connection: str
    ) -> tuple["ServiceBusReceiver", "AutoLockRenewer"]:
        from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient

        client = await stack.enter_async_context(ServiceBusClient.from_connection_string(connection, retry_total=1))
        renewer = AutoLockRenewer(max_lock_renewal_duration=self._limits.renewal_seconds)
        stack.push_async_callback(renewer.close)
        return await stack.enter_async_context(client.get_queue_receiver(queue)), renewer

    async def _receive(self, function: Function, receiver: "ServiceBusReceiver", renewer: "AutoLockRenewer") -> None:
        while not self._stopping:
            free = self._limits.concurrent_calls - len(self._calls)
            if free <= 0:
                await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
                continue
            for message in await receiver.receive_messages(max_message_count=free, max_wait_time=_WAIT_SECONDS):
                renewer.register(receiver, message)
                call = asyncio.create_task(self._handle(function, receiver, message))
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)

    async def _handle(
        self, function: Function, receiver: "ServiceBusReceiver", message: "ServiceBusReceivedMessage"
    ) -> None:
        from azure.servicebus.exceptions import ServiceBusError

        try:
            try:
                await self._worker.invoke(function, TypedData(bytes=b"".join(message.body)), metadata_of(message))
            except InvocationError as error:
                _log.error("Function %s failed: %s\n%s", function.name, error, error.stack_trace)
                await receiver.abandon_message(message)
            else:
                await receiver.complete_message(message)
        except (ServiceBusError, ValueError) as error:
            # The lock is lost or the link is gone: the broker delivers the message again.
            _log.warning("Message %s could not be settled: %s", message.message_id, error)


def metadata_of(message: "ServiceBusReceivedMessage") -> dict[str, TypedData]:
    """What the trigger tells a function beside the body, in the host's names and types."""
    texts = {
        "MessageId": message.message_id,
        "CorrelationId": message.correlation_id,
        "ContentType": message.content_type,
        "Subject": message.subject,
        "Label": message.subject,
        "To": message.to,
        "ReplyTo": message.reply_to,
        "SessionId": message.session_id,
        "PartitionKey": message.partition_key,
        "LockToken": str(message.lock_token),
    }
    values: dict[str, Any] = {
        "DeliveryCount": (message.delivery_count or 0) + 1,
        "SequenceNumber": message.sequence_number,
        "EnqueuedSequenceNumber": message.enqueued_sequence_number,
        "EnqueuedTimeUtc": _time(message.enqueued_time_utc),
        "ExpiresAtUtc": _time(message.expires_at_utc),
        "ApplicationProperties": _plain(message.application_properties),
        "UserProperties": _plain(message.application_properties),
    }
    metadata = {name: TypedData(string=str(content)) for name, content in texts.items() if content}
    return metadata | {name: TypedData(json=json.dumps(value)) for name, value in values.items() if value is not None}


def _plain(properties: Any) -> dict[str, Any]:
    def text(value: Any) -> Any:
        return value.decode(errors="replace") if isinstance(value, bytes) else value

    return {str(text(name)): text(value) for name, value in (properties or {}).items()}


def _time(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None


def _queue_of(function: Function) -> str:
    if function.trigger.get("topicName"):
        raise HostError(f"Function {function.name}: this host serves queues, not topic subscriptions.")
    return resolve(str(function.trigger.get("queueName", "")))


def _connection_of(function: Function) -> str | None:
    name = str(function.trigger.get("connection") or "AzureWebJobsServiceBus")
    value = os.environ.get(name)
    if not value:
        _log.warning("Function %s will not fire: setting %s has no connection string.", function.name, name)
    return value
