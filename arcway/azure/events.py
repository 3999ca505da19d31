"""Sends result events to the Service Bus topic. Must not know what an event means.

One sender per process behind a lock: the SDK's sync client is not for several threads at once. After an error it is
opened anew, because a link that broke stays broken.
"""

import threading
from typing import TYPE_CHECKING, Any, cast

from arcway.azure.pipeline import credential
from arcway.domain.errors import ArcError, redact
from arcway.domain.events import CONTENT_TYPE, encode, properties_of
from arcway.settings import settings

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusClient, ServiceBusSender

_CONNECT_SECONDS = 10


class EventSender:
    """The sender of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: ServiceBusClient | None = None
        self._sender: ServiceBusSender | None = None

    def send(self, events: list[dict[str, Any]], correlation_id: str) -> None:
        """Send events in order. Raises `ArcError` ARC-3005; some may have been sent then, and a repeat is the same."""
        from azure.servicebus import ServiceBusMessage
        from azure.servicebus.exceptions import ServiceBusError

        messages = [
            ServiceBusMessage(
                encode(event),
                message_id=event["id"],
                correlation_id=correlation_id,
                content_type=CONTENT_TYPE,
                subject=event["type"],
                application_properties=cast("Any", properties_of(event)),
            )
            for event in events
        ]
        with self._lock:
            try:
                sender = self._sender or self._open()
                for message in messages:
                    sender.send_messages(message, timeout=_CONNECT_SECONDS)
            except (ServiceBusError, OSError, ValueError) as error:
                self._close()
                raise ArcError("ARC-3005", f"The event could not be sent: {redact(str(error), 200)}") from error

    def _open(self) -> "ServiceBusSender":
        from azure.servicebus import ServiceBusClient

        here = settings()
        options: dict[str, Any] = {"retry_total": 0, "socket_timeout": _CONNECT_SECONDS}
        if here.bus_connection:
            self._client = ServiceBusClient.from_connection_string(here.bus_connection, **options)
        elif here.bus_namespace:
            self._client = ServiceBusClient(here.bus_namespace, credential(), **options)
        else:
            raise ValueError("no Service Bus is configured")
        self._sender = self._client.get_topic_sender(here.events_topic)
        return self._sender

    def _close(self) -> None:
        client, self._client, self._sender = self._client, None, None
        if client:
            client.close()


sender = EventSender()
