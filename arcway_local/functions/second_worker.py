"""The worker that calls activities when there are two: a process of its own, driven by JSON lines over a pipe.

The Functions host has as many worker processes as FUNCTIONS_WORKER_PROCESS_COUNT says, and gives any call to any of
them. Here the second one gets the activities and a lower priority, so that requests and orchestrations never wait for
the interpreter that the activities share. A call that was in progress when the process ended is repeated in the next
one, as Azure repeats it: an activity is called at least once.
"""

import asyncio
import contextlib
import itertools
import json
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from arcway_local.functions.errors import HostError
from arcway_local.functions.protos import TypedData
from arcway_local.functions.worker import Function, InvocationError

# A line has the input or the result of an activity, whose limits are the engine's.
_LINE_BYTES = 64 << 20
_STOP_SECONDS = 3.0
_PAUSE_SECONDS = 1.0
# As Azure Storage's queue of activities, which gives up on a message that ended so many workers.
_ATTEMPTS = 5

_log = logging.getLogger(__name__)


@dataclass
class _Call:
    request: Mapping[str, Any]
    answer: asyncio.Future[Mapping[str, Any]]
    attempts: int = 0


class SecondWorker:
    """The process and the calls that are in progress in it."""

    def __init__(self, app: Path, function_timeout: float | None) -> None:
        self.client_configuration = ""
        """JSON handed to every `durableClient` binding."""
        self._arguments = [str(app), "" if function_timeout is None else str(function_timeout)]
        self._numbers = itertools.count()
        self._calls: dict[int, _Call] = {}
        self._watch: asyncio.Task[None] | None = None
        self._is_ready = False
        self._stopping = False

    async def start(self) -> None:
        """Start the process, which then loads the app."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "arcway_local.functions.second_worker_main", *self._arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            limit=_LINE_BYTES,
        )

    async def ready(self) -> None:
        """Wait until the app is loaded. Raises HostError, with the library's words, when it cannot be."""
        await self._loaded()
        self._watch = asyncio.create_task(self._follow())

    async def _loaded(self) -> None:
        answer = await self._read()
        if "ready" not in answer:
            await self._process.wait()
            raise HostError(str(answer.get("refused", "The second worker ended before it had loaded the app.")))
        self._is_ready = True

    async def invoke(
        self, function: Function, data: TypedData, *, trace: tuple[str, str] = ("", "")
    ) -> TypedData | None:
        """Call the activity with the JSON `data`; returns the JSON or text that it returned, None for anything else.

        Raises InvocationError when it raised, or took longer than it may, or has ended five processes.
        """
        number = next(self._numbers)
        request = {
            "call": number,
            "function": function.name,
            "data": data.text(),
            "trace": trace,
            "client": self.client_configuration,
        }
        call = _Call(request, asyncio.get_running_loop().create_future())
        self._calls[number] = call
        try:
            self._send(call)
            answer = await call.answer
        finally:
            del self._calls[number]
        if "failed" in answer:
            raise InvocationError(answer["failed"], answer["trace"])
        return TypedData(**answer["result"]) if answer["result"] else None

    def _send(self, call: _Call) -> None:
        """Send a call to the process, once; while there is none that is ready, the next one gets it."""
        if self._is_ready:
            call.attempts += 1
            self._write(json.dumps(call.request))

    def _write(self, line: str) -> None:
        # What a process does not take that has just ended is sent to the next one.
        with contextlib.suppress(ConnectionError):
            cast("asyncio.StreamWriter", self._process.stdin).write(line.encode() + b"\n")

    async def _follow(self) -> None:
        """Hand out answers; when the process has ended, start another one and repeat what was in progress."""
        while True:
            while answer := await self._read():
                call = self._calls.get(answer["call"])
                if call and not call.answer.done():
                    call.answer.set_result(answer)
            self._is_ready = False
            code = await self._process.wait()
            if self._stopping:
                return
            _log.error("The second worker ended with %s; %s calls are repeated.", code, len(self._calls))
            await self._start_again()
            for call in list(self._calls.values()):
                self._repeat(call, code)

    async def _start_again(self) -> None:
        while True:
            await self.start()
            try:
                await self._loaded()
            except HostError as error:
                _log.error("The second worker does not start: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    def _repeat(self, call: _Call, code: int) -> None:
        if call.attempts < _ATTEMPTS:
            self._send(call)
        elif not call.answer.done():
            failed = f"WorkerProcessExitException: the worker ended with {code} at each of {_ATTEMPTS} attempts"
            call.answer.set_result({"failed": failed, "trace": ""})

    async def stop(self) -> None:
        """End the process: what is still in progress in it gets some seconds."""
        self._stopping = True
        self._write('{"end": true}')
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._watch:
            self._watch.cancel()

    async def _read(self) -> dict[str, Any]:
        """The next line of the process; nothing at its end."""
        line = await cast("asyncio.StreamReader", self._process.stdout).readline()
        return dict(json.loads(line)) if line.endswith(b"\n") else {}
