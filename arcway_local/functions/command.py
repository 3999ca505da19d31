"""The command line of the embedded Functions host: arguments, the line that says it is ready, signals and exit codes.

It knows nothing of how an app is run.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from arcway_local.functions.errors import HostError, JournalError, WorkLeftBehind
from arcway_local.functions.host import Options, serve


def main(argv: Sequence[str]) -> int:
    """Serve an app until SIGTERM or SIGINT; returns the exit code, with the reason for any but 0 on stderr.

    0 stopped, 1 the journal could not be written and the host gave up, 2 cannot start.
    Does not return, but ends the process with 0, when a function still blocks a thread after the grace period.
    """
    options = _parse(argv)
    set_up_log()
    try:
        with reserved_stdout() as ready:
            asyncio.run(_until_signalled(options, ready))
    except HostError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except JournalError as error:
        sys.stderr.write(f"{error} The host has stopped; everything acknowledged before is kept.\n")
        return 1
    except WorkLeftBehind:
        sys.stderr.write("A function would not finish; the process ends without it.\n")
        sys.stderr.flush()
        # The interpreter would wait for the function's thread without end.
        os._exit(0)
    return 0


async def _until_signalled(options: Options, ready: TextIO) -> None:
    signalled = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with serve(options) as host:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, signalled.set)
        about = {"url": host.url, "functions": host.functions, "managementKey": host.management_key}
        ready.write(json.dumps(about) + "\n")
        ready.flush()
        waiting = asyncio.ensure_future(signalled.wait())
        await asyncio.wait((waiting, host.failure), return_when=asyncio.FIRST_COMPLETED)
        if host.failure.done():
            waiting.cancel()
            host.failure.result()


def set_up_log() -> None:
    """Have everything logged to stderr, of chatty libraries warnings alone."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for chatty in ("azure", "azure_functions_runtime", "durabletask"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@contextlib.contextmanager
def reserved_stdout() -> Iterator[TextIO]:
    """Keep stdout for what this process announces: what the app and its child processes print is a log."""
    sys.stdout.flush()
    number = sys.stdout.fileno()
    with os.fdopen(os.dup(number), "w") as original_stdout:
        os.dup2(sys.stderr.fileno(), number)
        try:
            yield original_stdout
        finally:
            sys.stdout.flush()
            os.dup2(original_stdout.fileno(), number)


def _parse(argv: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="arcway local functions", description="Run a Python v2 function app, Durable Functions included."
    )
    parser.add_argument("--app", type=Path, required=True, help="folder with function_app.py and host.json")
    parser.add_argument("--port", type=_port, default=7071, help="HTTP port, 0 for a free one (default: 7071)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--data", type=Path, help="folder of the journal, by which orchestrations outlive the host (default: none)"
    )
    parser.add_argument("--home", help="path that / leads to (default: none)")
    parser.add_argument(
        "--lose-events", type=int, default=0, help="lose one of so many events that orchestrations send (default: none)"
    )
    arguments = parser.parse_args(argv)
    return Options(
        app=arguments.app,
        host=arguments.host,
        port=arguments.port,
        data=arguments.data,
        home=arguments.home,
        lost_events=arguments.lose_events,
    )


def _port(value: str) -> int:
    if not value.isdecimal() or int(value) > 65535:
        raise argparse.ArgumentTypeError(f"{value} is not a port number.")
    return int(value)
