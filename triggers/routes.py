"""The routes of the API: one function for each path that an endpoint declares, and one for every other path."""

from collections.abc import Mapping

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.text import excerpt
from triggers import (  # noqa: F401 - they declare endpoints
    connected_cluster_routes,
    extension_routes,
    extension_start_routes,
    fleet_command_routes,
    fleet_plan_routes,
    fleet_routes,
    flux_configuration_routes,
    health,
    http,
    policy_routes,
    purge,
    run_routes,
    start_routes,
)
from triggers.api_description import route  # noqa: F401 - declares an endpoint
from triggers.endpoints import declared_routes
from triggers.http import Guarded
from triggers.registration import register
from triggers.services import Invocation, Services

ROUTES = declared_routes()


def blueprint_of(services: Services) -> df.Blueprint:
    """The functions of the API."""
    blueprint = df.Blueprint()
    register(blueprint, services, ROUTES, http.dispatch)
    register(blueprint, services, {"{*path}": {}}, _unknown_path)
    return blueprint


async def _unknown_path(
    req: func.HttpRequest, invocation: Invocation, handlers: Mapping[str, Guarded]
) -> func.HttpResponse:
    path = excerpt(req.route_params.get("path", ""), 100)
    return http.problem(ArcError(Code.PATH_NOT_FOUND, f"Path does not exist: /api/{path}."))
