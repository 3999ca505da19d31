"""Which messages a subscription receives: correlation filters, and filters that match all or none."""

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Envelope:
    """The properties of a message that filters read."""

    message_id: Any = None
    to: Any = None
    label: Any = None
    reply_to: Any = None
    correlation_id: Any = None
    content_type: Any = None
    session_id: Any = None
    reply_to_session_id: Any = None
    properties: dict[str, Any] = field(default_factory=dict)


class Filter(Protocol):
    """One rule of a subscription."""

    def matches(self, envelope: Envelope) -> bool:
        """Whether the rule matches the message."""


@dataclass(frozen=True, slots=True)
class BooleanFilter:
    """Matches every message, or none."""

    takes: bool

    def matches(self, envelope: Envelope) -> bool:
        """The same result for every message."""
        return self.takes


@dataclass(frozen=True, slots=True)
class CorrelationFilter:
    """Matches messages with the same value in every field that it names. Values of different types are never equal."""

    system: dict[str, str]
    properties: dict[str, Any]

    def matches(self, envelope: Envelope) -> bool:
        """Whether all named fields and application properties are equal."""
        return all(_equal(getattr(envelope, name), value) for name, value in self.system.items()) and all(
            _equal(envelope.properties.get(name), value) for name, value in self.properties.items()
        )


def _equal(actual: Any, expected: Any) -> bool:
    # AMQP has many integers and JSON has one; a truth value is an int in Python, but not here.
    return bool(actual == expected) and isinstance(actual, bool) == isinstance(expected, bool)
