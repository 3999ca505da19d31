"""The parts of a request that several commands put together. Must not start anything nor print."""

from pathlib import Path
from typing import Any

from arcway.cli.client import USAGE, ArcwayClient, CommandError
from arcway.cli.option_groups import ClusterOptions, Marks, Proxy

type Json = dict[str, Any]


def proxy(options: Proxy) -> Json | None:
    """The request's part; None when no option was given. Raises `CommandError` when the file cannot be read."""
    fields = {"https": options.https, "http": options.http, "skipRange": options.skip_range}
    if options.certificate:
        fields["certificate"] = _text_of(options.certificate)
    body: Json = {name: value for name, value in fields.items() if value is not None}
    if options.credentials_secret:
        body["credentials"] = {"secret": options.credentials_secret}
    return body or None


def cluster(server: ArcwayClient, options: ClusterOptions) -> Json:
    """The connected cluster of the request."""
    simulated = server.stack.azure["subscriptionId"] if server.stack else None
    return {
        "subscriptionId": options.subscription or simulated,
        "resourceGroup": options.resource_group,
        "name": options.name,
    }


def tags(pairs: list[str], option: str = "--tags") -> dict[str, str]:
    """Parse tags, labels or annotations from name=value; empty strings are skipped. Raises `CommandError`."""
    wrong = [item for item in pairs if item and "=" not in item]
    if wrong:
        raise CommandError(f"{option} must be name=value, not {', '.join(wrong)}.", USAGE)
    return dict(item.split("=", 1) for item in pairs if item)


def marks(options: Marks) -> Json:
    """Labels and annotations of the agents' namespaces and pods, if given. Raises `CommandError`."""
    fields = {
        "namespaceLabels": (options.namespace_label, "--namespace-label"),
        "namespaceAnnotations": (options.namespace_annotation, "--namespace-annotation"),
        "podLabels": (options.pod_label, "--pod-label"),
        "podAnnotations": (options.pod_annotation, "--pod-annotation"),
    }
    return {field: tags(pairs, option) for field, (pairs, option) in fields.items() if pairs}


def _text_of(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}.", USAGE) from error
