"""Sending and receiving in few words, with the public SDK alone."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSender,
    ServiceBusSubQueue,
)

PATIENCE = 240.0
"""Seconds within which everything has to arrive."""


class Entity:
    """A queue, or a topic and one of its subscriptions, with links that are opened when needed."""

    def __init__(self, client: ServiceBusClient, name: str, subscription: str | None = None) -> None:
        self.client = client
        self.name = name
        self.subscription = subscription
        self._sender: ServiceBusSender | None = None
        self._receiver: ServiceBusReceiver | None = None

    @property
    def sender(self) -> ServiceBusSender:
        if self._sender is None:
            if self.subscription is None:
                self._sender = self.client.get_queue_sender(self.name)
            else:
                self._sender = self.client.get_topic_sender(self.name)
        return self._sender

    @property
    def receiver(self) -> ServiceBusReceiver:
        if self._receiver is None:
            # Opened here, because opening takes longer than some are ready to wait for a message.
            self._receiver = self.new_receiver().__enter__()
        return self._receiver

    def new_receiver(self, dead_letters: bool = False) -> ServiceBusReceiver:
        sub_queue = ServiceBusSubQueue.DEAD_LETTER if dead_letters else None
        if self.subscription is None:
            return self.client.get_queue_receiver(self.name, sub_queue=sub_queue)
        return self.client.get_subscription_receiver(self.name, self.subscription, sub_queue=sub_queue)

    def send(self, body: bytes | str = b"body") -> str:
        """Send one message; its id."""
        message_id = str(uuid.uuid4())
        self.sender.send_messages(ServiceBusMessage(body, message_id=message_id))
        return message_id

    def receive(self, receiver: ServiceBusReceiver | None = None, wait: float = PATIENCE) -> ServiceBusReceivedMessage:
        """The next message, locked."""
        messages = (receiver or self.receiver).receive_messages(1, max_wait_time=wait)
        assert messages, f"nothing arrived in {self.name}"
        return messages[0]

    def is_empty(self) -> bool:
        """Whether nothing can be received."""
        return not self.receiver.receive_messages(1, max_wait_time=0.3)

    def drain(self) -> None:
        """Take what is left."""
        while self._receiver is not None and self.receiver.peek_messages(1, sequence_number=1):
            for message in self.receiver.receive_messages(100, max_wait_time=0.3):
                self.receiver.complete_message(message)

    def close(self) -> None:
        for message in (self._sender, self._receiver):
            if message is not None:
                message.close()


@contextmanager
def dead_letters_of(entity: Entity) -> Iterator[ServiceBusReceiver]:
    """A receiver of the entity's dead letters."""
    with entity.new_receiver(dead_letters=True) as receiver:
        yield receiver


def until(when: datetime) -> float:
    """Seconds from now."""
    return (when - datetime.now(UTC)).total_seconds()


def pass_by(seconds: float) -> None:
    """Let time pass on the clock that locks and lifetimes are measured by."""
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    eventually(lambda: until(end) <= 0)


def eventually[T](look: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (result := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.05)
    return result
