"""`arcway extension`: the extensions of a connected cluster as Azure has them now, and why those that failed did."""

from typing import Annotated

import typer
from rich.table import Table

from arcway.cli import output, requests
from arcway.cli.client import NOT_FOUND, OK, ArcwayClient, CommandError
from arcway.cli.option_groups import ClusterOptions, with_groups
from arcway.cli.options import OutputOption, ServerOption
from arcway.domain.json_values import Json

extension = typer.Typer(help="The extensions of a connected cluster.", no_args_is_help=True)

_COLUMNS = {
    "Name": "name",
    "Type": "extensionType",
    "State": "provisioningState",
    "Version": "currentVersion",
    "Train": "releaseTrain",
    "Upgrades": "autoUpgradeMode",
    "Namespace": "namespace",
}


@extension.command(name="list")
@with_groups
def list_(
    cluster: ClusterOptions,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """List the extensions of a connected cluster. Example: arcway extension list -n shop -g clusters"""
    client = ArcwayClient.find(server)
    listed = client.get(_path(client, cluster))["value"]
    _show(listed, [_flat(item) for item in listed], format_)
    return OK


@extension.command()
@with_groups
def show(
    extension_name: Annotated[str, typer.Argument(metavar="EXTENSION", help="Name of the extension.")],
    cluster: ClusterOptions,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show an extension of a connected cluster. Example: arcway extension show flux -n shop -g clusters"""
    client = ArcwayClient.find(server)
    document = client.get(f"{_path(client, cluster)}/{extension_name}")
    _show([document], _flat(document), format_)
    return OK


def _path(client: ArcwayClient, cluster: ClusterOptions) -> str:
    which = requests.cluster(client, cluster)
    if which["subscriptionId"] is None:
        raise CommandError(
            "--subscription is required.", NOT_FOUND, remedy="Pass --subscription or set AZURE_SUBSCRIPTION_ID."
        )
    return f"connectedClusters/{which['subscriptionId']}/{cluster.resource_group}/{cluster.name}/extensions"


def _show(documents: list[Json], flat: Json | list[Json], format_: str) -> None:
    output.show(flat, format_, lambda: _table(documents))
    if format_ == "table":
        for document in documents:
            output.show_findings(document["failures"])


def _flat(document: Json) -> Json:
    """An extension as `az k8s-extension` prints it: its properties beside name and id."""
    both = {**document["properties"], **{key: value for key, value in document.items() if key != "properties"}}
    return dict(sorted(both.items()))


def _table(documents: list[Json]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for document in documents:
        cells = {**_flat(document), "namespace": _namespace(document)}
        table.add_row(*(output.cell(cells.get(name)) for name in _COLUMNS.values()))
    return table


def _namespace(document: Json) -> str | None:
    scope = document["properties"].get("scope") or {}
    both = {**(scope.get("cluster") or {}), **(scope.get("namespace") or {})}
    return both.get("releaseNamespace") or both.get("targetNamespace")
