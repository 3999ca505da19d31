"""Shows a run in progress: a live table on a terminal, plain lines elsewhere. Writes to standard error only."""

import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from arcway.cli.output import cell, phase_detail, stderr

type Json = dict[str, Any]

_MARKS = {"Succeeded": ("✔", "green"), "Failed": ("✘", "red"), "Canceled": ("■", "yellow"), "Skipped": ("-", "dim")}


def show(changes: Iterable[Json], *, quiet: bool = False) -> Json:
    """Show every change of a run and return its last form."""
    if quiet:
        return deque(changes, maxlen=1).pop()
    return _live(changes) if stderr.is_terminal else _lines(changes)


def _live(changes: Iterable[Json]) -> Json:
    run: Json = {}
    started = time.monotonic()
    with Live(console=stderr, refresh_per_second=10, transient=False) as live:
        for run in changes:
            live.update(_table(run, time.monotonic() - started))
    return run


def _table(run: Json, elapsed: float) -> Table:
    title = cell(f"{run['operation']} {run['cluster']['name']}  {elapsed:.1f} s")
    table = Table(box=None, show_header=False, title=title)
    for phase in run["phases"]:
        mark, style = _MARKS.get(phase["state"], (" ", ""))
        busy = phase["state"] in ("Running", "Waiting", "Retrying")
        icon = Spinner("dots") if busy else Text(mark, style=style)
        attempts = f"(attempt {phase['attempts']})" if phase["attempts"] > 1 else ""
        state = cell(phase["state"])
        state.stylize(style)
        table.add_row(icon, cell(phase["name"]), state, attempts, cell(phase_detail(phase)))
    return table


def _lines(changes: Iterable[Json]) -> Json:
    run: Json = {}
    printed: set[tuple[str, str, str | None]] = set()
    for run in changes:
        for phase in run["phases"]:
            line = (phase["name"], phase["state"], phase_detail(phase))
            if phase["state"] != "Pending" and line not in printed:
                printed.add(line)
                stderr.print(f"{run['updatedAt']} {line[0]}: {line[1]} {line[2] or ''}".rstrip(), markup=False)
    return run
