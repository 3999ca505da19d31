"""How long one request takes, of many; asserts nothing."""

import time
from functools import partial

import httpx

from arcway.domain.json_values import Json

_TIMES = 40


def times(get: "partial[httpx.Response]") -> Json:
    """Milliseconds: the median, and what 95 % of the requests take at most."""
    taken = []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        get().raise_for_status()
        taken.append((time.perf_counter() - begun) * 1000)
    taken.sort()
    return {"p50 ms": round(taken[_TIMES // 2]), "p95 ms": round(taken[int(_TIMES * 0.95)])}
