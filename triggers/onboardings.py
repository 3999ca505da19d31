"""POST /api/onboardings: start connecting a cluster, or report with ?dryRun=true what would change."""

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.request import OnboardRequest, parse_request
from triggers import http, starting
from triggers.access.callers import ONBOARD, Caller
from triggers.endpoints import at, endpoint

blueprint = df.Blueprint()


@blueprint.route(route="onboardings", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def onboardings(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """See the module."""
    return await http.dispatch(req, client, at("onboardings"))


@endpoint(
    "POST onboardings",
    ONBOARD,
    name="connect",
    parameters=starting.DryRun,
    headers=starting.HEADERS,
    body=OnboardRequest,
    examples={
        "small": {**starting.EXAMPLE, "location": "eastus"},
        "behind a proxy": {
            **starting.EXAMPLE,
            "location": "eastus",
            "createResourceGroup": True,
            "tags": {"team": "shop"},
            "proxy": {
                "https": "http://proxy.example:3128",
                "skipRange": "10.0.0.0/8",
                "credentials": {"secret": "arcway-proxy"},
            },
            "checkNetwork": True,
        },
    },
    answers=starting.ANSWERS,
    codes=starting.CODES,
)
async def _post(
    req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller, parameters: starting.DryRun
) -> func.HttpResponse:
    """Connect a cluster.

    With `operation: "check"` nothing is changed, as with dryRun.
    """
    body = http.json_body(req)
    is_check = isinstance(body, dict) and body.get("operation") == "check"
    request = parse_request(body, "check" if is_check else "onboard")
    return await starting.start_and_respond(req, client, request, caller, dry_run=parameters.dry_run)
