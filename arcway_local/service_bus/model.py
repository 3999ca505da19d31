"""What the broker's rules speak of: drafts, messages, locks, and the ways to be refused.

Plain data. All times are milliseconds since 1970, UTC.
"""

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID


class State(IntEnum):
    """As the annotation `x-opt-message-state` counts them."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that was sent and is in no entity yet. `lifetime` is in milliseconds."""

    content: bytes
    message_id: str | None = None
    lifetime: int | None = None
    scheduled_for: int | None = None


@dataclass(slots=True, eq=False)
class Message:
    """A message in an entity. `content` is as it was sent; only the broker's own knowledge changes."""

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
    """The broker does not do what it was asked to; the condition is Service Bus's name for the reason."""

    condition = "amqp:internal-error"
    status = 500


class LockLost(Refused):
    """There is no such lock any more: it expired, or its message is settled."""

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
    """No valid token covers what was asked for."""

    condition = "amqp:unauthorized-access"
    status = 401


class NotSimulated(Refused):
    """Service Bus can do it, this broker cannot."""

    condition = "amqp:not-implemented"
    status = 501


class BadRequest(Refused):
    """The request has not the form that it must have."""

    condition = "com.microsoft:argument-error"
    status = 400


class TooLarge(Refused):
    """The message is larger than the broker takes."""

    condition = "amqp:link:message-size-exceeded"
    status = 400
