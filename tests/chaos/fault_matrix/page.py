"""docs/fault-matrix.md: an outcome in a few words, the outcomes that the page tells, one more on it."""

from pathlib import Path

from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from tests.chaos.fault_matrix.rows import FAULTS, ROWS

PAGE = Path(__file__).parents[3] / "docs" / "fault-matrix.md"
_SUCCEEDED, _FAILED, _NOT_RUN = "Succeeded", "Failed, ", "?"
_HEAD = """# Fault matrix

The outcome of a run when a fault hits the first attempt of a step. Written by
`ARCWAY_PUBLISH_MATRIX=1 scripts/test tests/chaos/fault_matrix --slow -n 0 -p no:randomly`, and held against every test
run. An empty cell is a run that Succeeded; "left" and "warning" are of runs that Succeeded, everything else is of runs
that Failed. In every case: at most one connected cluster was created, the release has no more revisions than an
undisturbed run gives it, the key in the cluster is the resource's key, the cluster's Lease is given back or named in
`leftovers`, and the status says what happened. "Other settings" means that the data plane wants a setting that the
first installation lacks. A change that succeeds leaves the resource's key and makes one revision; an upgrade that fails
names what is left of it. "Publishing" means that the fault hits the events that the step sends before its own work.

"""


def describe(status: Json, *, undone: bool, findings: bool) -> str:
    """The outcome in a few words: state, code and phase of the error, what was left; of a check what it found."""
    words = [status["state"]]
    if findings:
        words += [f"{finding['level']} {finding['code']}" for finding in status["findings"]]
    if status["error"]:
        words.append(f"{status['error']['code']} in {status['error']['phase']}")
    if status["leftovers"] and (undone or status["state"] == "Succeeded"):
        words.append(f"left {', '.join(describe_all(status['leftovers']))}")
    return ", ".join(words)


def published() -> dict[tuple[str, str], str]:
    """The outcomes that the page tells."""
    if not PAGE.exists():
        return {}
    table = [_cells(line) for line in PAGE.read_text().splitlines() if line.startswith("|")]
    _, *faults = table[0]
    return {
        (step, fault): _outcome(cell)
        for step, *cells in table[2:]
        for fault, cell in zip(faults, cells, strict=True)
        if cell != _NOT_RUN
    }


def publish(step: str, fault: str, outcome: str) -> None:
    """Put one outcome on the page."""
    outcomes = {**published(), (step, fault): outcome}
    lines = [("step", *FAULTS), ("---",) * (len(FAULTS) + 1)]
    for row in ROWS:
        cells = (outcomes.get((row.name, fault)) for fault in FAULTS)
        lines.append((row.name, *(_NOT_RUN if cell is None else _cell(cell) for cell in cells)))
    PAGE.write_text(_HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _cell(outcome: str) -> str:
    return outcome.removeprefix(_SUCCEEDED).removeprefix(", ").removeprefix(_FAILED)


def _outcome(cell: str) -> str:
    if not cell:
        return _SUCCEEDED
    return f"{_SUCCEEDED}, {cell}" if cell.startswith(("left ", "warning ")) else _FAILED + cell
