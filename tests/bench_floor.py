"""What no onboarding can do without: an RSA-4096 key pair, and an install of the chart by the library that Arcway uses.

`python -m tests.bench_floor` reads an order (JSON) from standard input, does nothing else, and writes CPU seconds. Key
pairs take very different times (the standard deviation is nearly the mean), so the figures are means of many.
"""

import base64
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import batched
from pathlib import Path

from arcway.cluster.constants import RELEASE, RELEASE_NAMESPACE
from arcway.domain.json_values import Json
from arcway_local.stack import APP_DIR, Stack

_TIMES = 20


def clusters_needed() -> int:
    """How many clusters `floor` installs into."""
    return _TIMES * (1 + (os.cpu_count() or 1))


def floor(stack: Stack, state: Path, onboarded: int, unused: range) -> Json:
    """CPU seconds of one process alone, and of one for each core at once, when caches and memory are shared.

    The chart and its values are those of the cluster with the number `onboarded`; `unused` are `clusters_needed()`
    numbers of clusters without agents.
    """
    (archive,) = (state / "work" / "charts").glob("*.tgz")
    orders = [
        {
            "kubeconfigs": [_kubeconfig(stack, number) for number in numbers],
            "chart": base64.b64encode(archive.read_bytes()).decode(),
            "onboarded": _kubeconfig(stack, onboarded),
        }
        for numbers in batched(unused, _TIMES, strict=True)
    ]
    return {
        "alone": _mean(_carried_out(orders[:1])),
        f"{len(orders) - 1} at once": _mean(_carried_out(orders[1:])),
    }


def _kubeconfig(stack: Stack, number: int) -> str:
    return (Path(stack.secrets) / f"arcway-cluster-{number:03}").read_text()


def _carried_out(orders: list[Json]) -> list[Json]:
    command = [sys.executable, "-m", "tests.bench_floor"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, cwd=APP_DIR, **pipes) for _ in orders]  # type: ignore[call-overload]
    for process, order in zip(processes, orders, strict=True):
        process.stdin.write(json.dumps(order))
        process.stdin.close()
    reports = [json.load(process.stdout) for process in processes]
    for process in processes:
        process.stdout.close()
        process.wait()
    return reports


def _mean(reports: list[Json]) -> Json:
    means = {name: statistics.mean(report[name] for report in reports) for name in reports[0]}
    return {**{name: round(mean, 2) for name, mean in means.items()}, "together, s": round(sum(means.values()), 2)}


def _main() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from arcway.cluster.helm import worker

    order = json.load(sys.stdin)
    release = {"name": RELEASE, "namespace": RELEASE_NAMESPACE}
    installed = worker._release({**release, "kubeconfig": order["onboarded"], "revision": None})
    requests: Iterator[Json] = iter(
        {**release, "kubeconfig": kubeconfig, "chart": order["chart"], "values": installed["values"]}
        for kubeconfig in order["kubeconfigs"]
    )
    key_pair = _seconds(lambda: rsa.generate_private_key(public_exponent=65537, key_size=4096))
    install = _seconds(lambda: worker._install(next(requests)))
    # Their agents would ask for their resource for as long as the stack lives, on the cores that are measured.
    for kubeconfig in order["kubeconfigs"]:
        worker._uninstall({**release, "kubeconfig": kubeconfig})
    json.dump({"key pair, s": key_pair, "install, s": install}, sys.stdout)


def _seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process, threads of the library included, for doing it once."""
    began = time.process_time()
    for _ in range(_TIMES):
        work()
    return (time.process_time() - began) / _TIMES


if __name__ == "__main__":
    _main()
