"""Runs the Service Bus alone: `python -m arcway_local.service_bus --config Config.json --port P --data DIR`."""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from arcway_local.service_bus.config import ConfigError, load
from arcway_local.service_bus.server import LARGEST_MESSAGE, ServiceBus
from arcway_local.service_bus.store import StoreError


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; prints one line of JSON when ready, returns the exit code.

    0: stopped; 1: messages can no longer be kept; 2: cannot start; the reason for any but 0 is a sentence on stderr.
    """
    options = _parse(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        bus = ServiceBus(
            load(options.config), options.port, options.data, options.max_message_size, options.control_port
        )
        return asyncio.run(_until_signalled(bus))
    except (ConfigError, StoreError) as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        sys.stderr.write(f"The Service Bus cannot listen on port {options.port}: {error.strerror or error}.\n")
    return 2


async def _until_signalled(bus: ServiceBus) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with bus:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        ready = {"connectionString": bus.connection_string, "control": bus.control_url}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        waiting = asyncio.ensure_future(stopped.wait())
        await asyncio.wait((waiting, bus.failure), return_when=asyncio.FIRST_COMPLETED)
        if not bus.failure.done():
            return 0
        waiting.cancel()
        sys.stderr.write(f"{bus.failure.exception()} Everything acknowledged before is kept.\n")
        return 1


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="arcway local service-bus", description="A Service Bus on loopback.")
    parser.add_argument("--config", type=Path, required=True, help="the entities, as Microsoft's emulator has them")
    parser.add_argument("--port", type=_port, default=5672, help="AMQP port, 0 for a free one (default: 5672)")
    parser.add_argument("--data", type=Path, help="folder to keep messages in (default: memory only)")
    parser.add_argument("--control-port", type=_port, default=0, help="port of the control API (default: a free one)")
    parser.add_argument(
        "--max-message-size", type=int, default=LARGEST_MESSAGE, help=f"bytes (default: {LARGEST_MESSAGE})"
    )
    return parser.parse_args(argv)


def _port(value: str) -> int:
    if not value.isdecimal() or int(value) > 65535:
        raise argparse.ArgumentTypeError(f"{value} is not a port number.")
    return int(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
