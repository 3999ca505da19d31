"""Runs the simulated clusters as a process: announces itself in one line of JSON, ends on SIGTERM or SIGINT."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from arcway_local.cluster.server import SimulatedClusters


async def _serve(clusters: SimulatedClusters) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with clusters:
        sys.stdout.write(json.dumps(clusters.describe()) + "\n")
        sys.stdout.flush()
        await stopped.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; exit code 1 and one sentence on stderr when the port or directory is unusable."""
    parser = argparse.ArgumentParser(prog="arcway local cluster", description="Simulated Kubernetes clusters.")
    parser.add_argument("--count", type=int, default=1, help="number of clusters")
    parser.add_argument("--dir", type=Path, required=True, help="folder for kubeconfigs and the certificate authority")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    options = parser.parse_args(arguments)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(SimulatedClusters(options.dir.absolute(), options.count, options.port)))
    except OSError as error:
        sys.stderr.write(f"cannot serve the simulated clusters: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
