"""POST /api/upgrades: start upgrading a cluster's agents, or report with ?dryRun=true what would change."""

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.request import UpgradeRequest, parse_request
from triggers import http, starting
from triggers.access.callers import ONBOARD, Caller
from triggers.endpoints import at, endpoint

blueprint = df.Blueprint()


@blueprint.route(route="upgrades", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def upgrades(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """See the module."""
    return await http.dispatch(req, client, at("upgrades"))


@endpoint(
    "POST upgrades",
    ONBOARD,
    name="upgrade",
    parameters=starting.DryRun,
    headers=starting.HEADERS,
    body=UpgradeRequest,
    examples={"a version": {**starting.EXAMPLE, "agentVersion": "1.36.2"}},
    answers=starting.ANSWERS,
    codes=starting.CODES,
)
async def _post(
    req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller, parameters: starting.DryRun
) -> func.HttpResponse:
    """Upgrade a connected cluster's agents; rolled back if they do not become Ready."""
    request = parse_request(http.json_body(req), "upgrade")
    return await starting.start_and_respond(req, client, request, caller, dry_run=parameters.dry_run)
