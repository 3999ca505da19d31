"""The Service Bus on the command line: sends requests, listens for events, manages the dead-letter queue.

Through the official SDK against the local stack's broker, or the namespace that ServiceBusConnection names.
"""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from arcway.cli import embedded
from arcway.cli.client import FAILED, NOT_FOUND, CommandError
from arcway.domain.json_values import Json

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver


QUEUE, TOPIC, SUBSCRIPTION = "onboarding-requests", "onboarding-events", "all"
_BATCH = 100
_EMPTY_SECONDS = 1.0
_EVENT_SECONDS = 60.0


@contextmanager
def open_bus() -> Iterator["Bus"]:
    """Connect to the bus of ServiceBusConnection, or the local one. Raises `CommandError` if it does not respond."""
    from azure.servicebus import ServiceBusClient
    from azure.servicebus.exceptions import ServiceBusError

    connection = os.environ.get("ServiceBusConnection")  # noqa: SIM112 - the name Functions gives it
    if not connection:
        stack = embedded.running(embedded.state_dir())
        if stack is None:
            raise CommandError("No local Service Bus is running.", FAILED, remedy="Start one with `arcway up`.")
        connection = stack.service_bus["connectionString"]
    try:
        with ServiceBusClient.from_connection_string(connection, retry_total=1) as client:
            yield Bus(client)
    except (ServiceBusError, ValueError) as error:
        raise CommandError(f"The Service Bus does not respond: {error}", FAILED) from error


class Bus:
    """An open connection."""

    def __init__(self, client: "ServiceBusClient") -> None:
        self._client = client

    def send(self, body: Json) -> str:
        """Put a request on the queue; returns the message id."""
        from azure.servicebus import ServiceBusMessage

        message_id = str(uuid.uuid4())
        message = ServiceBusMessage(json.dumps(body), message_id=message_id, content_type="application/json")
        with self._client.get_queue_sender(QUEUE) as sender:
            sender.send_messages(message)
        return message_id

    def events(self, resource_id: str, since: str) -> Iterator[Json]:
        """The events about one cluster since a time (ISO 8601), to the end of a run; others are completed unseen."""
        with self._client.get_subscription_receiver(TOPIC, SUBSCRIPTION, max_wait_time=_EVENT_SECONDS) as receiver:
            for message in receiver:
                receiver.complete_message(message)
                event: Json = json.loads(b"".join(message.body))
                if event.get("subject", "").lower() != resource_id.lower() or event["time"] < since:
                    continue
                yield event
                if event["type"].split(".")[2] in ("succeeded", "failed", "canceled", "rejected"):
                    return

    def dead_letters(self) -> list["ServiceBusReceivedMessage"]:
        """All dead letters of the request queue, without taking them."""
        messages: list[ServiceBusReceivedMessage] = []
        with self._dead_letter_receiver() as receiver:
            while batch := receiver.peek_messages(_BATCH, sequence_number=_next(messages)):
                messages += batch
        return messages

    def resubmit(self, message_ids: list[str]) -> list[str]:
        """Put dead letters back on the queue under their own ids; returns those that were there."""
        from azure.servicebus import ServiceBusMessage

        resubmitted: list[str] = []
        with self._client.get_queue_sender(QUEUE) as sender:
            for receiver, message in self._take(message_ids):
                copy = ServiceBusMessage(
                    b"".join(message.body),
                    message_id=message.message_id,
                    correlation_id=message.correlation_id,
                    content_type=message.content_type,
                    application_properties=message.application_properties,
                )
                sender.send_messages(copy)
                receiver.complete_message(message)
                resubmitted.append(str(message.message_id))
        return resubmitted

    def purge(self, message_ids: list[str]) -> list[str]:
        """Remove dead letters permanently; returns those that were there."""
        purged: list[str] = []
        for receiver, message in self._take(message_ids):
            receiver.complete_message(message)
            purged.append(str(message.message_id))
        return purged

    def _take(self, message_ids: list[str]) -> Iterator[tuple["ServiceBusReceiver", "ServiceBusReceivedMessage"]]:
        unmatched: list[ServiceBusReceivedMessage] = []
        with self._dead_letter_receiver() as receiver:
            while batch := receiver.receive_messages(_BATCH, max_wait_time=_EMPTY_SECONDS):
                for message in batch:
                    if str(message.message_id) in message_ids:
                        yield receiver, message
                    else:
                        unmatched.append(message)
            for message in unmatched:
                receiver.abandon_message(message)

    def _dead_letter_receiver(self) -> "ServiceBusReceiver":
        from azure.servicebus import ServiceBusSubQueue

        return self._client.get_queue_receiver(QUEUE, sub_queue=ServiceBusSubQueue.DEAD_LETTER)


def described(message: "ServiceBusReceivedMessage") -> Json:
    """A dead letter for people and programs."""
    return {
        "messageId": message.message_id,
        "reason": message.dead_letter_reason,
        "description": message.dead_letter_error_description,
        "enqueuedTime": message.enqueued_time_utc.isoformat() if message.enqueued_time_utc else None,
        "deliveryCount": message.delivery_count,
        "correlationId": message.correlation_id,
        "body": b"".join(message.body).decode(errors="replace"),
    }


def one_of(messages: list["ServiceBusReceivedMessage"], message_id: str) -> "ServiceBusReceivedMessage":
    """The dead letter with this id. Raises `CommandError`."""
    match = next((message for message in messages if message.message_id == message_id), None)
    if match is None:
        raise CommandError(f"Dead letter {message_id} does not exist.", NOT_FOUND, remedy="arcway dlq list")
    return match


def _next(received: list["ServiceBusReceivedMessage"]) -> int:
    return (received[-1].sequence_number or 0) + 1 if received else 0
