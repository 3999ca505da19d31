"""How a path becomes a function of the app, for the API and the page alike.

The host matches overlapping routes in the order of their functions' names, so a name is made from the path, with its
parameters sorted behind every literal segment: `runs/purge` is found before `runs/{id}`, and `{*path}` last.
"""

import re
from collections.abc import Awaitable, Callable

import azure.durable_functions as df
import azure.functions as func

from triggers import http

type Answering = Callable[[func.HttpRequest, df.DurableFunctionsClient], Awaitable[func.HttpResponse]]


def register(blueprint: df.Blueprint, path: str, answer: Answering) -> None:
    """Add the function for a path below /api, which takes all methods: the host answers others with a bare 404."""

    async def function(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
        return await answer(req, client)

    with_client = blueprint.durable_client_input(client_name="client")(function)
    blueprint.function_name(function_name(path))(blueprint.route(route=path, methods=http.ALL_METHODS)(with_client))


def function_name(path: str) -> str:
    """The name of the function of a path."""
    return re.sub(r"\W", "_", re.sub(r"\{\*?(\w+)\}", r"zz_\1", path))
