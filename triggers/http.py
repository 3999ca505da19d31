"""What all HTTP triggers share: methods, bodies, problem details (RFC 9457), correlation.

The real host matches overlapping routes by function name and answers a wrong method with a bare 404, so every route
takes all methods and answers 405 itself. Each method of a route declares the roles of which its caller needs one, so
that there is no route without. Must not know what any route does.
"""

import json
import math
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from email.message import Message
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.errors import CATALOGUE, ArcError, redact
from arcway.domain.ids import Origin
from arcway.domain.json_values import count_of
from arcway.domain.secrets_held import holding
from arcway.telemetry import log
from triggers.access.callers import NOBODY, OPEN, Caller, Needed
from triggers.access.gate import caller_of
from triggers.shapes import Problem

ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
BODY_LIMIT = 1024 * 1024
VALUES_LIMIT = 5000
"""How many values a body has at most: reading more takes long for every other caller, too."""

_STATUS = {
    "ARC-1003": 413,
    "ARC-1004": 404,
    "ARC-1005": 405,
    "ARC-1007": 401,
    "ARC-1008": 403,
    "ARC-1010": 403,
    "ARC-1011": 415,
    "ARC-2011": 409,
    "ARC-2023": 404,
    "ARC-2027": 502,
    "ARC-4002": 403,
    "ARC-4003": 404,
    "ARC-4006": 404,
    "ARC-4007": 503,
    "ARC-4012": 404,
    "ARC-4014": 503,
    "ARC-5012": 404,
    "ARC-6001": 404,
    "ARC-6002": 410,
    "ARC-6003": 409,
    "ARC-6006": 500,
    "ARC-6007": 503,
    "ARC-6008": 409,
}
_STATUS_OF_CLASS = {"ARC-1": 400, "ARC-2": 400, "ARC-3": 502, "ARC-4": 502}

type Handler = Callable[[func.HttpRequest, df.DurableFunctionsClient, Caller], Awaitable[func.HttpResponse]]
type Guarded = tuple[Needed, Handler]


async def answer(
    request: func.HttpRequest, client: df.DurableFunctionsClient, handlers: Mapping[str, Guarded]
) -> func.HttpResponse:
    """Answer a request with the handler of its method, if the caller holds one of the roles that go with it.

    Whatever goes wrong becomes problem details.
    """
    method = "GET" if request.method == "HEAD" else request.method
    try:
        if method not in handlers:
            raise ArcError("ARC-1005", f"{request.method} is not allowed here.")
        needed, handler = handlers[method]
        caller = NOBODY if needed == OPEN else await caller_of(request)
        caller.require(needed)
        with holding():
            return await handler(request, client, caller)
    except ArcError as error:
        return problem(error, headers={"Allow": _allowed(handlers)} if error.code == "ARC-1005" else None)
    except Exception as error:  # noqa: BLE001 - the border: the caller gets problem details, the log what happened
        log.error("%s failed: %s: %s", request.method, type(error).__name__, redact(str(error)))
        return problem(ArcError("ARC-6006"))


def _allowed(handlers: Mapping[str, Guarded]) -> str:
    return ", ".join(sorted({*handlers, *(("HEAD",) if "GET" in handlers else ())}))


def status_of(error: ArcError) -> int:
    """The HTTP status that goes with an error."""
    return status_of_code(error.code)


def status_of_code(code: str) -> int:
    """The HTTP status that goes with an error's code."""
    return _STATUS.get(code) or _STATUS_OF_CLASS.get(code[:5], 500)


def problem(error: ArcError, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """The error as problem details."""
    status = status_of(error)
    sent = dict(headers or {})
    if status == 401:
        sent["WWW-Authenticate"] = "Bearer"
    if error.retry_after or status == 503:
        sent["Retry-After"] = str(math.ceil(error.retry_after or 5))
    shown = Problem(
        type=f"urn:arcway:error:{error.code}",
        title=CATALOGUE[error.code].title,
        status=status,
        detail=error.message,
        code=error.code,
        remedy=error.remedy,
        retryable=error.retryable,
        details=error.details,
    )
    text = json.dumps(shown.as_json())
    return func.HttpResponse(text, status_code=status, headers=sent, mimetype="application/problem+json")


def respond(body: Any, status: int = 200, **headers: str) -> func.HttpResponse:
    """A JSON answer."""
    return func.HttpResponse(json.dumps(body), status_code=status, headers=headers, mimetype="application/json")


def json_body(request: func.HttpRequest) -> object:
    """The body as a JSON value that everybody reads alike (RFC 8259, I-JSON).

    Raises `ArcError`: ARC-1002 it is none, ARC-1003 it is too large, ARC-1011 it says that it is something else.
    """
    _check_content_type(request.headers.get("Content-Type", ""))
    if (coding := request.headers.get("Content-Encoding", "identity")) != "identity":
        raise ArcError("ARC-1011", f"The body is encoded as {coding[:80]}.")
    data = request.get_body()
    if len(data) > BODY_LIMIT:
        raise ArcError("ARC-1003")
    if count_of(data) > VALUES_LIMIT:
        raise ArcError("ARC-1002", f"The body has more than {VALUES_LIMIT} values.")
    try:
        value: object = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_object, parse_float=_number, parse_constant=_number
        )
        nul = any("\0" in text for text in _texts(value))
    except (ValueError, RecursionError) as error:
        raise ArcError("ARC-1002", "The body is not JSON.") from error
    if nul:
        raise ArcError("ARC-1002", "The body has a NUL character.")
    return value


def _check_content_type(text: str) -> None:
    """A body whose type is not told is taken for JSON."""
    given = Message()
    given["Content-Type"] = text.strip() or "application/json"
    charset = given.get_param("charset", "utf-8")
    if given.get_content_type() != "application/json" or str(charset).lower() not in ("utf-8", "us-ascii"):
        raise ArcError("ARC-1011", f"The content type {text[:80]} is not application/json in UTF-8.")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Which one counts is told by no standard: what was checked and what was meant could differ.
        raise ArcError("ARC-1002", "An object in the body has a name twice.")
    return found


def _number(text: str) -> float:
    """Neither NaN and Infinity, which are not JSON, nor what is too large for a number."""
    if not math.isfinite(value := float(text)):
        raise ArcError("ARC-1002", f"{text[:20]} in the body is not a number that can be read.")
    return value


def _texts(value: object) -> Iterator[str]:
    """All names and strings of a JSON value. Raises UnicodeEncodeError for half a surrogate pair."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str):
            item.encode()
            yield item


def origin_of(request: func.HttpRequest) -> Origin:
    """The caller's correlation id if it is a sane one, a new one otherwise; and the caller's traceparent."""
    given = request.headers.get("x-ms-correlation-request-id", "")
    sane = 8 <= len(given) <= 64 and given.replace("-", "").isalnum()
    return Origin.of(given if sane else str(uuid.uuid4()), request.headers.get("traceparent"))
