"""docs/fault-matrix.md: an outcome in a few words, the outcomes that the page tells, one more on it."""

import re
from pathlib import Path

from arcway.domain.leftovers import describe_all
from tests.chaos.fault_matrix.driver import Json
from tests.chaos.fault_matrix.rows import FAULTS, ROWS

PAGE = Path(__file__).parents[3] / "docs" / "fault-matrix.md"
_LINE = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_HEAD = """# Fault matrix

The outcome of a run when a fault hits the first attempt of a step. Written by
`ARCWAY_PUBLISH_MATRIX=1 scripts/test tests/chaos/fault_matrix -n 0 -p no:randomly`, and held against every test run. In
every case: at most one connected cluster was created, the release has no more revisions than an undisturbed run gives
it, the key in the cluster is the resource's key, the cluster's Lease is given back or named in `left`, and the status
says what happened. "Other settings" means that the data plane has a setting that the first installation lacks. A
change that succeeds leaves the resource's key and makes one revision; an upgrade that fails names what is left of it.

| step | fault | outcome |
|---|---|---|
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
    return {(step, fault): outcome for step, fault, outcome in _LINE.findall(PAGE.read_text()) if step != "step"}


def publish(step: str, fault: str, outcome: str) -> None:
    """Put one outcome on the page."""
    rows = {**published(), (step, fault): outcome}
    order = [(row.name, name) for row in ROWS for name in FAULTS]
    lines = [f"| {step} | {name} | {rows[step, name]} |" for step, name in order if (step, name) in rows]
    PAGE.write_text(_HEAD + "\n".join(lines) + "\n")
