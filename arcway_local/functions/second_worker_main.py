"""The process of the second worker: reads calls as JSON lines, has the worker library do them, and writes the answers.

It ends with its host: a host that was killed must not be followed by the next one while activities of the first are
still at work.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from arcway_local.functions.command import reserved_stdout, set_up_log
from arcway_local.functions.errors import HostError
from arcway_local.functions.protos import TypedData
from arcway_local.functions.worker import InvocationError, Worker

# Requests and orchestrations go first, and Helm and key generation, which are lower still, last.
_NICENESS = 4


def main(app: str, function_timeout: str) -> None:
    """Call activities of the app in folder `app` until standard input ends."""
    _end_with(os.getppid())
    os.nice(_NICENESS)
    # An interrupt from the terminal reaches all processes: the host decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_up_log()
    with reserved_stdout() as answers:

        def write(answer: Mapping[str, Any]) -> None:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()

        asyncio.run(_Calls(Worker(), write).serve(Path(app), float(function_timeout) if function_timeout else None))


def _end_with(parent: int) -> None:
    if sys.platform == "linux":
        # PR_SET_PDEATHSIG. Elsewhere the end of standard input does it, a moment later.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class _Calls:
    def __init__(self, worker: Worker, write: Callable[[Mapping[str, Any]], None]) -> None:
        self._worker = worker
        self._write = write
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, app: Path, function_timeout: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._worker.function_timeout = function_timeout
        try:
            await self._worker.load(app)
        except HostError as error:
            self._write({"refused": str(error)})
            return
        self._functions = {function.name: function for function in self._worker.functions}
        self._write({"ready": True})
        threading.Thread(target=self._read, name="calls", daemon=True).start()
        await self._ended.wait()
        for task in self._tasks:
            task.cancel()
        self._worker.close()

    def _read(self) -> None:
        for line in sys.stdin:
            request = json.loads(line)
            if "end" in request:
                self._loop.call_soon_threadsafe(self._ended.set)
                return
            self._loop.call_soon_threadsafe(self._begin, request)
        # The host was killed: what is in progress will be repeated by the next one.
        os._exit(1)

    def _begin(self, request: Mapping[str, Any]) -> None:
        task = self._loop.create_task(self._call(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, request: Mapping[str, Any]) -> None:
        self._worker.client_configuration = request["client"]
        function = self._functions[request["function"]]
        try:
            value = await self._worker.invoke(function, TypedData(json=request["data"]), trace=tuple(request["trace"]))
        except InvocationError as error:
            answer: Mapping[str, Any] = {"failed": error.message, "trace": error.stack_trace}
        else:
            kind = value.WhichOneof("data") if value else None
            text = value.text() if value else None
            answer = {"result": {kind: text} if kind and text is not None else None}
        self._write({"call": request["call"], **answer})


if __name__ == "__main__":
    main(*sys.argv[1:])
