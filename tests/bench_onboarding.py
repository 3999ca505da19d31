"""Measures onboarding of simulated clusters with so many in flight: CPU of the function app, throughput, latency.

Throughput and CPU are of fleets with such a window, which a process of its own polls once a second. Latency is of runs
that a client starts one by one, and reads each once a second. The simulators use the same cores, so that only CPU
seconds can be compared between machines that are busy; throughput and latency are of the wall clock.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options, Stack
from tests.bench_client import Order, Report, run_client, run_fleet
from tests.bench_cpu import Cpu, cpu_of_tree
from tests.bench_floor import clusters_needed, floor
from tests.bench_messages import accepted_per_second

IN_FLIGHT = (1, 8, 40, 100)
LATENCY_IN_FLIGHT = 20
_WARM_UP = 8


def measure_once(clusters: int, levels: Sequence[int]) -> Json:
    """One run: the floor, then at least `clusters` onboardings for each level, on a stack of its own."""
    counts = {level: max(level, clusters) for level in levels}
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        stack = embedded.start(state, Options(clusters=_WARM_UP + clusters_needed() + sum(counts.values()) + clusters))
        try:
            _in_fleet(stack, range(1, _WARM_UP + 1), _WARM_UP)
            first = _WARM_UP + 1 + clusters_needed()
            report: Json = {"floor": floor(stack, state, 1, range(_WARM_UP + 1, first))}
            _show_progress("floor", report)
            for level, count in counts.items():
                report[f"{level} in flight"] = _in_fleet(stack, range(first, first + count), level)
                _show_progress(f"{level} in flight", report)
                first += count
            name = f"{LATENCY_IN_FLIGHT} in flight, each run read once a second"
            report[name] = _one_by_one(stack, range(first, first + clusters), LATENCY_IN_FLIGHT)
            _show_progress(name, report)
            report["messages accepted per second"] = round(accepted_per_second(stack))
            return report
        finally:
            embedded.stop(state)


def _show_progress(part: str, report: Json) -> None:
    """What was measured so far: all runs take long."""
    sys.stderr.write(f"{part}: {json.dumps(report[part])}\n")


def medians(reports: Sequence[Any]) -> Any:
    """Of each figure the median of several runs."""
    first = reports[0]
    if isinstance(first, dict):
        return {name: medians([report[name] for report in reports]) for name in first}
    return round(statistics.median(reports), 2)


def _in_fleet(stack: Stack, numbers: range, in_flight: int) -> Json:
    before = _cpu_of_parts(stack)
    members = [_body(stack, number) for number in numbers]
    body = {"fleet": f"bench-{in_flight}", "members": members, "window": in_flight, "start": "all"}
    report = run_fleet(stack.url, body)
    return _costs(stack, before, report, len(numbers))


def _one_by_one(stack: Stack, numbers: range, in_flight: int) -> Json:
    before = _cpu_of_parts(stack)
    report = run_client(Order(stack.url, "onboardings", [_body(stack, number) for number in numbers], in_flight))
    reads = {"reads per cluster": round(len(report.reads) / len(numbers), 1)}
    return {**_costs(stack, before, report, len(numbers)), **reads, **_latency(report)}


def _costs(stack: Stack, before: dict[str, Cpu], report: Report, count: int) -> Json:
    cpu = {part: after.since(before[part]) for part, after in _cpu_of_parts(stack).items()}
    app = cpu.pop("functions")
    return {
        "succeeded": report.states.count("Succeeded"),
        "CPU s per cluster": round(app.total / count, 3),
        "of that Helm workers": round(app.helm / count, 3),
        "without its key pair": round((app.total - app.key_pairs) / count, 3),
        "simulators, CPU s per cluster": round(sum(part.total for part in cpu.values()) / count, 3),
        "clusters per second": round(count / report.wall, 2),
        "load": os.getloadavg()[0],
    }


def _cpu_of_parts(stack: Stack) -> dict[str, Cpu]:
    return {part: cpu_of_tree(pid) for part, pid in stack.pids.items()}


def _latency(report: Report) -> Json:
    return {"start p95, ms": _p95(report.starts), "status p95, ms": _p95(report.reads)}


def _p95(seconds: Sequence[float]) -> int:
    return round(sorted(seconds)[int(len(seconds) * 0.95)] * 1000)


def _body(stack: Stack, number: int) -> Json:
    return {
        "subscriptionId": stack.azure["subscriptionId"],
        "resourceGroup": "bench",
        "createResourceGroup": True,
        "name": f"bench-{number}",
        "location": "eastus",
        "kubeconfig": {"secret": f"arcway-cluster-{number:03}"},
    }
