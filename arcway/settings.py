"""What this installation is told from outside: read once from the environment, all problems reported together.

The only module that reads the environment. docs/local.md and local.settings.sample.json list the same names.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit


class SettingsError(Exception):
    """The app refuses to start; the message names every wrong setting."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that differs between installations."""

    arm_endpoint: str
    """ARCWAY_ARM_ENDPOINT: Azure Resource Manager's address; every other Azure address comes from its metadata."""
    local: bool
    """ARCWAY_LOCAL: this installation works on one machine, so loopback API servers and a secret folder are allowed."""
    ca_file: str | None
    """ARCWAY_CA_FILE: PEM file with a CA to trust beside the public ones (simulated Azure, a private registry)."""
    secrets_dir: Path | None
    """ARCWAY_SECRETS_DIR: folder of secrets, one file each with mode 0600; local only."""
    vaults: tuple[str, ...]
    """ARCWAY_VAULTS: addresses of the Key Vaults that secrets may come from, separated by commas."""
    registries: tuple[str, ...]
    """ARCWAY_REGISTRIES: hosts (with port) that charts may come from, separated by commas."""
    work_dir: Path
    """ARCWAY_WORK_DIR: folder for the chart cache and the Helm workers' homes; nothing secret is written there."""
    client_id: str | None
    """AZURE_CLIENT_ID: client id of the user-assigned identity; none means the system-assigned one."""
    helm: Path | None
    """ARCWAY_HELM: path of a helm program (4.x) to call instead of the embedded library."""
    bus_connection: str | None
    """ServiceBusConnection: connection string of the Service Bus; in Azure the next setting instead."""
    bus_namespace: str | None
    """ServiceBusConnection__fullyQualifiedNamespace: host of the namespace, used with the managed identity."""
    onboarding_queue: str | None
    """ONBOARDING_QUEUE: queue whose messages start runs; without it no messages are taken."""
    events_topic: str
    """ARCWAY_EVENTS_TOPIC: topic that result events go to."""
    installation: str
    """ARCWAY_INSTALLATION: name by which installations keep out of one another's way in a cluster; by default the
    function app's name (WEBSITE_SITE_NAME), on one machine a name made from the work folder."""
    retention_days: int
    """ARCWAY_RETENTION_DAYS: finished runs older than this are removed every night."""
    helm_workers: int
    """ARCWAY_HELM_WORKERS: how many Helm calls may run at once; each is a process of about 100 MB."""
    step_threads: int
    """ARCWAY_STEP_THREADS: how many steps may run at once in this process."""

    @property
    def publishes(self) -> bool:
        """Whether there is a broker that result events go to."""
        return bool(self.bus_connection or self.bus_namespace)

    @property
    def source(self) -> str:
        """How this service names itself in events."""
        return f"urn:arcway:{self.installation}"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Build the settings. Raises `SettingsError` naming everything that is wrong."""
    wrong: list[str] = []
    local = environment.get("ARCWAY_LOCAL", "") == "1"
    arm = environment.get("ARCWAY_ARM_ENDPOINT", "https://management.azure.com").rstrip("/")
    if urlsplit(arm).scheme != "https":
        wrong.append("ARCWAY_ARM_ENDPOINT must be an https address")
    ca_file = environment.get("ARCWAY_CA_FILE") or None
    if ca_file and not Path(ca_file).is_file():
        wrong.append("ARCWAY_CA_FILE must name an existing file")
    secrets_dir = environment.get("ARCWAY_SECRETS_DIR") or None
    if secrets_dir and not local:
        wrong.append("ARCWAY_SECRETS_DIR is only for local installations (ARCWAY_LOCAL=1); use ARCWAY_VAULTS")
    vaults = _list(environment.get("ARCWAY_VAULTS", ""))
    if not all(urlsplit(vault).scheme == "https" for vault in vaults):
        wrong.append("ARCWAY_VAULTS must be https addresses separated by commas")
    helm = environment.get("ARCWAY_HELM") or None
    if helm and not (Path(helm).is_file() and os.access(helm, os.X_OK)):
        wrong.append("ARCWAY_HELM must name a program")
    bus_connection = environment.get("ServiceBusConnection") or None
    bus_namespace = environment.get("ServiceBusConnection__fullyQualifiedNamespace") or None
    queue = environment.get("ONBOARDING_QUEUE") or None
    if queue and not (bus_connection or bus_namespace):
        wrong.append("ONBOARDING_QUEUE needs ServiceBusConnection or ServiceBusConnection__fullyQualifiedNamespace")
    settings = Settings(
        arm_endpoint=arm,
        local=local,
        ca_file=ca_file,
        secrets_dir=Path(secrets_dir) if secrets_dir else None,
        vaults=vaults,
        registries=_list(environment.get("ARCWAY_REGISTRIES", "mcr.microsoft.com")),
        work_dir=Path(environment.get("ARCWAY_WORK_DIR") or Path(tempfile.gettempdir()) / "arcway"),
        client_id=environment.get("AZURE_CLIENT_ID") or None,
        helm=Path(helm) if helm else None,
        bus_connection=bus_connection,
        bus_namespace=bus_namespace,
        onboarding_queue=queue,
        events_topic=environment.get("ARCWAY_EVENTS_TOPIC") or "onboarding-events",
        installation=_installation(environment),
        retention_days=_count(environment, "ARCWAY_RETENTION_DAYS", 30, wrong, limit=3650),
        helm_workers=_count(environment, "ARCWAY_HELM_WORKERS", 4, wrong),
        step_threads=_count(environment, "ARCWAY_STEP_THREADS", 32, wrong),
    )
    if wrong:
        raise SettingsError("; ".join(wrong) + ".")
    return settings


def _installation(environment: Mapping[str, str]) -> str:
    named = environment.get("ARCWAY_INSTALLATION") or environment.get("WEBSITE_SITE_NAME")
    if named:
        return named
    folder = str(Path(environment.get("ARCWAY_WORK_DIR") or tempfile.gettempdir()).absolute())
    return f"local-{hashlib.sha256(folder.encode()).hexdigest()[:12]}"


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())


def _count(environment: Mapping[str, str], name: str, default: int, wrong: list[str], limit: int = 256) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= limit:
        wrong.append(f"{name} must be a number from 1 to {limit}")
        return default
    return int(text)


@cache
def settings() -> Settings:
    """The settings of this process."""
    return read_settings(os.environ)
