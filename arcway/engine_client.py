"""The workflow engine's client, made once and used by all invocations, instead of one with a connection for each.

The library's `durable_client_input` makes a client, and with it a gRPC channel, for every invocation, and closes it
afterwards: 4 ms of CPU for each request. The host's binding and its configuration stay the same here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import azure.durable_functions as df

_PARAMETER = "client"


class EngineClients:
    """Keeps the client of the configuration that the host hands to functions. Not to be used by several threads."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._configuration = ""
        self._client: df.DurableFunctionsClient | None = None

    def client_of(self, configuration: str) -> df.DurableFunctionsClient:
        """The client of this configuration, for the event loop that is running; no caller may close it.

        A client of an earlier configuration closes its channel when the last invocation has left it.
        """
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop or self._configuration != configuration:
            self._loop, self._configuration = loop, configuration
            self._client = df.DurableFunctionsClient(configuration)
        return self._client

    def input(self, blueprint: df.Blueprint) -> Callable[[Callable[..., Awaitable[Any]]], Any]:
        """As `blueprint.durable_client_input(client_name="client")` for an async function, with the client kept."""

        def decorate(function: Callable[..., Awaitable[Any]]) -> Any:
            @wraps(function)
            async def with_client(**arguments: Any) -> Any:
                return await function(**{**arguments, _PARAMETER: self.client_of(arguments[_PARAMETER])})

            # The host's worker reads the annotation and hands over the configuration as it came.
            with_client.__annotations__ = {**function.__annotations__, _PARAMETER: str}
            binding = blueprint.generic_input_binding(_PARAMETER, "durableClient", durableRequiresGrpc=True)
            return binding(with_client)

        return decorate
