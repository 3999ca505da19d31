"""What all HTTP triggers share: methods, bodies, problem details (RFC 9457), correlation.

The real host matches overlapping routes by function name and answers a wrong method with a bare 404, so every route
takes all methods and answers 405 itself. Must not know what any route does.
"""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.errors import CATALOGUE, ArcError, redact
from arcway.domain.ids import Origin
from arcway.telemetry import log

ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
BODY_LIMIT = 1024 * 1024

_STATUS = {
    "ARC-1003": 413,
    "ARC-1004": 404,
    "ARC-1005": 405,
    "ARC-4002": 403,
    "ARC-4003": 404,
    "ARC-4006": 404,
    "ARC-4007": 503,
    "ARC-4012": 404,
    "ARC-6001": 404,
    "ARC-6002": 410,
    "ARC-6003": 409,
    "ARC-6006": 500,
    "ARC-6007": 503,
}
_STATUS_OF_CLASS = {"ARC-1": 400, "ARC-2": 400, "ARC-3": 502, "ARC-4": 502}

type Handler = Callable[[func.HttpRequest, df.DurableFunctionsClient], Awaitable[func.HttpResponse]]


async def answer(
    request: func.HttpRequest, client: df.DurableFunctionsClient, handlers: Mapping[str, Handler]
) -> func.HttpResponse:
    """Answer a request with the handler of its method; whatever goes wrong becomes problem details."""
    method = "GET" if request.method == "HEAD" else request.method
    try:
        if method not in handlers:
            raise ArcError("ARC-1005", f"{request.method} is not allowed here.")
        return await handlers[method](request, client)
    except ArcError as error:
        return problem(error, headers={"Allow": ", ".join(sorted(handlers))} if error.code == "ARC-1005" else None)
    except Exception as error:  # noqa: BLE001 - the border: the caller gets problem details, the log what happened
        log.error("%s failed: %s: %s", request.method, type(error).__name__, redact(str(error)))
        return problem(ArcError("ARC-6006"))


def problem(error: ArcError, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """The error as problem details."""
    status = _STATUS.get(error.code) or _STATUS_OF_CLASS.get(error.code[:5], 500)
    sent = dict(headers or {})
    if error.retry_after or status == 503:
        sent["Retry-After"] = str(int(error.retry_after or 5))
    body = {
        "type": f"urn:arcway:error:{error.code}",
        "title": CATALOGUE[error.code].title,
        "status": status,
        "detail": error.message,
        "code": error.code,
        "remedy": error.remedy,
        "retryable": error.retryable,
        "details": error.details,
    }
    return func.HttpResponse(json.dumps(body), status_code=status, headers=sent, mimetype="application/problem+json")


def respond(body: Any, status: int = 200, **headers: str) -> func.HttpResponse:
    """A JSON answer."""
    return func.HttpResponse(json.dumps(body), status_code=status, headers=headers, mimetype="application/json")


def json_body(request: func.HttpRequest) -> object:
    """The body as a JSON value. Raises `ArcError` ARC-1002 or ARC-1003."""
    data = request.get_body()
    if len(data) > BODY_LIMIT:
        raise ArcError("ARC-1003")
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ArcError("ARC-1002", "The body is not JSON.") from error
    return value


def origin_of(request: func.HttpRequest) -> Origin:
    """The caller's correlation id if it is a sane one, a new one otherwise; and the caller's traceparent."""
    given = request.headers.get("x-ms-correlation-request-id", "")
    sane = 8 <= len(given) <= 64 and given.replace("-", "").isalnum()
    return Origin.of(given if sane else str(uuid.uuid4()), request.headers.get("traceparent"))
