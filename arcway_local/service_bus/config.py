"""Reads the official emulator's `Config.json`: namespaces, queues, topics, subscriptions, rules.

What is not simulated is refused, never ignored.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arcway_local.service_bus.entity import Rules
from arcway_local.service_bus.filters import BooleanFilter, CorrelationFilter, Filter

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_SQL = {"1=1": True, "1=0": False}
_LARGEST_KILOBYTES = 102_400
_SYSTEM_FIELDS = {
    "ContentType": "content_type",
    "CorrelationId": "correlation_id",
    "Label": "label",
    "MessageId": "message_id",
    "ReplyTo": "reply_to",
    "ReplyToSessionId": "reply_to_session_id",
    "SessionId": "session_id",
    "To": "to",
}
_COMMON = {"DefaultMessageTimeToLive"}
_DUPLICATES = {"RequiresDuplicateDetection", "DuplicateDetectionHistoryTimeWindow"}
# As Resource Manager calls it; the emulator's own configuration does not have it.
_SIZE = "MaxMessageSizeInKilobytes"
_DELIVERY = {
    *("DeadLetteringOnMessageExpiration", "ForwardDeadLetteredMessagesTo", "ForwardTo", "LockDuration"),
    *("MaxDeliveryCount", "RequiresSession"),
}


class ConfigError(ValueError):
    """The configuration cannot be used; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """A subscription and its rules' filters."""

    name: str
    rules: Rules
    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A queue."""

    name: str
    rules: Rules


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """A topic with its subscriptions."""

    name: str
    rules: Rules
    subscriptions: tuple[SubscriptionSettings, ...]


@dataclass(frozen=True, slots=True)
class Configuration:
    """All entities."""

    queues: tuple[QueueSettings, ...]
    topics: tuple[TopicSettings, ...]


def load(file: Path) -> Configuration:
    """Read a `Config.json`. Raises ConfigError."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"The configuration {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"The configuration {file} is not JSON: {error}.") from error
    try:
        return parse(document)
    except ConfigError as error:
        raise ConfigError(f"The configuration {file} cannot be used: {error}") from error


def parse(document: Any) -> Configuration:
    """The configuration in a parsed `Config.json`. Raises ConfigError."""
    namespaces = _items(_part(document, "UserConfig"), "Namespaces")
    if len(namespaces) != 1:
        raise ConfigError("there must be exactly one namespace.")
    queues = tuple(_queue(item) for item in _items(namespaces[0], "Queues"))
    topics = tuple(_topic(item) for item in _items(namespaces[0], "Topics"))
    names = [item.name.lower() for item in queues] + [item.name.lower() for item in topics]
    if len(set(names)) != len(names):
        raise ConfigError("two entities have the same name.")
    return Configuration(queues, topics)


def _part(owner: Any, name: str) -> dict[str, Any]:
    if not isinstance(owner, dict):
        raise ConfigError("an object was expected.")
    value = owner.get(name, {})
    if not isinstance(value, dict):
        raise ConfigError(f"{name} must be an object.")
    return value


def _items(owner: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = owner.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ConfigError(f"{name} must be a list of objects.")
    return value


def _name(item: dict[str, Any]) -> str:
    name = item.get("Name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9]([\w.~-]*[A-Za-z0-9_])?", name):
        raise ConfigError(f"{name!r} is not a name.")
    return name


def _queue(item: dict[str, Any]) -> QueueSettings:
    return QueueSettings(_name(item), _rules(item, _COMMON | _DUPLICATES | _DELIVERY | {_SIZE}))


def _topic(item: dict[str, Any]) -> TopicSettings:
    subscriptions = tuple(_subscription(entry) for entry in _items(item, "Subscriptions"))
    if len({entry.name.lower() for entry in subscriptions}) != len(subscriptions):
        raise ConfigError(f"two subscriptions of {_name(item)} have the same name.")
    return TopicSettings(_name(item), _rules(item, _COMMON | _DUPLICATES | {_SIZE}), subscriptions)


def _subscription(item: dict[str, Any]) -> SubscriptionSettings:
    filters = tuple(_filter(_name(rule), _part(rule, "Properties")) for rule in _items(item, "Rules"))
    # Service Bus gives a subscription without rules its default rule, which takes everything.
    return SubscriptionSettings(_name(item), _rules(item, _COMMON | _DELIVERY), filters or (BooleanFilter(True),))


def _rules(item: dict[str, Any], allowed: set[str]) -> Rules:
    name, properties = _name(item), _part(item, "Properties")
    if unknown := sorted(set(properties) - allowed):
        raise ConfigError(f"{name} has properties that are not simulated: {', '.join(unknown)}.")
    for forwarding in ("ForwardTo", "ForwardDeadLetteredMessagesTo"):
        if properties.get(forwarding):
            raise ConfigError(f"{name} has {forwarding}, and forwarding is not simulated.")
    if properties.get("RequiresSession"):
        raise ConfigError(f"{name} has RequiresSession, and sessions are not simulated.")
    most = properties.get("MaxDeliveryCount", 10)
    if type(most) is not int or most < 1:
        raise ConfigError(f"MaxDeliveryCount of {name} must be a number above 0.")
    lifetime = _duration(name, properties, "DefaultMessageTimeToLive", None)
    window = _duration(name, properties, "DuplicateDetectionHistoryTimeWindow", 600_000)
    return Rules(
        lifetime=lifetime,
        lock_duration=_duration(name, properties, "LockDuration", 60_000) or 60_000,
        most_deliveries=most,
        dead_letter_expired=_flag(name, properties, "DeadLetteringOnMessageExpiration"),
        duplicate_window=window if _flag(name, properties, "RequiresDuplicateDetection") else None,
        largest_message=_size(name, properties),
    )


def _size(name: str, properties: dict[str, Any]) -> int | None:
    kilobytes = properties.get(_SIZE)
    if kilobytes is None:
        return None
    if type(kilobytes) is not int or not 1 <= kilobytes <= _LARGEST_KILOBYTES:
        raise ConfigError(f"{_SIZE} of {name} must be a number from 1 to {_LARGEST_KILOBYTES}.")
    return kilobytes * 1024


def _flag(name: str, properties: dict[str, Any], key: str) -> bool:
    value = properties.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(f"{key} of {name} must be true or false.")
    return value


def _duration(name: str, properties: dict[str, Any], key: str, default: int | None) -> int | None:
    duration = properties.get(key)
    if duration is None:
        return default
    match = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if match is None or not any(match.groups()):
        raise ConfigError(f"{key} of {name} must be a duration such as PT1M, not {duration!r}.")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = round(1000 * (((days * 24 + hours) * 60 + minutes) * 60 + seconds))
    if total < 1:
        raise ConfigError(f"{key} of {name} must be longer than nothing.")
    # .NET's longest time, which Service Bus uses for "never", would not fit into the timestamps.
    return None if days > 3650 else total


def _filter(name: str, properties: dict[str, Any]) -> Filter:
    if properties.get("Action"):
        raise ConfigError(f"rule {name} has an action, and actions are not simulated.")
    kind = properties.get("FilterType", "Correlation")
    if kind == "Correlation":
        return _correlation(name, _part(properties, "CorrelationFilter"))
    if kind in ("True", "False"):
        return BooleanFilter(kind == "True")
    expression = str(_part(properties, "SqlFilter").get("SqlExpression", ""))
    takes = _SQL.get(re.sub(r"\s", "", expression)) if kind == "Sql" else None
    if takes is None:
        raise ConfigError(f"rule {name} has a filter that is not simulated; of SQL only 1=1 and 1=0 are.")
    return BooleanFilter(takes)


def _correlation(name: str, fields: dict[str, Any]) -> CorrelationFilter:
    criteria = {key: value for key, value in fields.items() if key != "Properties" and value not in (None, "")}
    if unknown := sorted(set(criteria) - set(_SYSTEM_FIELDS)):
        raise ConfigError(f"rule {name} names fields that do not exist: {', '.join(unknown)}.")
    properties = _part(fields, "Properties")
    if not criteria and not properties:
        raise ConfigError(f"rule {name} is a correlation filter without a field.")
    return CorrelationFilter({_SYSTEM_FIELDS[key]: str(value) for key, value in criteria.items()}, properties)
