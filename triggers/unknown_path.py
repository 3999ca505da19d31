"""Every other path: a problem with status 404. The function's name sorts last, because the host matches by name."""

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.text import excerpt
from triggers import http

blueprint = df.Blueprint()


@blueprint.route(route="{*path}", methods=http.ALL_METHODS)
async def zz_unknown_path(req: func.HttpRequest) -> func.HttpResponse:
    """404 as problem details."""
    return http.problem(
        ArcError(Code.PATH_NOT_FOUND, f"Path does not exist: /api/{excerpt(req.route_params.get('path', ''), 100)}.")
    )
