"""Reads what an app folder configures: host.json and local.settings.json. It knows no part of the host.

Every wrong value ends as a HostError with one sentence, before anything is started.
"""

import copy
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arcway_local.functions.errors import HostError

_OVERRIDES = "AzureFunctionsJobHost"
_WORKERS = "FUNCTIONS_WORKER_PROCESS_COUNT"
_PER_CORE = 10
"""The durable extension's default concurrency for each kind of durable function, per core."""


@dataclass(frozen=True)
class Concurrency:
    """How many durable functions of each kind run at once."""

    orchestrators: int
    activities: int
    entities: int


@dataclass(frozen=True)
class Messages:
    """How many messages are in work at once, and for how many seconds a message's lock is renewed."""

    concurrent_calls: int
    renewal_seconds: float


@dataclass(frozen=True)
class HostSettings:
    """What host.json says, with its defaults."""

    route_prefix: str
    custom_headers: Mapping[str, str]
    """What every answer gets that has not got it."""
    hub_name: str
    default_version: str | None
    concurrency: Concurrency
    messages: Messages
    function_timeout: float | None
    """Seconds that a function may take; None: as long as it wants."""
    workers: int
    """How many worker processes the app has."""


def load_values(app: Path) -> None:
    """Put `Values` of local.settings.json into the environment, where it does not override what is set already.

    Raises HostError if the file is not as the Core Tools expect it.
    """
    os.environ.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
    path = app / "local.settings.json"
    if not path.exists():
        return
    document = _read(path)
    if document.get("IsEncrypted"):
        raise HostError(f"{path} is encrypted; run 'func settings decrypt' first.")
    values = document.get("Values", {})
    if not isinstance(values, dict):
        raise HostError(f"{path}: Values must be an object.")
    for name, value in values.items():
        if not isinstance(value, str):
            raise HostError(f"{path}: the value of {name} must be a string.")
        os.environ.setdefault(name, value)


def load_host_json(app: Path) -> HostSettings:
    """Read host.json. Raises HostError if it is missing, not JSON, of another version or holds a wrong value."""
    path = app / "host.json"
    if not path.exists():
        raise HostError(f'{app} has no host.json; the smallest one is {{"version": "2.0"}}.')
    document = _overridden(_read(path))
    if document.get("version") != "2.0":
        raise HostError(f'{path}: version must be "2.0", not {json.dumps(document.get("version"))}.')
    extensions = _section(path, document, "extensions")
    durable = _section(path, extensions, "durableTask")
    version = durable.get("defaultVersion")
    if version is not None and not isinstance(version, str):
        raise HostError(f"{path}: defaultVersion must be a string.")
    return HostSettings(
        route_prefix=_text(path, _section(path, extensions, "http"), "routePrefix", "api").strip("/"),
        custom_headers=_headers(path, _section(path, extensions, "http")),
        hub_name=resolve(_text(path, durable, "hubName", "TestHubName")),
        default_version=version,
        concurrency=Concurrency(
            orchestrators=_count(path, durable, "maxConcurrentOrchestratorFunctions"),
            activities=_count(path, durable, "maxConcurrentActivityFunctions"),
            entities=_count(path, durable, "maxConcurrentEntityFunctions"),
        ),
        messages=_messages(path, _section(path, extensions, "serviceBus")),
        function_timeout=_timeout(path, _text(path, document, "functionTimeout", "00:30:00")),
        workers=_workers(),
    )


def _workers() -> int:
    value = os.environ.get(_WORKERS, "1")
    if value not in ("1", "2"):
        raise HostError(f"{_WORKERS} must be 1 or 2 with this host.")
    return int(value)


def _overridden(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document with what settings named `AzureFunctionsJobHost__section__name` say instead, as in the real host."""
    changed = copy.deepcopy({**document})
    for name, value in os.environ.items():
        first, *path = name.split("__")
        if first != _OVERRIDES or not all(path) or not path:
            continue
        section = changed
        for part in path[:-1]:
            section = section.setdefault(part, {})
            if not isinstance(section, dict):
                raise HostError(f"{name}: {part} is not an object in host.json.")
        section[path[-1]] = int(value) if value.isdecimal() else value
    return changed


def _headers(path: Path, section: Mapping[str, Any]) -> Mapping[str, str]:
    headers = _section(path, section, "customHeaders")
    if not all(isinstance(value, str) and value.isprintable() for value in headers.values()):
        raise HostError(f"{path}: customHeaders must be names with strings.")
    return headers


def _messages(path: Path, section: Mapping[str, Any]) -> Messages:
    duration = _text(path, section, "maxAutoLockRenewalDuration", "00:05:00")
    seconds = _seconds(path, "maxAutoLockRenewalDuration", duration)
    return Messages(_count(path, section, "maxConcurrentCalls"), seconds)


def _timeout(path: Path, duration: str) -> float | None:
    if duration.strip() in ("-1", "-00:00:01"):
        return None
    seconds = _seconds(path, "functionTimeout", duration)
    if seconds <= 0:
        raise HostError(f"{path}: functionTimeout must be longer than nothing, or -1.")
    return seconds


def _seconds(path: Path, name: str, duration: str) -> float:
    try:
        hours, minutes, seconds = (float(part) for part in duration.split(":"))
    except ValueError as error:
        raise HostError(f"{path}: {name} must be hh:mm:ss.") from error
    return hours * 3600 + minutes * 60 + seconds


def resolve(setting: str) -> str:
    """Replace every %NAME% by that setting. Raises HostError if there is no such setting."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise HostError(f"The setting {match[1]} is not defined; '{setting}' refers to it.")
        return os.environ[match[1]]

    return re.sub(r"%([^%]+)%", value, setting)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise HostError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(document, dict):
        raise HostError(f"{path} must hold a JSON object.")
    return document


def _section(path: Path, parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = parent.get(name, {})
    if not isinstance(section, dict):
        raise HostError(f"{path}: {name} must be an object.")
    return section


def _text(path: Path, section: Mapping[str, Any], name: str, default: str) -> str:
    value = section.get(name, default)
    if not isinstance(value, str):
        raise HostError(f"{path}: {name} must be a string.")
    return value


def _count(path: Path, section: Mapping[str, Any], name: str) -> int:
    value = section.get(name, _PER_CORE * (os.process_cpu_count() or 1))
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise HostError(f"{path}: {name} must be a whole number above 0.")
    return value
