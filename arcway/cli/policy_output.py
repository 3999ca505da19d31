"""How Azure Policy of a cluster is shown. Sends no requests."""

from rich.table import Table

from arcway.cli import extension_output, output
from arcway.domain.json_values import Json


def show(document: Json, format_: str) -> None:
    """Show the extension, and the assignments that apply to the cluster."""
    extension = document["extension"]
    if format_ != "table":
        output.show(document, format_, str)
        return
    if extension is None:
        output.stderr.print("The connected cluster does not have Azure Policy's extension.")
    else:
        extension_output.show([extension], extension_output.flat(extension), format_)
    output.show(document, format_, lambda: table(document["assignments"]))


def show_enabled(run: Json, format_: str) -> None:
    """Show the outcome of a run that enabled Azure Policy, and when its results can be seen."""
    result = run["result"]
    if format_ != "table":
        output.show({**result, "changed": run["changed"]}, format_, str)
        return
    assignments = [result["assignment"]] if result["assignment"] else []
    show({"extension": result["extension"], "assignments": assignments}, format_)
    if assignments:
        output.stderr.print(when(result["schedule"]), markup=False)
    if not run["changed"]:
        output.stderr.print("Nothing was changed.")


def when(schedule: Json) -> str:
    """How long after an assignment the cluster has it and Azure shows its results."""
    results = schedule["resultsInAzureAfterMinutes"]
    fetched, scanned = schedule["assignmentsFetchedEveryMinutes"], schedule["fullScanEveryMinutes"]
    return (
        f"The cluster fetches assignments every {fetched} minutes and is scanned every {scanned} minutes. "
        f"Azure shows results {results['least']} to {results['most']} minutes later."
    )


def table(assignments: list[Json]) -> Table:
    """A line for each assignment."""
    lines = Table(box=None, header_style="bold")
    for column in ("Assignment", "Display name", "Mode", "Scope"):
        lines.add_column(column, overflow="fold")
    for item in assignments:
        properties = item["properties"]
        values = (item["name"], *(properties.get(name) for name in ("displayName", "enforcementMode", "scope")))
        lines.add_row(*(output.cell(value) for value in values))
    return lines
