"""GET /api/connectedClusters and /{subscriptionId}/{resourceGroup}/{name}: what is in Azure now."""

import asyncio

import azure.durable_functions as df
import azure.functions as func

from arcway import queries
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from triggers import http

blueprint = df.Blueprint()


@blueprint.route(route="connectedClusters", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def connected_clusters(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """All connected clusters of ?subscription=, or of its ?resourceGroup=."""
    return await http.answer(req, client, {"GET": _list})


@blueprint.route(route="connectedClusters/{subscription}/{group}/{name}", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def connected_cluster(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """One connected cluster."""
    return await http.answer(req, client, {"GET": _get})


async def _list(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    subscription = req.params.get("subscription")
    if not subscription:
        raise ArcError("ARC-1006", details=[{"field": "subscription", "message": "is needed"}])
    found = await asyncio.to_thread(queries.connected_clusters_in, subscription, req.params.get("resourceGroup"))
    return http.respond({"value": found})


async def _get(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    given = req.route_params
    cluster = ClusterId(given["subscription"], given["group"], given["name"])
    return http.respond(await asyncio.to_thread(queries.connected_cluster, cluster))
