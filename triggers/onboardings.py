"""POST /api/onboardings: start connecting a cluster, or say with ?dryRun=true what would happen."""

import uuid

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.errors import ArcError
from arcway.domain.request import Request, parse_request
from triggers import http
from triggers.runs import find
from triggers.start import start

blueprint = df.Blueprint()

_DRY_RUN_SECONDS = 60
_KEY_LIMIT = 128


@blueprint.route(route="onboardings", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def onboardings(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """See the module."""
    return await http.answer(req, client, {"POST": _post})


async def _post(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    dry_run = _flag(req, "dryRun")
    body = http.json_body(req)
    asked_to_check = isinstance(body, dict) and body.get("operation") == "check"
    request = parse_request(body, "check" if asked_to_check else "onboard")
    correlation_id = http.correlation_of(req)
    if dry_run or asked_to_check:
        return await _check(client, request.model_copy(update={"operation": "check"}), correlation_id)
    started = await start(client, request, _key(req), correlation_id)
    run = await find(client, str(started.run))
    return http.respond(run, 200) if started.finished else _accepted(run)


async def _check(client: df.DurableFunctionsClient, request: Request, correlation_id: str) -> func.HttpResponse:
    started = await start(client, request, str(uuid.uuid4()), correlation_id)
    try:
        await client.wait_for_orchestration_completion(started.run.instance, timeout=_DRY_RUN_SECONDS)
    except TimeoutError:
        return _accepted(await find(client, str(started.run)))
    return http.respond(await find(client, str(started.run)))


def _accepted(run: dict[str, object]) -> func.HttpResponse:
    return http.respond(run, 202, **{"Location": f"/api/runs/{run['id']}", "Retry-After": "2"})


def _key(req: func.HttpRequest) -> str:
    key = req.headers.get("Idempotency-Key") or str(uuid.uuid4())
    if len(key) > _KEY_LIMIT:
        field = {"field": "Idempotency-Key", "message": f"must have at most {_KEY_LIMIT} characters"}
        raise ArcError("ARC-1006", details=[field])
    return key


def _flag(req: func.HttpRequest, name: str) -> bool:
    text = req.params.get(name, "false")
    if text not in ("true", "false"):
        raise ArcError("ARC-1006", details=[{"field": name, "message": "must be true or false"}])
    return bool(text == "true")
