"""Which of many runs a page of the overview shows, and how many there are in which state. Pure functions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from arcway.domain.json_values import Json

STATES = ("Accepted", "Running", "Succeeded", "Failed", "Canceled")
OPERATIONS = (
    "onboard",
    "offboard",
    "update",
    "upgrade",
    "applyExtension",
    "deleteExtension",
    "applyGitops",
    "deleteGitops",
    "enablePolicy",
    "disablePolicy",
)
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Chosen:
    """The filter of the overview; an empty text matches everything."""

    state: str = ""
    operation: str = ""
    words: str = ""
    page: int = 1

    @classmethod
    def of(cls, state: str, operation: str, query: str, page: str) -> "Chosen":
        """From the words of an address; what makes no sense there counts as not said."""
        return cls(
            state if state in STATES else "",
            operation if operation in OPERATIONS else "",
            query.strip()[:100],
            max(1, int(page[:6])) if page.isascii() and page.isdecimal() else 1,
        )

    def takes(self, run: Json) -> bool:
        """Whether the run is one of those; the text is looked for in the names of cluster and resource group."""
        if self.state not in ("", run["state"]) or self.operation not in ("", run["operation"]):
            return False
        cluster, words = run["cluster"], self.words.lower()
        return not words or words in cluster["name"].lower() or words in cluster["resourceGroup"].lower()

    def query(self, **changes: Any) -> str:
        """The query of an address that chooses this, with changes; empty when it chooses everything."""
        selection = replace(self, **changes)
        parameters = {"state": selection.state, "operation": selection.operation, "q": selection.words}
        non_empty = {name: value for name, value in parameters.items() if value}
        if selection.page > 1:
            non_empty["page"] = str(selection.page)
        return f"?{urlencode(non_empty)}" if non_empty else ""


@dataclass(frozen=True, slots=True)
class Overview:
    """One page of runs. `first` and `last` count from 1 within the `found` that were chosen."""

    chosen: Chosen
    counts: dict[str, int]
    total: int
    matching: int
    runs: Sequence[Json]
    first: int
    last: int
    pages: int


def overview(runs: Sequence[Json], chosen: Chosen) -> Overview:
    """A page of `runs`, which are in the order in which they are shown. A page after the last one is the last one."""
    counts = dict.fromkeys(STATES, 0) | Counter(run["state"] for run in runs)
    chooses_all = not (chosen.state or chosen.operation or chosen.words)
    matching = runs if chooses_all else [run for run in runs if chosen.takes(run)]
    pages = max(1, -(-len(matching) // PAGE_SIZE))
    page = min(chosen.page, pages)
    start = (page - 1) * PAGE_SIZE
    on_page = matching[start : start + PAGE_SIZE]
    first = start + 1 if on_page else 0
    return Overview(
        replace(chosen, page=page), counts, len(runs), len(matching), on_page, first, start + len(on_page), pages
    )
