"""GET /api/health: are the parts that Arcway leans on there, each told apart."""

import asyncio

import azure.durable_functions as df
import azure.functions as func

from arcway import queries
from arcway.domain.errors import ArcError
from arcway.settings import settings
from triggers import http
from triggers.runs import look_up

blueprint = df.Blueprint()


@blueprint.route(route="health", methods=http.ALL_METHODS, auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")
async def health(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """200 when all parts are well, 503 otherwise."""
    return await http.answer(req, client, {"GET": _get})


async def _get(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    broker = "configured" if settings().publishes else "not configured"
    parts = {"engine": "ok", "resourceManager": "ok", "broker": broker}
    try:
        await look_up(client, "health")
    except ArcError as error:
        parts["engine"] = str(error)
    try:
        await asyncio.to_thread(queries.resource_manager_answers)
    except ArcError as error:
        parts["resourceManager"] = str(error)
    well = parts["engine"] == parts["resourceManager"] == "ok"
    return http.respond(parts, 200 if well else 503)
