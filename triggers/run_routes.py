"""GET /api/runs, GET /api/runs/{id}, POST /api/runs/{id}/cancel and /retry."""

import uuid
from datetime import UTC, datetime, timedelta

import azure.durable_functions as df
import azure.functions as func
import grpc

from arcway.domain.errors import ArcError
from arcway.domain.ids import Origin
from triggers import http
from triggers.runs import Filter, find, page, request_of
from triggers.start import start

blueprint = df.Blueprint()

_SHOWN_BY_DEFAULT = timedelta(days=30)
_TOP, _TOP_LIMIT = 100, 1000


@blueprint.route(route="runs", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def runs(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """The runs, newest first."""
    return await http.answer(req, client, {"GET": _list})


@blueprint.route(route="runs/{id}", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def run(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """One run."""
    return await http.answer(req, client, {"GET": _get})


@blueprint.route(route="runs/{id}/cancel", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def run_cancel(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Ask a run to stop at its next step boundary."""
    return await http.answer(req, client, {"POST": _cancel})


@blueprint.route(route="runs/{id}/retry", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def run_retry(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Go on with a failed or cancelled run: a new run of the same request, which reads the world first."""
    return await http.answer(req, client, {"POST": _retry})


async def _retry(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    found = await find(client, req.route_params["id"])
    if not found["finishedAt"]:
        details = [{"run": found["id"], "href": f"/api/runs/{found['id']}"}]
        raise ArcError("ARC-6003", f"Run {found['id']} still goes on.", details=[*details])
    if found["state"] == "Succeeded":
        return http.respond(found)
    request = await request_of(client, found["id"])
    started = await start(client, request, str(uuid.uuid4()), Origin(found["correlationId"]))
    run = await find(client, str(started.run))
    return http.respond(run, 202, **{"Location": f"/api/runs/{run['id']}", "Retry-After": "2"})


async def _list(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    chosen, top = _query(req)
    found, token = await page(client, chosen, top, req.params.get("continuationToken"))
    return http.respond({"value": found, "continuationToken": token})


def _query(req: func.HttpRequest) -> tuple[Filter, int]:
    wrong = []
    created_from, top = datetime.now(UTC) - _SHOWN_BY_DEFAULT, _TOP
    if text := req.params.get("createdFrom"):
        try:
            created_from = datetime.fromisoformat(text.replace(" ", "+"))
        except ValueError:
            wrong.append({"field": "createdFrom", "message": "must be an ISO 8601 time"})
        if created_from.tzinfo is None:
            created_from = created_from.replace(tzinfo=UTC)
    if text := req.params.get("top"):
        if text.isdecimal() and 1 <= int(text) <= _TOP_LIMIT:
            top = int(text)
        else:
            wrong.append({"field": "top", "message": f"must be a number from 1 to {_TOP_LIMIT}"})
    if wrong:
        raise ArcError("ARC-1006", details=[*wrong])
    names = {
        "state": "state",
        "operation": "operation",
        "subscription": "subscription",
        "resource_group": "resourceGroup",
    }
    return Filter(created_from, **{name: req.params.get(outside) for name, outside in names.items()}), top


async def _get(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    return http.respond(await find(client, req.route_params["id"]))


async def _cancel(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    found = await find(client, req.route_params["id"])
    if found["finishedAt"]:
        return http.respond(found)
    try:
        await client.raise_orchestration_event(found["id"].partition(".")[0], "cancel", data=found["id"])
    except grpc.RpcError as error:
        raise ArcError("ARC-6007", "The workflow engine does not answer.") from error
    return http.respond(found, 202, Location=f"/api/runs/{found['id']}")
