"""POST /api/offboardings: start disconnecting a cluster, or say with ?dryRun=true what would happen."""

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.request import parse_request
from triggers import http, starting

blueprint = df.Blueprint()


@blueprint.route(route="offboardings", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def offboardings(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """See the module."""
    return await http.answer(req, client, {"POST": _post})


async def _post(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    dry_run = starting.flag(req, "dryRun")
    request = parse_request(http.json_body(req), "offboard")
    return await starting.answer(req, client, request, dry_run=dry_run)
