"""How a path becomes a function of the app, for the API and the page alike.

The host matches overlapping routes in the order of their functions' names, so a name is made from the path, with its
parameters sorted behind every literal segment: `runs/purge` is found before `runs/{id}`, and `{*path}` last.
"""

import re
from collections.abc import Awaitable, Callable, Mapping

import azure.durable_functions as df
import azure.functions as func

from triggers import http
from triggers.services import Invocation, Services

type Dispatch[H] = Callable[[func.HttpRequest, Invocation, Mapping[str, H]], Awaitable[func.HttpResponse]]


def register[H](
    blueprint: df.Blueprint, services: Services, routes: Mapping[str, Mapping[str, H]], dispatch: Dispatch[H]
) -> None:
    """Add a function for each path below /api; `dispatch` gives a request to the handler of its method.

    A function takes all methods: the host answers others with a bare 404.
    """
    for path, handlers in routes.items():
        function = _function_of(services, handlers, dispatch)
        with_client = services.installation.engine.input(blueprint)(function)
        blueprint.function_name(function_name(path))(blueprint.route(route=path, methods=http.ALL_METHODS)(with_client))


def function_name(path: str) -> str:
    """The name of the function of a path."""
    return re.sub(r"\W", "_", re.sub(r"\{\*?(\w+)\}", r"zz_\1", path))


def _function_of[H](
    services: Services, handlers: Mapping[str, H], dispatch: Dispatch[H]
) -> Callable[[func.HttpRequest, df.DurableFunctionsClient], Awaitable[func.HttpResponse]]:
    async def function(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
        return await dispatch(req, Invocation(services, client), handlers)

    return function
