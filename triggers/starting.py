"""What the ways to start a run over HTTP share: request keys, dry runs, and what a caller gets back."""

import uuid

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.errors import ArcError
from arcway.domain.ids import Origin
from arcway.domain.request import AnyRequest
from triggers import http
from triggers.runs import find
from triggers.start import start

_DRY_RUN_SECONDS = 60
_KEY_LIMIT = 128


async def answer(
    req: func.HttpRequest, client: df.DurableFunctionsClient, request: AnyRequest, *, dry_run: bool
) -> func.HttpResponse:
    """Start the request's run: 202 with its place, 200 when it is over already. A dry run is waited for."""
    origin = http.origin_of(req)
    if dry_run or request.operation == "check":
        return await _check(client, request.model_copy(update={"operation": "check"}), origin)
    started = await start(client, request, _key(req), origin)
    run = await find(client, str(started.run))
    return http.respond(run, 200) if started.finished else _accepted(run)


def flag(req: func.HttpRequest, name: str) -> bool:
    """The query parameter `name`, false without it. Raises `ArcError` ARC-1006."""
    text = req.params.get(name, "false")
    if text not in ("true", "false"):
        raise ArcError("ARC-1006", details=[{"field": name, "message": "must be true or false"}])
    return bool(text == "true")


async def _check(client: df.DurableFunctionsClient, request: AnyRequest, origin: Origin) -> func.HttpResponse:
    started = await start(client, request, str(uuid.uuid4()), origin)
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
