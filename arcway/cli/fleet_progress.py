"""Shows a fleet in progress: a bar on a terminal, a line for each change elsewhere. Writes to standard error only."""

from collections import deque
from collections.abc import Iterable

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from arcway.cli.output import cell, stderr
from arcway.domain.json_values import Json

_ENDED = ("succeeded", "unchanged", "failed", "canceled", "skipped")


def show(changes: Iterable[Json], *, quiet: bool = False) -> Json:
    """Show every change of a fleet and return its last form."""
    if quiet:
        return deque(changes, maxlen=1).pop()
    return _live(changes) if stderr.is_terminal else _lines(changes)


def counts_of(fleet: Json) -> str:
    """The members by state, those states that have some."""
    return ", ".join(f"{count} {state}" for state, count in fleet["counts"].items() if count)


def failures_table(fleet: Json) -> Table:
    """What members failed with or are parked because of, the most frequent first."""
    table = Table(box=None, header_style="bold")
    for column in ("Members", "Code", "Cause", "Remedy"):
        table.add_column(column, overflow="fold")
    for group in fleet["failures"]:
        table.add_row(*map(cell, (group["count"], group["code"], group["title"], group["remedy"])))
    return table


def _stage_of(fleet: Json) -> str:
    """The stage that the fleet is in, if it has several."""
    current = [stage["name"] for stage in fleet["stages"] if stage["state"] not in ("Waiting", "Completed", "Skipped")]
    return f" ({current[0]})" if current and len(fleet["stages"]) > 1 and not fleet["finishedAt"] else ""


def _live(changes: Iterable[Json]) -> Json:
    fleet: Json = {}
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[eta]}")
    )
    task = None
    with Live(console=stderr, refresh_per_second=4) as live:
        for fleet in changes:
            if task is None:
                task = bar.add_task("", total=fleet["size"], eta="")
            ended = sum(fleet["counts"][state] for state in _ENDED)
            eta = f"until {fleet['eta']}" if fleet["eta"] else ""
            bar.update(
                task, completed=ended, description=f"{fleet['name']} {fleet['state']}{_stage_of(fleet)}", eta=eta
            )
            live.update(Group(bar, cell(counts_of(fleet)), failures_table(fleet) if fleet["failures"] else ""))
    return fleet


def _lines(changes: Iterable[Json]) -> Json:
    fleet: Json = {}
    printed = ""
    for fleet in changes:
        failures = "".join(f"; {group['count']} x {group['code']}" for group in fleet["failures"])
        line = f"{fleet['state']}{_stage_of(fleet)}: {counts_of(fleet)}{failures}"
        if line != printed:
            printed = line
            stderr.print(f"{fleet['updatedAt']} {line}", markup=False)
    return fleet
