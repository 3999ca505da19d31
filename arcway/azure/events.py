"""Sends result events to the Service Bus topic.

One sender per installation behind a lock: the SDK's sync client is not for several threads at once. After an error it
is opened again, because a link that broke stays broken.
"""

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from arcway.azure.clients import AzureClients
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.events import CONTENT_TYPE, encode, properties_of
from arcway.domain.observations import observe
from arcway.domain.timestamps import seconds_between, timestamp
from arcway.settings import Settings

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusClient, ServiceBusSender

_CONNECT_SECONDS = 10


class EventSender:
    """The sender of one installation."""

    def __init__(self, settings: Settings, azure: AzureClients) -> None:
        self._settings = settings
        self._azure = azure
        self._lock = threading.Lock()
        self._client: ServiceBusClient | None = None
        self._sender: ServiceBusSender | None = None
        self._failures = 0
        self._failure = ""

    def send(self, events: list[dict[str, Any]], correlation_id: str) -> None:
        """Send events in order.

        Raises `ArcError`: ARC-3005 the broker does not answer; some may have been sent then, and a repeat is the same.
        ARC-3008 an event can never be sent; those behind it are sent all the same. Who has waited here while the broker
        did not answer another caller gets that answer, too: a hundred runs do not ask in vain one after the other.
        """
        refused: ArcError | None = None
        failures = self._failures
        with self._lock:
            if self._failures != failures:
                raise ArcError(Code.EVENT_BROKER_UNREACHABLE, self._failure)
            for event in events:
                try:
                    self._send(event, correlation_id)
                except ArcError as error:
                    if error.retryable:
                        self._failures, self._failure = self._failures + 1, error.message
                        raise
                    refused = refused or error
        if refused:
            raise refused

    def _send(self, event: dict[str, Any], correlation_id: str) -> None:
        from azure.servicebus import ServiceBusMessage
        from azure.servicebus.exceptions import ServiceBusError

        try:
            message = ServiceBusMessage(
                encode(event),
                message_id=event["id"],
                correlation_id=correlation_id,
                content_type=CONTENT_TYPE,
                subject=event["type"],
                application_properties=cast("Any", properties_of(event)),
            )
        except (ValueError, TypeError) as error:
            raise ArcError(
                Code.EVENT_REJECTED, f"The event cannot be encoded for the broker: {redact(str(error), 200)}"
            ) from error
        try:
            sender = self._sender or self._open()
            sender.send_messages(message, timeout=_CONNECT_SECONDS)
            lag = seconds_between(event.get("time"), timestamp(datetime.now(UTC)))
            observe("published", run=event.get("subject"), type=event["type"], seconds=lag)
        except (ServiceBusError, OSError, ValueError) as error:
            self.close()
            code = Code.EVENT_REJECTED if _is_final(error) else Code.EVENT_BROKER_UNREACHABLE
            raise ArcError(code, f"The event could not be sent: {redact(str(error), 200)}") from error

    def _open(self) -> "ServiceBusSender":
        from azure.servicebus import ServiceBusClient

        options: dict[str, Any] = {"retry_total": 0, "socket_timeout": _CONNECT_SECONDS}
        if self._settings.bus_connection:
            self._client = ServiceBusClient.from_connection_string(self._settings.bus_connection, **options)
        elif self._settings.bus_namespace:
            self._client = ServiceBusClient(self._settings.bus_namespace, self._azure.pipeline.credential, **options)
        else:
            raise ValueError("no Service Bus is configured")
        self._sender = self._client.get_topic_sender(self._settings.events_topic)
        return self._sender

    def close(self) -> None:
        """End the connection; the next event opens another."""
        client, self._client, self._sender = self._client, None, None
        if client:
            client.close()


def _is_final(error: Exception) -> bool:
    """Whether sending the same event again would fail in the same way: it is too large, or AMQP cannot express it."""
    from azure.servicebus.exceptions import MessageSizeExceededError

    cause = getattr(error, "inner_exception", None) or error
    return isinstance(error, MessageSizeExceededError) or isinstance(cause, UnicodeError)
