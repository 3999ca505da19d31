"""How Flux configurations are shown. Sends no requests."""

from rich.table import Table

from arcway.cli import output
from arcway.domain.json_values import Json

_COLUMNS = {
    "Name": "name",
    "Compliance": "complianceState",
    "State": "provisioningState",
    "Namespace": "namespace",
    "Source": "url",
    "Revision": "sourceSyncedCommitId",
    "Kustomizations": "kustomizations",
}
_SOURCES = ("gitRepository", "bucket", "azureBlob", "ociRepository")


def show(documents: list[Json], flat_form: Json | list[Json], format_: str) -> None:
    """Show Flux configurations; as a table with the causes of those that do not comply beside it."""
    output.show(flat_form, format_, lambda: table(documents))
    if format_ == "table":
        for document in documents:
            output.show_findings(document["failures"])


def flat(document: Json) -> Json:
    """A configuration as `az k8s-configuration flux` prints it: its properties beside name and id."""
    both = {**document["properties"], **{key: value for key, value in document.items() if key != "properties"}}
    return dict(sorted(both.items()))


def table(documents: list[Json]) -> Table:
    """A line for each configuration."""
    lines = Table(box=None, header_style="bold")
    for column in _COLUMNS:
        lines.add_column(column, overflow="fold")
    for document in documents:
        properties = document["properties"]
        source: Json = next((properties[name] for name in _SOURCES if isinstance(properties.get(name), dict)), {})
        names = ", ".join(sorted(properties.get("kustomizations") or {}))
        cells = {**flat(document), "url": source.get("url"), "kustomizations": names}
        lines.add_row(*(output.cell(cells.get(name)) for name in _COLUMNS.values()))
    return lines


def public_key(document: Json) -> str | None:
    """The public key that Flux has made for the repository; None if there is none."""
    return (document["properties"].get("repositoryPublicKey") or "").strip() or None
