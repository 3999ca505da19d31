"""Measures lists of runs, and the pages that show them, with thousands of runs in the journal; asserts nothing."""

import tempfile
import time
from functools import partial
from pathlib import Path

import httpx

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options
from tests.bench_times import times
from tests.browser.journal import write_runs

_SIZES = (1_000, 5_000, 10_000)
_IN_PROGRESS = 500
_PLACES = {
    "GET /api/runs": "/runs",
    "GET /api/runs?state=Failed": "/runs?state=Failed",
    "GET /api/runs?resourceGroup=group-3": "/runs?resourceGroup=group-3",
    "second page of GET /api/runs": "/runs?continuationToken={token}",
    "overview": "/page",
    "overview, filtered": "/page?state=Failed&q=shop-1",
    "overview, last page": "/page?page=999",
    "connect form": "/page/start",
}


def measure() -> Json:
    """Milliseconds: the first list of a new process, which reads all runs, and then of each list and page."""
    ended = {f"{size:,} runs": _with_runs(size) for size in _SIZES}
    name = f"{_SIZES[-1]:,} runs, {_IN_PROGRESS:,} of them in progress"
    return ended | {name: _with_runs(_SIZES[-1], _IN_PROGRESS)}


def _with_runs(size: int, in_progress: int = 0) -> Json:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        write_runs(state, size, in_progress)
        stack = embedded.start(state, Options(clusters=0))
        try:
            with httpx.Client(base_url=f"{stack.url}/api", timeout=120) as http:
                begun = time.perf_counter()
                token = http.get("/runs").raise_for_status().json()["continuationToken"]
                report: Json = {"first list of a process, ms": round((time.perf_counter() - begun) * 1000)}
                for name, place in _PLACES.items():
                    report[name] = times(partial(http.get, place.format(token=token)))
                return report
        finally:
            embedded.stop(state)
