"""POST /api/onboardings: start connecting a cluster, or say with ?dryRun=true what would happen."""

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.request import parse_request
from triggers import http, starting

blueprint = df.Blueprint()


@blueprint.route(route="onboardings", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def onboardings(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """See the module."""
    return await http.answer(req, client, {"POST": _post})


async def _post(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    dry_run = starting.flag(req, "dryRun")
    body = http.json_body(req)
    asked_to_check = isinstance(body, dict) and body.get("operation") == "check"
    request = parse_request(body, "check" if asked_to_check else "onboard")
    return await starting.answer(req, client, request, dry_run=dry_run)
