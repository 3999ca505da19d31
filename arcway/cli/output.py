"""How results are shown: data on standard output, everything else on standard error. Sends no requests."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from arcway.cli.client import CommandError
from arcway.domain.connected_cluster import span, with_ages
from arcway.domain.json_values import Json
from arcway.domain.text import json_text, visible


class _Console(Console):
    """A console for which every text is plain: no markup, and nothing in it that steers the terminal."""

    def render_str(self, text: str, **options: Any) -> Text:
        """What Rich makes of every text that it prints, those in the cells of tables included."""
        escaped = plain(text)
        escaped.stylize(options.get("style", ""))
        return escaped


def plain(value: str) -> Text:
    """A text whose lines are kept and in which everything that would steer a terminal is an escape."""
    return Text("\n".join(map(visible, value.split("\n"))))


# Without a terminal there is no width to fit into: a line stays a line, for grep and for logs.
_WIDE = None if sys.stdout.isatty() else 240
stdout = _Console(highlight=False, width=_WIDE)
stderr = _Console(stderr=True, highlight=False, soft_wrap=True)

# What `az connectedk8s show` prints of a connected cluster, in its order.
CLUSTER_FIELDS = (
    "aadProfile",
    "agentPublicKeyCertificate",
    "agentVersion",
    "connectivityStatus",
    "distribution",
    "id",
    "identity",
    "infrastructure",
    "kubernetesVersion",
    "lastConnectivityTime",
    "location",
    "managedIdentityCertificateExpirationTime",
    "name",
    "offering",
    "provisioningState",
    "resourceGroup",
    "tags",
    "totalCoreCount",
    "totalNodeCount",
    "type",
)


def flat(resource: Json) -> Json:
    """A connected cluster as `az` prints it: properties beside name and id, every field of the article there."""
    properties = resource.get("properties") or {}
    both = {**properties, **{key: value for key, value in resource.items() if key != "properties"}}
    return dict(sorted({**dict.fromkeys(CLUSTER_FIELDS), **both}.items()))


def show(value: Any, format_: str, for_people: Callable[[], Any]) -> None:
    """Print data to standard output: JSON, one line per item with jsonl, or a table for people."""
    if format_ == "json":
        _write(json_text(value, 2))
    elif format_ == "jsonl":
        for item in value if isinstance(value, list) else [value]:
            _write(json_text(item))
    else:
        stdout.print(for_people())


def print_json(value: Any) -> None:
    """Plain JSON, for a person and for a program alike."""
    _write(json_text(value, 2))


def print_lines(text: str) -> None:
    """Lines exactly as they are, each with its line break."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def clusters_table(resources: list[Json]) -> Table:
    """Connected clusters, one a line."""
    table = Table(box=None, header_style="bold")
    columns = {
        "Name": "name",
        "ResourceGroup": "resourceGroup",
        "Location": "location",
        "Connectivity": "connectivityStatus",
        "Kubernetes": "kubernetesVersion",
        "Agents": "agentVersion",
        "Nodes": "totalNodeCount",
        "Cores": "totalCoreCount",
        "Heartbeat": "heartbeat",
        "CertificateDays": "certificateDaysLeft",
    }
    for column in columns:
        table.add_column(column, overflow="fold")
    now = datetime.now(UTC)
    for resource in resources:
        cells = flat(with_ages(resource, now))
        age = cells["heartbeatAgeSeconds"]
        cells["heartbeat"] = None if age is None else f"{span(age)} ago"
        table.add_row(*(cell(cells[name]) for name in columns.values()))
    return table


def runs_table(runs: list[Json]) -> Table:
    """Runs, one a line."""
    table = Table(box=None, header_style="bold")
    for column in ("Run", "Cluster", "Operation", "State", "Phase", "Created", "Error"):
        table.add_column(column, overflow="fold")
    for run in runs:
        error = (run["error"] or {}).get("code")
        cells = (
            run["id"],
            run["cluster"]["name"],
            run["operation"],
            run["state"],
            run["phase"],
            run["createdAt"],
            error,
        )
        table.add_row(*map(cell, cells))
    return table


def dead_letters_table(messages: list[Json]) -> Table:
    """Dead letters, one a line."""
    table = Table(box=None, header_style="bold")
    names = ("messageId", "reason", "description", "enqueuedTime", "deliveryCount")
    for name in names:
        table.add_column(name, overflow="fold")
    for message in messages:
        table.add_row(*(cell(message[name]) for name in names))
    return table


def run_for_people(run: Json) -> Group:
    """A run: its id, state and phases."""
    head = f"{run['id']}  {run['operation']} {run['cluster']['name']}: {run['state']}"
    return Group(cell(head), phases_table(run))


def phases_table(run: Json) -> Table:
    """The phases of a run."""
    table = Table(box=None, header_style="bold")
    for column in ("Phase", "State", "Attempts", "Detail"):
        table.add_column(column, overflow="fold")
    for phase in run["phases"]:
        table.add_row(*(cell(phase[name]) for name in ("name", "state", "attempts")), cell(phase_detail(phase)))
    return table


def phase_detail(phase: Json) -> str | None:
    """What a phase does, or the error that it failed with or waits because of."""
    error = phase["error"]
    text: str | None = f"{error['code']}: {error['message']}" if error else phase["detail"]
    return text


def show_issuer(issuer: Json) -> None:
    """The cluster's OIDC issuer, and the flag by which its administrator sets it."""
    stderr.print(f"OIDC issuer: {issuer['issuerUrl']}", markup=False)
    if flag := issuer.get("apiServerFlag"):
        stderr.print(f"  Flag for the API server: {flag}", markup=False)


def show_findings(findings: list[Json]) -> None:
    """Findings for people."""
    for finding in findings:
        stderr.print(f"{finding['level']}: {finding['code']}: {finding['message']}", markup=False)
        if finding.get("remedy"):
            stderr.print(f"  {finding['remedy']}", markup=False)


def show_error(error: CommandError) -> None:
    """An error for people: the sentence, every detail, the remedy."""
    stderr.print(str(error), markup=False, style="red")
    for item in error.details:
        if "field" in item:
            stderr.print(f"  {item['field']}: {item['message']}", markup=False)
        elif "href" in item:
            command = "arcway fleet show" if "fleet" in item else "arcway status"
            stderr.print(f"  {command} {item.get('fleet') or item['run']}", markup=False)
    if error.remedy:
        stderr.print(f"  {error.remedy}", markup=False)


def cell(value: object) -> Text:
    """A value as one line of a table."""
    return Text("" if value is None else visible(str(value)))
