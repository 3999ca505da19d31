"""The routes of the API: one function for each path that an endpoint declares, and one for every other path."""

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.text import excerpt
from triggers import connected_cluster_routes, health, http, purge, run_routes, start_routes
from triggers.api_description import route as api_description
from triggers.endpoints import at, paths
from triggers.registration import register

DECLARING = (api_description, connected_cluster_routes, health, purge, run_routes, start_routes)
"""The modules whose endpoints are the API."""

blueprint = df.Blueprint()


def _add(path: str) -> None:
    async def answer(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
        return await http.dispatch(req, client, at(path))

    register(blueprint, path, answer)


for _path in paths():
    _add(_path)


async def _unknown(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    path = excerpt(req.route_params.get("path", ""), 100)
    return http.problem(ArcError(Code.PATH_NOT_FOUND, f"Path does not exist: /api/{path}."))


register(blueprint, "{*path}", _unknown)
