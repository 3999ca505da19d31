"""POST /api/updates: start changing a connected cluster, or report with ?dryRun=true what would change."""

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.request import UpdateRequest, parse_request
from triggers import http, starting
from triggers.access.callers import ONBOARD, Caller
from triggers.endpoints import at, endpoint

blueprint = df.Blueprint()


@blueprint.route(route="updates", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def updates(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """See the module."""
    return await http.dispatch(req, client, at("updates"))


@endpoint(
    "POST updates",
    ONBOARD,
    name="update",
    parameters=starting.DryRun,
    headers=starting.HEADERS,
    body=UpdateRequest,
    examples={"tags and proxy": {**starting.EXAMPLE, "tags": {"team": "shop"}, "disableProxy": True}},
    answers=starting.ANSWERS,
    codes=starting.CODES,
)
async def _post(
    req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller, parameters: starting.DryRun
) -> func.HttpResponse:
    """Change a connected cluster, its agents or both; omitted fields stay unchanged."""
    request = parse_request(http.json_body(req), "update")
    return await starting.start_and_respond(req, client, request, caller, dry_run=parameters.dry_run)
