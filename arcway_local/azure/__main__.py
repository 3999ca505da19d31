"""Runs the simulated Azure alone: `python -m arcway_local.azure --port P --clusters DIR --dir STATE`."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from arcway_local.azure.server import SimulatedAzure
from arcway_local.azure.transitions import Pace, Paces


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; prints one line of JSON when ready. Exit code 2 when the port is taken."""
    parser = argparse.ArgumentParser(prog="arcway local azure", description="A simulated Azure on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--clusters",
        type=Path,
        action="append",
        default=[],
        help="folder of kubeconfigs in whose clusters agents are simulated; may be given more than once",
    )
    parser.add_argument("--dir", type=Path, required=True, help="folder for the local CA")
    parser.add_argument("--seconds", type=float, default=0.0, help="how long registration, provisioning and so on take")
    chosen = parser.parse_args(arguments)
    pace = Pace(seconds=chosen.seconds)
    paces = Paces(registration=pace, provisioning=pace, deletion=pace, connection=pace)
    paces.extension = paces.flux = paces.compliance = pace
    try:
        asyncio.run(_serve(SimulatedAzure(chosen.dir, chosen.clusters, chosen.port, paces)))
    except OSError as error:
        sys.stderr.write(f"The simulated Azure cannot listen on port {chosen.port}: {error.strerror}.\n")
        return 2
    return 0


async def _serve(azure: SimulatedAzure) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    ready = await azure.start()
    sys.stdout.write(json.dumps(ready.as_json()) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    await azure.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
