"""What all HTTP triggers share: methods, bodies, problem details (RFC 9457), correlation.

The real host matches overlapping routes by function name and answers a wrong method with a bare 404, so every route
takes all methods and answers 405 itself. Each method of a route declares the roles of which its caller needs one, so
that there is no route without.
"""

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from email.message import Message
from typing import Any

import azure.functions as func

from arcway.domain.codes import Code, Family
from arcway.domain.errors import CATALOGUE, ArcError, redact
from arcway.domain.ids import Origin
from arcway.domain.json_values import count_of
from arcway.domain.secrets_held import holding
from arcway.domain.text import excerpt
from arcway.telemetry import log
from triggers.access.callers import NOBODY, OPEN, Caller, Needed
from triggers.json_reader import read_json
from triggers.response_models import Problem
from triggers.services import Invocation

ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
BODY_LIMIT = 1024 * 1024
VALUES_LIMIT = 5000
"""How many values a body has at most: reading more takes long for every other caller, too."""

_STATUS = {
    Code.BODY_TOO_LARGE: 413,
    Code.PATH_NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.NOT_SIGNED_IN: 401,
    Code.ROLE_MISSING: 403,
    Code.CROSS_SITE_REQUEST: 403,
    Code.CONTENT_TYPE_NOT_JSON: 415,
    Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER: 409,
    Code.KUBECONFIG_UNKNOWN: 404,
    Code.KUBERNETES_RESPONSE_INVALID: 502,
    Code.SECRET_NOT_OWNED: 403,
    Code.AZURE_PERMISSION_MISSING: 403,
    Code.SUBSCRIPTION_NOT_FOUND: 404,
    Code.RESOURCE_GROUP_NOT_FOUND: 404,
    Code.AZURE_THROTTLED: 503,
    Code.CONNECTED_CLUSTER_NOT_FOUND: 404,
    Code.EXTENSION_NOT_FOUND: 404,
    Code.GITOPS_NOT_FOUND: 404,
    Code.SIGN_IN_AUTHORITY_UNREACHABLE: 503,
    Code.CONNECTED_CLUSTER_TAKEN: 409,
    Code.AGENTS_NOT_INSTALLED: 404,
    Code.RUN_NOT_FOUND: 404,
    Code.RUN_SUPERSEDED: 410,
    Code.RUN_IN_PROGRESS: 409,
    Code.INTERNAL_ERROR: 500,
    Code.ENGINE_UNREACHABLE: 503,
    Code.CHECK_NOT_SUCCESSFUL: 409,
    Code.IDEMPOTENCY_KEY_REUSED: 409,
    Code.FLEET_NOT_FOUND: 404,
    Code.FLEET_SUPERSEDED: 410,
    Code.FLEET_IN_PROGRESS: 409,
    Code.FLEET_COMMAND_NOT_POSSIBLE: 409,
    Code.FLEET_LIST_INCOMPLETE: 503,
    Code.APPROVER_NOT_ANOTHER: 403,
    Code.GATE_CHECK_TOO_OLD: 409,
}
_STATUS_OF_FAMILY = {Family.INPUT: 400, Family.CLUSTER: 400, Family.NETWORK: 502, Family.AZURE: 502}

type Handler = Callable[[func.HttpRequest, Invocation, Caller], Awaitable[func.HttpResponse]]
type Guarded = tuple[Needed, Handler]


async def dispatch(
    request: func.HttpRequest, invocation: Invocation, handlers: Mapping[str, Guarded]
) -> func.HttpResponse:
    """Answer a request with the handler of its method, if the caller holds one of the roles that go with it.

    Whatever goes wrong becomes problem details.
    """
    method = "GET" if request.method == "HEAD" else request.method
    try:
        if method not in handlers:
            raise ArcError(Code.METHOD_NOT_ALLOWED, f"{excerpt(request.method, 20)} is not supported here.")
        needed, handler = handlers[method]
        caller = NOBODY if needed == OPEN else await invocation.services.authentication.caller_of(request)
        caller.require(needed)
        with holding():
            return unsniffed(await handler(request, invocation, caller))
    except ArcError as error:
        return problem(error, headers={"Allow": _allowed(handlers)} if error.code == Code.METHOD_NOT_ALLOWED else None)
    except Exception as error:  # noqa: BLE001 - the border: the caller gets problem details, the log what happened
        log.error("%s failed: %s: %s", request.method, type(error).__name__, redact(str(error)))
        return problem(ArcError(Code.INTERNAL_ERROR))


def unsniffed(response: func.HttpResponse) -> func.HttpResponse:
    """The response, with the header that keeps browsers from taking it for another type than it says."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _allowed(handlers: Mapping[str, Guarded]) -> str:
    return ", ".join(sorted({*handlers, *(("HEAD",) if "GET" in handlers else ())}))


def status_of(error: ArcError) -> int:
    """The HTTP status that goes with an error."""
    return status_of_code(error.code)


def status_of_code(code: Code) -> int:
    """The HTTP status that goes with an error's code."""
    return _STATUS.get(code) or _STATUS_OF_FAMILY.get(Family(code[:5]), 500)


def problem(error: ArcError, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """The error as problem details."""
    status = status_of(error)
    sent = dict(headers or {})
    if status == 401:
        sent["WWW-Authenticate"] = "Bearer"
    if error.retry_after or status == 503:
        sent["Retry-After"] = str(math.ceil(error.retry_after or 5))
    document = Problem(
        type=f"urn:arcway:error:{error.code}",
        title=CATALOGUE[error.code].title,
        status=status,
        detail=error.message,
        code=error.code,
        remedy=error.remedy,
        retryable=error.retryable,
        details=error.details,
    )
    body = json.dumps(document.as_json())
    return unsniffed(func.HttpResponse(body, status_code=status, headers=sent, mimetype="application/problem+json"))


def respond(body: Any, status: int = 200, **headers: str) -> func.HttpResponse:
    """A JSON answer."""
    content = json.dumps(body)
    return unsniffed(func.HttpResponse(content, status_code=status, headers=headers, mimetype="application/json"))


def json_body(request: func.HttpRequest, limit: int = BODY_LIMIT, values: int = VALUES_LIMIT) -> object:
    """The body as a JSON value that every reader reads alike (RFC 8259, I-JSON), of at most `limit` bytes.

    Raises `ArcError`: ARC-1002 it is none, ARC-1003 it is too large, ARC-1011 it says that it is something else.
    """
    _check_content_type(request.headers.get("Content-Type", ""))
    if (coding := request.headers.get("Content-Encoding", "identity")) != "identity":
        raise ArcError(Code.CONTENT_TYPE_NOT_JSON, f"The body has the unsupported encoding {coding[:80]}.")
    data = request.get_body()
    if len(data) > limit:
        raise ArcError(Code.BODY_TOO_LARGE)
    if count_of(data) > values:
        raise ArcError(Code.BODY_NOT_JSON, f"The body has more than {values} values.")
    return read_json(data)


def _check_content_type(header: str) -> None:
    """A body without a content type is taken for JSON."""
    media_type = Message()
    media_type["Content-Type"] = header.strip() or "application/json"
    charset = media_type.get_param("charset", "utf-8")
    if media_type.get_content_type() != "application/json" or str(charset).lower() not in ("utf-8", "us-ascii"):
        raise ArcError(Code.CONTENT_TYPE_NOT_JSON, f"The content type {header[:80]} is not application/json in UTF-8.")


def origin_of(request: func.HttpRequest) -> Origin:
    """The caller's correlation id if it is a valid one, a new one otherwise; and the caller's traceparent."""
    return Origin.of(request.headers.get("x-ms-correlation-request-id"), request.headers.get("traceparent"))
