"""Every other path: a problem that says so. The function's name sorts last, because the host matches by name."""

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.characters import escape
from arcway.domain.errors import ArcError
from triggers import http

blueprint = df.Blueprint()


@blueprint.route(route="{*path}", methods=http.ALL_METHODS)
async def zz_unknown_path(req: func.HttpRequest) -> func.HttpResponse:
    """404 as problem details."""
    return http.problem(ArcError("ARC-1004", f"There is no path /api/{escape(req.route_params.get('path', ''), 100)}."))
