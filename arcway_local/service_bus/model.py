"""The broker's data: drafts, messages, locks, and the errors of refused requests.

Plain data. All times are milliseconds since 1970, UTC.
"""

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID


class State(IntEnum):
    """The states of a message, with the numbers of the annotation `x-opt-message-state`."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(frozen=True, slots=True)
class Draft:
    """A received message that is not yet in an entity. `lifetime` is in milliseconds."""

    content: bytes
    message_id: str | None = None
    lifetime: int | None = None
    scheduled_for: int | None = None


@dataclass(slots=True, eq=False)
class Message:
    """A message in an entity. `content` never changes; the other fields are the broker's."""

    key: int
    content: bytes
    message_id: str | None
    sequence: int
    enqueued_at: int
    expires_at: int | None
    state: State = State.ACTIVE
    scheduled_for: int | None = None
    enqueue_sequence: int = 0
    delivery_count: int = 0
    lock: UUID | None = None
    locked_until: int = 0
    reason: str | None = None
    description: str | None = None


class Refused(Exception):
    """A refused request; `condition` is Service Bus's name for the reason."""

    condition = "amqp:internal-error"
    status = 500


class LockLost(Refused):
    """The lock has expired, or its message is settled."""

    condition = "com.microsoft:message-lock-lost"
    status = 410


class MessageNotFound(Refused):
    """No message has that sequence number in that state."""

    condition = "com.microsoft:message-not-found"
    status = 404


class EntityNotFound(Refused):
    """The configuration has no such entity."""

    condition = "amqp:not-found"
    status = 404


class NotAuthorized(Refused):
    """No valid token covers the request."""

    condition = "amqp:unauthorized-access"
    status = 401


class NotSimulated(Refused):
    """Service Bus supports it, this broker does not."""

    condition = "amqp:not-implemented"
    status = 501


class BadRequest(Refused):
    """The request is malformed."""

    condition = "com.microsoft:argument-error"
    status = 400


class TooLarge(Refused):
    """The message is larger than the broker takes."""

    condition = "amqp:link:message-size-exceeded"
    status = 400
