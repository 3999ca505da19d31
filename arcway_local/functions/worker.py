"""Drives Microsoft's worker library in process: indexes the function app and calls its functions.

It knows the library's request shapes and nothing else: not the engine, not HTTP, not when a function is due. The
library keeps its state in module globals, so there is one app per process.
"""

import asyncio
import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import azure_functions_runtime as runtime

from arcway_local.functions import protos
from arcway_local.functions.errors import HostError

DURABLE_CLIENT = "durableClient"
_THREADS_END_SECONDS = 1.0


@dataclass(frozen=True)
class Function:
    """One indexed function: `trigger` and `bindings` are the binding dicts as function.json would hold them."""

    name: str
    function_id: str
    trigger: Mapping[str, Any]
    bindings: tuple[Mapping[str, Any], ...]

    @property
    def trigger_type(self) -> str:
        """The binding type of the trigger, for example `httpTrigger`."""
        return str(self.trigger["type"])


class InvocationError(Exception):
    """A function raised: `message` is "Type: text", `stack_trace` is for logs and durable history only."""

    def __init__(self, message: str, stack_trace: str) -> None:
        super().__init__(message)
        self.message = message
        self.stack_trace = stack_trace


class Worker:
    """The function app of this process."""

    def __init__(self) -> None:
        self.functions: tuple[Function, ...] = ()
        self.client_configuration = ""
        """JSON handed to every `durableClient` binding."""
        self.function_timeout: float | None = None
        """Seconds that one call may take; None: as long as it wants."""

    async def load(self, app: Path) -> None:
        """Index the app in folder `app` exactly as Azure does.

        Raises HostError with the library's own words when the app cannot be imported or would be refused by Azure.
        """
        if not (app / "function_app.py").is_file():
            raise HostError(f"{app} is not a Python v2 function app: it has no function_app.py.")
        sys.path.insert(0, str(app))
        os.chdir(app)
        runtime.start_threadpool_executor()
        request = SimpleNamespace(function_app_directory=str(app), capabilities={})
        # The library logs the trace of an import error that it then returns; the caller shows one sentence instead.
        log = logging.getLogger("azure.functions")
        log.disabled = True
        try:
            reply = await runtime.worker_init_request(
                SimpleNamespace(
                    request=SimpleNamespace(worker_init_request=request),
                    properties={"host": "127.0.0.1", "protos": protos},
                )
            )
        except SystemExit as error:
            raise HostError(f"The app in {app} cannot be loaded: it ended the process with {error}.") from error
        finally:
            log.disabled = False
        if reply.result.status != protos.StatusResult.Success:
            # The library appends the whole search path to import errors, which hides the cause.
            cause = " ".join(reply.result.exception.message.split(" Current sys.path")[0].split())
            raise HostError(f"The app in {app} cannot be loaded: {cause}")
        if "HttpUri" in reply.capabilities:
            raise HostError(f"The app in {app} uses HTTP streaming, which this host does not offer.")
        metadata = await runtime.functions_metadata_request(None)
        self.functions = tuple(_function(item) for item in metadata.function_metadata_results or ())

    async def invoke(
        self,
        function: Function,
        data: protos.TypedData,
        metadata: Mapping[str, protos.TypedData] | None = None,
        trace: tuple[str, str] = ("", ""),
    ) -> protos.TypedData | None:
        """Call `function` with `data` for its trigger; returns what it returned, None for nothing.

        `trace` are the traceparent and tracestate that it continues.

        Raises InvocationError when the function raised, or took longer than it may. A synchronous function cannot be
        stopped: its thread continues, and what it returns is dropped.
        """
        inputs = [protos.ParameterBinding(name=function.trigger["name"], data=data)]
        inputs += [
            protos.ParameterBinding(name=binding["name"], data=protos.TypedData(string=self.client_configuration))
            for binding in function.bindings
            if binding["type"] == DURABLE_CLIENT
        ]
        call = SimpleNamespace(
            invocation_id=str(uuid4()),
            function_id=function.function_id,
            input_data=inputs,
            trigger_metadata=metadata or {},
            trace_context=SimpleNamespace(trace_parent=trace[0], trace_state=trace[1], attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        request = SimpleNamespace(request=SimpleNamespace(invocation_request=call))
        try:
            async with asyncio.timeout(self.function_timeout):
                reply = await runtime.invocation_request(request)
        except TimeoutError as error:
            message = (
                f"Timeout value of {self.function_timeout:g} s was exceeded by function: Functions.{function.name}"
            )
            raise InvocationError(f"FunctionTimeoutException: {message}", "") from error
        if reply.result.status != protos.StatusResult.Success:
            raise InvocationError(reply.result.exception.message, reply.result.exception.stack_trace)
        value = reply.return_value
        return value if isinstance(value, protos.TypedData) else None

    def close(self) -> bool:
        """End the thread pool; False when a synchronous function still runs in it (blocks for up to a second)."""
        pool = runtime.get_threadpool_executor()
        if pool is None:
            return True
        ending = threading.Thread(target=pool.shutdown, kwargs={"wait": True, "cancel_futures": True}, daemon=True)
        ending.start()
        ending.join(_THREADS_END_SECONDS)
        return not ending.is_alive()


def _function(item: Any) -> Function:
    bindings = [json.loads(raw) for raw in item.raw_bindings]
    trigger = next(binding for binding in bindings if str(binding["type"]).endswith("Trigger"))
    other_bindings = tuple(binding for binding in bindings if binding is not trigger)
    return Function(item.name, item.function_id, trigger, other_bindings)
