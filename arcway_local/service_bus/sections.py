"""The sections of an AMQP message: reading what the broker needs, and composing what a receiver gets
(part 3 of the OASIS standard; annotations as Service Bus names them).

Only bodies of requests are decoded, so that a message leaves as it came.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from arcway_local.service_bus.codec import CodecError, decode, described, encode, encode_list, skip
from arcway_local.service_bus.filters import Envelope
from arcway_local.service_bus.model import Draft, Message, State
from arcway_local.service_bus.values import Described, Int, Symbol, Timestamp, UInt, ULong

BATCH_FORMAT = 0x80013700
"""Message format of a batch: each data section is one encoded message (Microsoft's AMQP protocol guide)."""

_HEADER, _DELIVERY, _ANNOTATIONS, _PROPERTIES, _APPLICATION = 0x70, 0x71, 0x72, 0x73, 0x74
_DATA, _VALUE, _FOOTER = 0x75, 0x77, 0x78
_NAMES = {
    "amqp:header:list": _HEADER,
    "amqp:delivery-annotations:map": _DELIVERY,
    "amqp:message-annotations:map": _ANNOTATIONS,
    "amqp:properties:list": _PROPERTIES,
    "amqp:application-properties:map": _APPLICATION,
    "amqp:data:binary": _DATA,
    "amqp:amqp-sequence:list": 0x76,
    "amqp:amqp-value:*": _VALUE,
    "amqp:footer:map": _FOOTER,
}
_SCHEDULED = "x-opt-scheduled-enqueue-time"


@dataclass(frozen=True, slots=True)
class _Section:
    code: int
    start: int
    value: int
    end: int


@dataclass(frozen=True, slots=True)
class Request:
    """A message to `$cbs` or `$management`: its operation, its body, and how the response is correlated."""

    correlation: Any
    properties: dict[str, Any] = field(default_factory=dict)
    body: Any = None


def _sections(content: bytes) -> list[_Section]:
    sections: list[_Section] = []
    position = 0
    while position < len(content):
        start = position
        if content[position : position + 2] == b"\x00\x53" and position + 2 < len(content):
            code, position = content[position + 2], position + 3
        elif content[position] == 0:
            descriptor, position = decode(content, position + 1)
            code = _NAMES.get(descriptor, 0) if isinstance(descriptor, Symbol) else _number(descriptor)
        else:
            raise CodecError("a message's section has no descriptor")
        if not (sections[-1].code if sections else _HEADER) <= code <= _FOOTER:
            raise CodecError(f"a message has no section {code:#04x}, or not there")
        end = skip(content, position)
        sections.append(_Section(code, start, position, end))
        position = end
    return sections


def _number(descriptor: Any) -> int:
    return int(descriptor) if isinstance(descriptor, ULong) else 0


def _first(content: bytes, sections: list[_Section], code: int, kind: type) -> Any:
    """The decoded value of the first section with the code, or an empty one."""
    for section in sections:
        if section.code == code:
            value, _ = decode(content, section.value)
            if not isinstance(value, kind):
                raise CodecError(f"section {code:#04x} holds a {type(value).__name__}")
            return value
    return kind()


def split_batch(content: bytes) -> list[bytes]:
    """The encoded messages of a batch. Raises CodecError."""
    parts = []
    for section in _sections(content):
        if section.code == _DATA:
            part, _ = decode(content, section.value)
            if not isinstance(part, bytes):
                raise CodecError("a batch holds something else than messages")
            parts.append(part)
    if not parts:
        raise CodecError("an empty batch")
    return parts


def read_draft(content: bytes) -> Draft:
    """Read what the broker needs of a received message. Raises CodecError."""
    sections = _sections(content)
    if not any(section.code >= _DATA for section in sections):
        raise CodecError("a message without a body")
    header = _first(content, sections, _HEADER, list)
    annotations = _first(content, sections, _ANNOTATIONS, dict)
    properties = _first(content, sections, _PROPERTIES, list)
    # Decoded only as a check: a message that cannot be decoded must not fail later, when composed or filtered.
    _first(content, sections, _APPLICATION, dict)
    message_id = properties[0] if properties else None
    lifetime = header[2] if len(header) > 2 else None
    scheduled = annotations.get(_SCHEDULED)
    return Draft(
        content=content,
        message_id=None if message_id is None else str(message_id),
        lifetime=int(lifetime) if isinstance(lifetime, UInt) else None,
        scheduled_for=int(scheduled) if isinstance(scheduled, Timestamp) else None,
    )


def read_envelope(content: bytes) -> Envelope:
    """Read the properties for the filters of subscriptions. Raises CodecError."""
    sections = _sections(content)
    properties = _first(content, sections, _PROPERTIES, list)
    values = [*properties, *[None] * (13 - len(properties))]
    return Envelope(
        message_id=values[0],
        to=values[2],
        label=values[3],
        reply_to=values[4],
        correlation_id=values[5],
        content_type=values[6],
        session_id=values[10],
        reply_to_session_id=values[12],
        properties=_first(content, sections, _APPLICATION, dict),
    )


def compose(message: Message, now: int) -> bytes:
    """Encode the message for a receiver: the sender's own sections between the broker's annotations.

    Annotations are those SDK 7.15 reads (azure/servicebus/_common/constants.py). `now` is milliseconds since 1970.
    """
    content = message.content
    sections = _sections(content)
    header = _first(content, sections, _HEADER, list)
    header += [None] * (5 - len(header))
    header[3], header[4] = message.delivery_count == 0, UInt(message.delivery_count)
    annotations = _first(content, sections, _ANNOTATIONS, dict)
    annotations[Symbol("x-opt-sequence-number")] = message.sequence
    annotations[Symbol("x-opt-enqueued-time")] = Timestamp(message.enqueued_at)
    annotations[Symbol("x-opt-enqueue-sequence-number")] = message.enqueue_sequence
    if message.lock is not None and message.locked_until > now:
        annotations[Symbol("x-opt-locked-until")] = Timestamp(message.locked_until)
    if message.state is not State.ACTIVE:
        annotations[Symbol("x-opt-message-state")] = Int(message.state)
    parts = [described(_HEADER, encode_list(header)), described(_ANNOTATIONS, encode(annotations))]
    body_sections = [section for section in sections if section.code > _ANNOTATIONS]
    if message.reason is None and message.description is None:
        parts.append(content[body_sections[0].start :])
        return b"".join(parts)
    application = _first(content, sections, _APPLICATION, dict)
    application["DeadLetterReason"] = message.reason or ""
    application["DeadLetterErrorDescription"] = message.description or ""
    parts += [content[section.start : section.end] for section in body_sections if section.code == _PROPERTIES]
    parts.append(described(_APPLICATION, encode(application)))
    parts += [content[section.start : section.end] for section in body_sections if section.code > _APPLICATION]
    return b"".join(parts)


def read_request(content: bytes) -> Request:
    """A request of `$cbs` or `$management`. Raises CodecError."""
    sections = _sections(content)
    properties = _first(content, sections, _PROPERTIES, list)
    body = None
    for section in sections:
        if section.code == _VALUE:
            body, _ = decode(content, section.value)
    if isinstance(body, Described):
        raise CodecError("a request's body is of no known type")
    application = _first(content, sections, _APPLICATION, dict)
    return Request(properties[0] if properties else None, application, body)


def compose_reply(correlation: Any, properties: dict[str, Any], body: Any) -> bytes:
    """Encode the response to a request, correlated by the request's message id in its original type."""
    return b"".join(
        (
            described(_PROPERTIES, encode_list([None, None, None, None, None, correlation])),
            described(_APPLICATION, encode(properties)),
            described(_VALUE, encode(body)),
        )
    )


def delivery_tag(lock: UUID) -> bytes:
    """The delivery tag in which the SDK finds the lock token: in .NET's byte order."""
    return lock.bytes_le
