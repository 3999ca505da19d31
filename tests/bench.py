"""Measures what the README promises about speed and reports it with facts about the machine; asserts nothing.

`python -m tests.bench [onboarding|service-bus|page|lists|fleet|parsers|engine] [--json]`, with `--clusters N`,
`--runs N` and `--large`. CPU is that of the function app and its Helm workers (`tests/bench_cpu.py`). `fleet` takes
more than half an hour with its defaults; `fleet --clusters 20 --runs 1` gives a rough picture in a few minutes.
"""

import argparse
import json
import os
import platform
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options, Stack
from tests import bench_engine, bench_fleet, bench_lists, bench_messages, bench_page, bench_parsers
from tests.bench_cpu import cpu_of_tree

_GROUP = "bench"
_MEASURES = {
    "service-bus": bench_messages,
    "page": bench_page,
    "lists": bench_lists,
    "parsers": bench_parsers,
    "engine": bench_engine,
}


def main() -> int:
    """Run all measurements and print them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="?", choices=("onboarding", "fleet", *_MEASURES), default="onboarding")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3, help="of fleet: medians of so many runs (default: 3)")
    parser.add_argument("--large", action="store_true", help="of fleet: a fleet of 5,000 checks, too")
    chosen = parser.parse_args()
    report: Json = {"machine": machine()}
    if chosen.what == "onboarding":
        report |= onboarding(chosen.clusters)
    elif chosen.what == "fleet":
        report |= bench_fleet.measure(chosen.clusters, chosen.runs, large=chosen.large)
    else:
        report |= _MEASURES[chosen.what].measure()
    if chosen.json:
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
    else:
        show(report)
    return 0


def onboarding(clusters: int) -> Json:
    """The app's import, one cluster, many clusters, latency under load."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        stack = embedded.start(state, Options(clusters=clusters + 22))
        try:
            return {"import function_app": import_cost(), **measure(stack, clusters)}
        finally:
            embedded.stop(state)


def machine() -> Json:
    """What the figures depend on."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    return {"cores": os.cpu_count(), "cpu": cpu, "python": platform.python_version(), "load": os.getloadavg()[0]}


def import_cost() -> Json:
    """Time and memory that importing the app costs above a bare interpreter."""
    code = (
        "import resource, time; t = time.perf_counter(); import function_app;"
        "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    environment = {**os.environ, "ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "127.0.0.1"}
    runs = []
    for _ in range(3):
        command = [sys.executable, "-W", "ignore", "-c", code]
        completed = subprocess.run(
            command, cwd=embedded.APP_DIR, env=environment, capture_output=True, text=True, check=True
        )
        runs.append([float(part) for part in completed.stdout.split()])
    return {"seconds": round(min(run[0] for run in runs), 2), "MB": round(min(run[1] for run in runs) / 1024)}


def measure(stack: Stack, count: int) -> Json:
    """Everything that needs the stack; the first run warms it up and is reported as the cold one."""
    with httpx.Client(base_url=f"{stack.url}/api", timeout=60) as http:
        cold = connect(http, stack, count + 1)
        first = connect(http, stack, count + 2)
        return {
            "first cluster of a new process": cold,
            "one cluster, instant Azure": first,
            "20 runs in flight": in_flight(http, stack, range(count + 3, count + 23)),
            f"{count} clusters at once": fleet(http, stack, range(1, count + 1)),
        }


def connect(http: httpx.Client, stack: Stack, number: int) -> Json:
    """One cluster: wall and CPU, split by phase."""
    cpu, started = cpu_of(stack), time.perf_counter()
    run = finish(http, start(http, stack, number)["id"])
    wall = time.perf_counter() - started
    phases = {
        phase["name"]: round(_seconds(phase["finishedAt"]) - _seconds(phase["startedAt"]), 3) for phase in run["phases"]
    }
    key = key_pair_seconds()
    return {
        "state": run["state"],
        "wall s": round(wall, 2),
        "CPU s": round(cpu_of(stack) - cpu, 2),
        "of which a key pair takes about": round(key, 2),
        "phases s": phases,
    }


def in_flight(http: httpx.Client, stack: Stack, numbers: range) -> Json:
    """Latency of starts and of status queries while all these runs are in flight."""
    starts: list[float] = []
    reads: list[float] = []
    over = threading.Event()
    ids: list[str] = []

    def read_status() -> None:
        with httpx.Client(base_url=f"{stack.url}/api", timeout=60) as reader:
            while not over.wait(0.01):
                if ids:
                    reads.append(timed(partial(reader.get, f"/runs/{ids[0]}")))

    thread = threading.Thread(target=read_status)
    thread.start()
    for number in numbers:
        began = time.perf_counter()
        ids.append(start(http, stack, number)["id"])
        starts.append(time.perf_counter() - began)
    for run_id in ids:
        finish(http, run_id)
    over.set()
    thread.join()
    return {"start": quantiles(starts), "status": quantiles(reads)}


def fleet(http: httpx.Client, stack: Stack, numbers: range) -> Json:
    """Many clusters at once: wall, CPU and Azure calls for each."""
    tls = ssl.create_default_context(cafile=stack.azure["caFile"])
    with httpx.Client(base_url=stack.azure["endpoint"], verify=tls) as azure:
        azure.delete("/control/requests")
        cpu, started = cpu_of(stack), time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            ids = [run["id"] for run in pool.map(lambda number: start(http, stack, number), numbers)]
        states = [finish(http, run_id)["state"] for run_id in ids]
        wall = time.perf_counter() - started
        requests = [item for item in azure.get("/control/requests").json() if "azure-arc-agents" not in item["path"]]
    arm = [item for item in requests if item["path"].lower().startswith(("/subscriptions", "/providers"))]
    plane = [item for item in requests if item["path"].lower().startswith("/azure-arc-k8sagents")]
    return {
        "succeeded": states.count("Succeeded"),
        "wall s": round(wall, 1),
        "CPU s per cluster": round((cpu_of(stack) - cpu) / len(ids), 2),
        "ARM calls per cluster": round(len(arm) / len(ids), 1),
        "data plane calls per cluster": round(len(plane) / len(ids), 1),
    }


def start(http: httpx.Client, stack: Stack, number: int) -> Json:
    """Start one run."""
    body = {
        "subscriptionId": stack.azure["subscriptionId"],
        "resourceGroup": _GROUP,
        "createResourceGroup": True,
        "name": f"bench-{number}",
        "location": "eastus",
        "kubeconfig": {"secret": f"arcway-cluster-{number:03}"},
    }
    run: Json = http.post("/onboardings", json=body).raise_for_status().json()
    return run


def finish(http: httpx.Client, run_id: str) -> Json:
    """Wait for a run's end."""
    while True:
        run: Json = http.get(f"/runs/{run_id}").raise_for_status().json()
        if run["finishedAt"]:
            return run
        time.sleep(0.05)


def timed(work: Any) -> float:
    """Seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def quantiles(seconds: list[float]) -> Json:
    """Median and 95th percentile in milliseconds."""
    cuts = statistics.quantiles(seconds, n=20)
    return {"count": len(seconds), "p50 ms": round(cuts[9] * 1000, 1), "p95 ms": round(cuts[18] * 1000, 1)}


def key_pair_seconds() -> float:
    """Median time of making one RSA-4096 key pair here."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    times = [timed(lambda: rsa.generate_private_key(public_exponent=65537, key_size=4096)) for _ in range(5)]
    return statistics.median(times)


def cpu_of(stack: Stack) -> float:
    """CPU seconds of the function app, its Helm workers and all they waited for."""
    return cpu_of_tree(stack.pids["functions"]).total


def show(report: Json, indent: str = "") -> None:
    """The report for people."""
    for name, value in report.items():
        if isinstance(value, dict):
            sys.stdout.write(f"{indent}{name}\n")
            show(value, indent + "  ")
        else:
            sys.stdout.write(f"{indent}{name:<34} {value}\n")


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _seconds(message: str) -> float:
    return datetime.fromisoformat(message).timestamp()


if __name__ == "__main__":
    sys.exit(main())
