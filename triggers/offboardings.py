"""POST /api/offboardings: start disconnecting a cluster, or report with ?dryRun=true what would change."""

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.request import OffboardRequest, parse_request
from triggers import http, starting
from triggers.access.callers import OFFBOARD, Caller
from triggers.endpoints import at, endpoint

blueprint = df.Blueprint()


@blueprint.route(route="offboardings", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def offboardings(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """See the module."""
    return await http.dispatch(req, client, at("offboardings"))


@endpoint(
    "POST offboardings",
    OFFBOARD,
    name="disconnect",
    parameters=starting.DryRun,
    headers=starting.HEADERS,
    body=OffboardRequest,
    examples={
        "both halves": starting.EXAMPLE,
        "Azure only": {name: starting.EXAMPLE[name] for name in ("subscriptionId", "resourceGroup", "name")}
        | {"azureOnly": True},
    },
    answers=starting.ANSWERS,
    codes=starting.CODES,
)
async def _post(
    req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller, parameters: starting.DryRun
) -> func.HttpResponse:
    """Disconnect a cluster: delete it in Azure, remove its agents."""
    request = parse_request(http.json_body(req), "offboard")
    return await starting.start_and_respond(req, client, request, caller, dry_run=parameters.dry_run)
