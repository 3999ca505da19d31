"""How extensions are shown. Sends no requests."""

from rich.table import Table

from arcway.cli import output
from arcway.domain.json_values import Json

_COLUMNS = {
    "Name": "name",
    "Type": "extensionType",
    "State": "provisioningState",
    "Version": "currentVersion",
    "Train": "releaseTrain",
    "Upgrades": "autoUpgradeMode",
    "Namespace": "namespace",
}


def show(documents: list[Json], flat_form: Json | list[Json], format_: str) -> None:
    """Show extensions; as a table with the reasons of those that failed beside it."""
    output.show(flat_form, format_, lambda: table(documents))
    if format_ == "table":
        for document in documents:
            output.show_findings(document["failures"])


def flat(document: Json) -> Json:
    """An extension as `az k8s-extension` prints it: its properties beside name and id."""
    both = {**document["properties"], **{key: value for key, value in document.items() if key != "properties"}}
    return dict(sorted(both.items()))


def table(documents: list[Json]) -> Table:
    """A line for each extension."""
    lines = Table(box=None, header_style="bold")
    for column in _COLUMNS:
        lines.add_column(column, overflow="fold")
    for document in documents:
        cells = {**flat(document), "namespace": _namespace(document)}
        lines.add_row(*(output.cell(cells.get(name)) for name in _COLUMNS.values()))
    return lines


def _namespace(document: Json) -> str | None:
    scope = document["properties"].get("scope") or {}
    both = {**(scope.get("cluster") or {}), **(scope.get("namespace") or {})}
    return both.get("releaseNamespace") or both.get("targetNamespace")
