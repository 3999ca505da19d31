"""Measures how soon the status page answers with many runs in the journal, and how large it is."""

import tempfile
import time
from pathlib import Path

import httpx

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options
from tests.browser.journal import write_runs

_RUNS = 1000
_TIMES = 20


def measure() -> Json:
    """Milliseconds and bytes of each page."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        run = write_runs(state, _RUNS)
        stack = embedded.start(state, Options(clusters=0))
        try:
            places = {"overview": "", "filtered": "?state=Failed&page=2", "one run": f"/runs/{run}", "start": "/start"}
            with httpx.Client(base_url=f"{stack.url}/api/page", timeout=30) as http:
                return {f"page with {_RUNS} runs": {name: _page(http, path) for name, path in places.items()}}
        finally:
            embedded.stop(state)


def _page(http: httpx.Client, path: str) -> Json:
    taken = []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        answer = http.get(path).raise_for_status()
        taken.append((time.perf_counter() - begun) * 1000)
    ordered = sorted(taken)
    times = {"first ms": round(taken[0]), "median ms": round(ordered[_TIMES // 2]), "longest ms": round(ordered[-1])}
    return {**times, "bytes": len(answer.content)}
