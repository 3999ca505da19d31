"""POST /api/onboardings, offboardings, updates, upgrades and extensions: start a run, or plan one with ?dryRun=true."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

import azure.functions as func

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.extension_request import ApplyExtensionRequest, DeleteExtensionRequest
from arcway.domain.ids import Origin
from arcway.domain.request import (
    AnyRequest,
    OffboardRequest,
    OnboardRequest,
    UpdateRequest,
    UpgradeRequest,
    parse_request,
)
from arcway.domain.run import Run
from arcway.runs.reader import get_run
from triggers import http
from triggers.access.callers import OFFBOARD, ONBOARD, Caller
from triggers.endpoints import Answer, Flag, Header, Parameters, endpoint
from triggers.services import Invocation

_DRY_RUN_SECONDS = 60
_KEY_LIMIT = 128
_KEY = re.compile(rf"[ -~]{{1,{_KEY_LIMIT}}}")


class DryRun(Parameters):
    """What all operations that start a run take."""

    dry_run: Flag = False
    """Return the findings and the plan of a check, without changing anything."""


KEY_HEADERS = (
    Header(
        "Idempotency-Key",
        "The same key and request for a connected cluster return the run that they started; the same key with another "
        "request for it is a conflict. Without a key, an equal request returns the run in progress.",
        {"type": "string", "minLength": 1, "maxLength": _KEY_LIMIT, "pattern": "^[ -~]+$"},
    ),
    Header(
        "x-ms-correlation-request-id",
        "Sent with every request to Azure (8-64 letters, digits, hyphens).",
        {"type": "string"},
    ),
    Header("traceparent", "The caller's trace, which the run continues (W3C Trace Context).", {"type": "string"}),
)
ANSWERS: Mapping[int, Answer] = {
    200: Answer("The completed run for this key, or the result of a dry run.", Run),
    202: Answer("The accepted run, or the run in progress for this key or request.", Run, ("Location", "Retry-After")),
}
CODES = (
    Code.INVALID_FIELDS,
    Code.BODY_NOT_JSON,
    Code.BODY_TOO_LARGE,
    Code.CONTENT_TYPE_NOT_JSON,
    Code.RUN_NOT_FOUND,
    Code.RUN_SUPERSEDED,
    Code.RUN_IN_PROGRESS,
    Code.ENGINE_UNREACHABLE,
    Code.IDEMPOTENCY_KEY_REUSED,
)
EXAMPLE: Mapping[str, Any] = {
    "subscriptionId": "11111111-2222-3333-4444-555555555555",
    "resourceGroup": "clusters",
    "name": "shop",
    "kubeconfig": {"secret": "arcway-shop"},
}
"""What the examples of all requests have in common."""


@endpoint(
    "POST onboardings",
    ONBOARD,
    name="connect",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=OnboardRequest,
    examples={
        "small": {**EXAMPLE, "location": "eastus"},
        "behind a proxy": {
            **EXAMPLE,
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
    answers=ANSWERS,
    codes=CODES,
)
async def _onboard(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Connect a cluster.

    With `operation: "check"` nothing is changed, as with dryRun.
    """
    body = http.json_body(req)
    is_check = isinstance(body, dict) and body.get("operation") == "check"
    request = parse_request(body, "check" if is_check else "onboard")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)


@endpoint(
    "POST offboardings",
    OFFBOARD,
    name="disconnect",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=OffboardRequest,
    examples={
        "both halves": EXAMPLE,
        "Azure only": {name: EXAMPLE[name] for name in ("subscriptionId", "resourceGroup", "name")}
        | {"azureOnly": True},
    },
    answers=ANSWERS,
    codes=CODES,
)
async def _offboard(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Disconnect a cluster: delete it in Azure, remove its agents."""
    request = parse_request(http.json_body(req), "offboard")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)


@endpoint(
    "POST updates",
    ONBOARD,
    name="update",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=UpdateRequest,
    examples={"tags and proxy": {**EXAMPLE, "tags": {"team": "shop"}, "disableProxy": True}},
    answers=ANSWERS,
    codes=CODES,
)
async def _update(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Change a connected cluster, its agents or both; omitted fields stay unchanged."""
    request = parse_request(http.json_body(req), "update")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)


@endpoint(
    "POST upgrades",
    ONBOARD,
    name="upgrade",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=UpgradeRequest,
    examples={"a version": {**EXAMPLE, "agentVersion": "1.36.2"}},
    answers=ANSWERS,
    codes=CODES,
)
async def _upgrade(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Upgrade a connected cluster's agents; rolled back if they do not become Ready."""
    request = parse_request(http.json_body(req), "upgrade")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)


@endpoint(
    "POST extensions",
    ONBOARD,
    name="applyExtension",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=ApplyExtensionRequest,
    examples={
        "GitOps": {**EXAMPLE, "extension": {"name": "flux", "type": "microsoft.flux"}},
        "a version, a setting and a secret": {
            **EXAMPLE,
            "extension": {
                "name": "monitor",
                "type": "microsoft.azuremonitor.containers",
                "version": "3.1.28",
                "settings": {"amalogs.useAADAuth": "true"},
                "protectedSettings": {"amalogs.secret.key": {"secret": "arcway-extension-monitor"}},
            },
        },
    },
    answers=ANSWERS,
    codes=CODES,
)
async def _apply_extension(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Create or change an extension of a connected cluster; omitted fields stay unchanged."""
    request = parse_request(http.json_body(req), "applyExtension")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)


@endpoint(
    "POST extensionDeletions",
    OFFBOARD,
    name="deleteExtension",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=DeleteExtensionRequest,
    examples={"GitOps": {**EXAMPLE, "extension": {"name": "flux"}}},
    answers=ANSWERS,
    codes=CODES,
)
async def _delete_extension(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Delete an extension of a connected cluster, and its release in the cluster."""
    request = parse_request(http.json_body(req), "deleteExtension")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)


async def start_and_respond(
    req: func.HttpRequest, invocation: Invocation, request: AnyRequest, caller: Caller, *, dry_run: bool
) -> func.HttpResponse:
    """Start the request's run: 202 with its place, 200 when it is over already. A dry run is waited for."""
    origin, key = http.origin_of(req), key_of(req)
    if dry_run or request.operation == "check":
        return await _check(invocation, request.model_copy(update={"operation": "check"}), origin, caller)
    started = await invocation.start_run(request, key, origin, caller)
    run = await get_run(invocation.client, str(started.run))
    return http.respond(run, 200) if started.finished else _accepted(run)


async def _check(invocation: Invocation, request: AnyRequest, origin: Origin, caller: Caller) -> func.HttpResponse:
    started = await invocation.start_run(request, str(uuid.uuid4()), origin, caller)
    try:
        await invocation.client.wait_for_orchestration_completion(started.run.instance, timeout=_DRY_RUN_SECONDS)
    except TimeoutError:
        return _accepted(await get_run(invocation.client, str(started.run)))
    return http.respond(await get_run(invocation.client, str(started.run)))


def _accepted(run: dict[str, object]) -> func.HttpResponse:
    return http.respond(run, 202, **{"Location": f"/api/runs/{run['id']}", "Retry-After": "2"})


def key_of(req: func.HttpRequest) -> str:
    """The Idempotency-Key of the request, or a new one. Raises `ArcError` ARC-1006."""
    key = req.headers.get("Idempotency-Key")
    if key is None:
        return str(uuid.uuid4())
    if not _KEY.fullmatch(key):
        field = {"field": "Idempotency-Key", "message": f"must have 1 to {_KEY_LIMIT} printable ASCII characters"}
        raise ArcError(Code.INVALID_PARAMETERS, details=[field])
    return str(key)
