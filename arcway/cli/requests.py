"""The parts of a request that several commands put together. Must not start anything nor print."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from arcway.cli.client import USAGE, ArcwayClient, CommandError

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """Where the user says that the kubeconfig is: a file and a context in it, or a stored secret; and what is made of
    it for the service.
    """

    file: Path | None = None
    context: str | None = None
    secret: str | None = None
    credential: Literal["service-account", "as-is"] = "service-account"
    ttl: str | None = None
    role: str | None = None
    keep: bool = False
    vault: str | None = None
    yes: bool = False

    @property
    def is_named(self) -> bool:
        """Whether the user named one at all."""
        return bool(self.file or self.context or self.secret)


@dataclass(frozen=True, slots=True)
class Proxy:
    """The options about an outbound proxy."""

    https: str | None = None
    http: str | None = None
    skip_range: str | None = None
    certificate: Path | None = None
    credentials_secret: str | None = None

    def as_json(self) -> Json | None:
        """The request's part; None when nothing was said. Raises `CommandError` when the file cannot be read."""
        options = {"https": self.https, "http": self.http, "skipRange": self.skip_range}
        if self.certificate:
            options["certificate"] = _text_of(self.certificate)
        body: Json = {name: value for name, value in options.items() if value is not None}
        if self.credentials_secret:
            body["credentials"] = {"secret": self.credentials_secret}
        return body or None


def cluster(server: ArcwayClient, name: str, resource_group: str, subscription: str | None) -> Json:
    """The connected cluster of the request."""
    simulated = server.stack.azure["subscriptionId"] if server.stack else None
    return {"subscriptionId": subscription or simulated, "resourceGroup": resource_group, "name": name}


def tags(pairs: list[str], option: str = "--tags") -> dict[str, str]:
    """Parse tags, labels or annotations from name=value; empty strings are skipped. Raises `CommandError`."""
    wrong = [item for item in pairs if item and "=" not in item]
    if wrong:
        raise CommandError(f"{option} must be name=value, not {', '.join(wrong)}.", USAGE)
    return dict(item.split("=", 1) for item in pairs if item)


def marks(
    namespace_labels: list[str] | None,
    namespace_annotations: list[str] | None,
    pod_labels: list[str] | None,
    pod_annotations: list[str] | None,
) -> Json:
    """Labels and annotations of the agents' namespaces and pods, if given. Raises `CommandError`."""
    options = {
        "namespaceLabels": (namespace_labels, "--namespace-label"),
        "namespaceAnnotations": (namespace_annotations, "--namespace-annotation"),
        "podLabels": (pod_labels, "--pod-label"),
        "podAnnotations": (pod_annotations, "--pod-annotation"),
    }
    return {field: tags(texts, option) for field, (texts, option) in options.items() if texts}


def _text_of(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}.", USAGE) from error
