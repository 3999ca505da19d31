"""Settings, read once from an environment; all problems are reported together.

`function_app.py` hands the environment in, so that nothing below it reads one. docs/local.md and
local.settings.sample.json list the same names.
"""

import hashlib
import os
import re
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from arcway.domain.arm_limits import AZURE_LIMITS, Kind, Limit, parse_limits
from arcway.domain.secret_names import SecretKind, kind_of
from arcway.domain.urls import is_loopback, is_url
from arcway.private_folder import folder_problem
from arcway.service_identity import ServiceIdentity

_SESSION_KEYS_NAME = "arcway-page-session"
# Set by every Functions host, never by an operator.
_BOUND_TO = "WEBSITE_HOSTNAME"

_OF_THE_LOADER = ("LD_LIBRARY_PATH", "TMPDIR", "LANG", "LC_ALL")
_HOST_AND_PORT = re.compile(r"([0-9A-Za-z.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


class SettingsError(Exception):
    """The app refuses to start; the message names every wrong setting."""


@dataclass(frozen=True, slots=True)
class Authority:
    """The Entra tenant whose tokens open the API, and Arcway's own app registration in it."""

    url: str
    """ARCWAY_AUTHORITY: the cloud's sign-in address; default: the public cloud's."""
    tenant_id: str
    """ARCWAY_TENANT_ID: the tenant's id, in lower case as tokens have it."""
    client_id: str
    """ARCWAY_CLIENT_ID: application id of the app registration whose roles count."""
    secret_name: str | None
    """ARCWAY_CLIENT_SECRET_NAME: name of the secret by which the page signs people in; none: the page cannot."""
    session_keys_name: str
    """ARCWAY_SESSION_KEYS_NAME: name of the secret with the keys of the page's cookies, one a line: the first
    one seals, every one opens, so that keys can be rotated; default: arcway-page-session."""

    @property
    def issuer(self) -> str:
        """Who issues this tenant's v2.0 tokens."""
        return f"{self.url}/{self.tenant_id}/v2.0"


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
    check_image: str
    """ARCWAY_CHECK_IMAGE: image with a shell and `nc` for the network check, from one of these hosts; default:
    cbl-mariner/busybox:2.0 of the first."""
    work_dir: Path | None
    """ARCWAY_WORK_DIR: folder for the chart cache and the Helm workers' homes, which only this user may reach (0700);
    made when there is none. Default: a temporary folder of this process. Nothing secret is written there."""
    authority: Authority | None
    """Who may use the API; None only where everything is local and bound to loopback: then all callers may."""
    identity: ServiceIdentity
    """AZURE_CLIENT_ID: client id of the user-assigned identity; none means the system-assigned one. On Kubernetes also
    AZURE_FEDERATED_TOKEN_FILE, AZURE_TENANT_ID and AZURE_AUTHORITY_HOST, which workload identity sets."""
    helm: Path | None
    """ARCWAY_HELM: path of a helm program (4.x) to call instead of the embedded library."""
    bus_connection: str | None = field(repr=False)
    """ServiceBusConnection: connection string of the Service Bus; in Azure the next setting instead."""
    bus_namespace: str | None
    """ServiceBusConnection__fullyQualifiedNamespace: host of the namespace, used with the managed identity."""
    onboarding_queue: str | None
    """ONBOARDING_QUEUE: queue whose messages start runs; without it no messages are taken."""
    events_topic: str
    """ARCWAY_EVENTS_TOPIC: topic that result events go to."""
    installation_name: str
    """ARCWAY_INSTALLATION: name by which installations keep out of one another's way in a cluster; by default the
    function app's name (WEBSITE_SITE_NAME), on one machine a name made from the work folder."""
    retention_days: int
    """ARCWAY_RETENTION_DAYS: finished runs older than this are removed every night."""
    helm_workers: int
    """ARCWAY_HELM_WORKERS: how many Helm calls may run at once; each is a process of about 100 MB."""
    step_threads: int
    """ARCWAY_STEP_THREADS: how many steps may run at once in this process."""
    arm_limits: Mapping[Kind, Limit]
    """ARCWAY_ARM_LIMITS: how many requests a subscription takes from this installation, where that differs from Azure's
    documentation: `reads=250+25/s,writes=200+10/s,deletes=200+10/s`, the bucket's size and what comes back."""
    proxy: Mapping[str, str] = field(repr=False)
    """HTTPS_PROXY, HTTP_PROXY, NO_PROXY: the way out of Arcway's own calls, in either case as everywhere. The clients
    of Azure and Kubernetes read them themselves; Helm's processes get them from here."""

    loader: Mapping[str, str]
    """LD_LIBRARY_PATH, TMPDIR, LANG, LC_ALL: what a process needs to find libraries and to write temporary files.
    Helm's processes, which get no other variables, get them from here."""

    @property
    def publishes(self) -> bool:
        """Whether there is a broker that result events go to."""
        return bool(self.bus_connection or self.bus_namespace)

    @property
    def source(self) -> str:
        """How this service names itself in events."""
        return f"urn:arcway:{self.installation_name}"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Build the settings. Raises `SettingsError` naming everything that is wrong."""
    wrong: list[str] = []
    local = environment.get("ARCWAY_LOCAL", "") == "1"
    arm = environment.get("ARCWAY_ARM_ENDPOINT", "https://management.azure.com").rstrip("/")
    if not is_url(arm, "https"):
        wrong.append("ARCWAY_ARM_ENDPOINT must be an https address")
    ca_file = environment.get("ARCWAY_CA_FILE") or None
    if ca_file and not Path(ca_file).is_file():
        wrong.append("ARCWAY_CA_FILE must be the path of an existing file")
    secrets_dir = environment.get("ARCWAY_SECRETS_DIR") or None
    if secrets_dir and not local:
        wrong.append("ARCWAY_SECRETS_DIR is only for local installations (ARCWAY_LOCAL=1); use ARCWAY_VAULTS")
    vaults = _list(environment.get("ARCWAY_VAULTS", ""))
    if not all(is_url(vault, "https") for vault in vaults):
        wrong.append("ARCWAY_VAULTS must be https addresses separated by commas")
    helm = environment.get("ARCWAY_HELM") or None
    if helm and not (Path(helm).is_file() and os.access(helm, os.X_OK)):
        wrong.append("ARCWAY_HELM must be the path of a program")
    bus_connection = environment.get("ServiceBusConnection") or None
    bus_namespace = environment.get("ServiceBusConnection__fullyQualifiedNamespace") or None
    queue = environment.get("ONBOARDING_QUEUE") or None
    if queue and not (bus_connection or bus_namespace):
        wrong.append("ONBOARDING_QUEUE needs ServiceBusConnection or ServiceBusConnection__fullyQualifiedNamespace")
    registries = _list(environment.get("ARCWAY_REGISTRIES") or "mcr.microsoft.com")
    if not all(_HOST_AND_PORT.fullmatch(registry) for registry in registries):
        wrong.append("ARCWAY_REGISTRIES must be hosts, each with or without a port, separated by commas")
    identity = ServiceIdentity.of(environment)
    if identity.problem:
        wrong.append(identity.problem)
    settings = Settings(
        arm_endpoint=arm,
        local=local,
        ca_file=ca_file,
        secrets_dir=Path(secrets_dir) if secrets_dir else None,
        vaults=vaults,
        registries=registries,
        check_image=_check_image(environment.get("ARCWAY_CHECK_IMAGE") or "", registries, wrong),
        work_dir=_work_dir(environment, wrong),
        authority=_authority(environment, local, wrong),
        identity=identity,
        helm=Path(helm) if helm else None,
        bus_connection=bus_connection,
        bus_namespace=bus_namespace,
        onboarding_queue=queue,
        events_topic=environment.get("ARCWAY_EVENTS_TOPIC") or "onboarding-events",
        installation_name=_installation_name(environment),
        retention_days=_count(environment, "ARCWAY_RETENTION_DAYS", 30, wrong, limit=3650),
        helm_workers=_count(environment, "ARCWAY_HELM_WORKERS", 4, wrong),
        step_threads=_count(environment, "ARCWAY_STEP_THREADS", 32, wrong),
        arm_limits=_arm_limits(environment.get("ARCWAY_ARM_LIMITS") or "", wrong),
        loader={name: value for name in _OF_THE_LOADER if (value := environment.get(name))},
        proxy={
            name: value
            for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
            if (value := environment.get(name.lower()) or environment.get(name))
        },
    )
    if wrong:
        raise SettingsError("; ".join(wrong) + ".")
    return settings


def _work_dir(environment: Mapping[str, str], wrong: list[str]) -> Path | None:
    if not (name := environment.get("ARCWAY_WORK_DIR")):
        return None
    if problem := folder_problem(Path(name)):
        wrong.append(f"ARCWAY_WORK_DIR {problem}")
    return Path(name)


def _check_image(image: str, registries: tuple[str, ...], wrong: list[str]) -> str:
    if image and image.partition("/")[0] not in registries:
        wrong.append("ARCWAY_CHECK_IMAGE must come from one of the hosts in ARCWAY_REGISTRIES")
    return image or f"{registries[0]}/cbl-mariner/busybox:2.0"


def _authority(environment: Mapping[str, str], local: bool, wrong: list[str]) -> Authority | None:
    """Half an authority is an error, and so is none, unless only this machine can reach the app."""
    ids = {
        "ARCWAY_TENANT_ID": environment.get("ARCWAY_TENANT_ID", ""),
        "ARCWAY_CLIENT_ID": environment.get("ARCWAY_CLIENT_ID", ""),
    }
    url = environment.get("ARCWAY_AUTHORITY") or ""
    secret_name = environment.get("ARCWAY_CLIENT_SECRET_NAME") or None
    if not (any(ids.values()) or url or secret_name):
        if not (local and _is_loopback(environment.get(_BOUND_TO, ""))):
            message = "ARCWAY_TENANT_ID and ARCWAY_CLIENT_ID must be set, so that the API is not open to everyone"
            wrong.append(f"{message} (not needed with ARCWAY_LOCAL=1 on loopback)")
        return None
    missing = [name for name, value in ids.items() if not value]
    if missing:
        wrong.append(f"{' and '.join(missing)} must be set together with the other settings of the authority")
    wrong.extend(f"{name} must be a GUID" for name, value in ids.items() if value and not _is_guid(value))
    keys_name = environment.get("ARCWAY_SESSION_KEYS_NAME") or _SESSION_KEYS_NAME
    for name, value in (("ARCWAY_CLIENT_SECRET_NAME", secret_name), ("ARCWAY_SESSION_KEYS_NAME", keys_name)):
        if value is not None and kind_of(value) is not SecretKind.PAGE:
            wrong.append(f"{name} must be a name that starts with arcway-page-, which no request can name")
    if secret_name is not None and secret_name.lower() == keys_name.lower():
        wrong.append("ARCWAY_SESSION_KEYS_NAME must be a different secret than ARCWAY_CLIENT_SECRET_NAME")
    url = url.rstrip("/") or "https://login.microsoftonline.com"
    if not is_url(url, "https") or urlsplit(url).path or "?" in url or "#" in url:
        wrong.append("ARCWAY_AUTHORITY must be an https address without a path")
    return Authority(url, ids["ARCWAY_TENANT_ID"].lower(), ids["ARCWAY_CLIENT_ID"].lower(), secret_name, keys_name)


def _is_guid(value: str) -> bool:
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def _is_loopback(host_and_port: str) -> bool:
    """Whether an address is this machine's alone."""
    try:
        return is_loopback(urlsplit(f"//{host_and_port}").hostname)
    except ValueError:
        return False


def _installation_name(environment: Mapping[str, str]) -> str:
    named = environment.get("ARCWAY_INSTALLATION") or environment.get("WEBSITE_SITE_NAME")
    if named:
        return named
    folder = str(Path(environment.get("ARCWAY_WORK_DIR") or tempfile.gettempdir()).absolute())
    return f"local-{hashlib.sha256(folder.encode()).hexdigest()[:12]}"


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())


def _arm_limits(written: str, wrong: list[str]) -> Mapping[Kind, Limit]:
    try:
        return parse_limits(written)
    except ValueError:
        wrong.append("ARCWAY_ARM_LIMITS must be limits such as reads=250+25/s,writes=200+10/s")
        return AZURE_LIMITS


def _count(environment: Mapping[str, str], name: str, default: int, wrong: list[str], limit: int = 256) -> int:
    value = environment.get(name) or str(default)
    if not value.isdecimal() or not 1 <= int(value) <= limit:
        wrong.append(f"{name} must be a number from 1 to {limit}")
        return default
    return int(value)
