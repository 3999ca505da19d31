"""GET /api/health: are the parts that Arcway leans on there, each told apart."""

import asyncio

import azure.durable_functions as df
import azure.functions as func

from arcway import queries
from arcway.domain.errors import ArcError
from arcway.settings import settings
from triggers import http
from triggers.access.callers import OPEN, Caller
from triggers.operations import Answer, NoParameters, at, operation
from triggers.runs import look_up
from triggers.shapes import Health

blueprint = df.Blueprint()


@blueprint.route(route="health", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def health(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """200 when all parts are well, 503 otherwise."""
    return await http.answer(req, client, at("health"))


@operation(
    "GET health",
    OPEN,
    name="health",
    parameters=NoParameters,
    answers={200: Answer("All parts are well.", Health), 503: Answer("A part is not well.", Health)},
)
async def _get(
    req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller, given: NoParameters
) -> func.HttpResponse:
    """Whether the parts that Arcway leans on are there, each told apart."""
    broker = "configured" if settings().publishes else "not configured"
    engine = resource_manager = "ok"
    try:
        await look_up(client, "health")
    except ArcError as error:
        engine = str(error)
    try:
        await asyncio.to_thread(queries.resource_manager_answers)
    except ArcError as error:
        resource_manager = str(error)
    parts = Health(engine=engine, resource_manager=resource_manager, broker=broker)
    return http.respond(parts.as_json(), 200 if engine == resource_manager == "ok" else 503)
