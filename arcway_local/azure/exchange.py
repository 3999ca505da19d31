"""What all simulated services share: a table of routes, ARM's error form, faults, and a log of requests.

Paths are matched as Azure does: without regard to case, doubled slashes ignored.
"""

import re
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import now
from arcway_local.json_documents import read_json

type Handler = Callable[["Exchange"], Awaitable[web.StreamResponse]]

_ECHOED = ("x-ms-correlation-request-id", "x-ms-client-request-id")
_LOG_LENGTH = 20_000


@dataclass(slots=True)
class Exchange:
    """One request on its way through a handler."""

    request: web.Request
    path: str
    parts: dict[str, str]
    body: bytes
    claims: dict[str, Any] = field(default_factory=dict)
    """Of the token that came with the request, once it was checked."""

    def query(self, name: str) -> str:
        """A query parameter without regard to the case of its name; empty when absent."""
        return next((value for key, value in self.request.query.items() if key.lower() == name.lower()), "")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises `Refusal` 400 InvalidRequestContent."""
        try:
            value = read_json(self.body or b"{}")
        except ValueError as error:
            raise Refusal(400, "InvalidRequestContent", "The request content was invalid JSON.") from error
        if not isinstance(value, dict):
            raise Refusal(400, "InvalidRequestContent", "The request content must be a JSON object.")
        return value


@dataclass(slots=True)
class Fault:
    """A fault of the next `times` requests that match; None: of every one."""

    path: re.Pattern[str]
    method: str = "*"
    times: int | None = 1
    """How often; None: always."""
    skip: int = 0
    """How many matching requests pass before."""
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    retry_after_date: float | None = None
    """Seconds from the answer on, told as a Retry-After that is a date."""
    code: str = "InjectedFault"
    message: str | None = None
    text: str | None = None
    """The whole body instead of an error in Azure's form."""
    delay: float = 0.0
    drop: bool = False
    after: bool = False
    """Whether the request takes effect before it goes wrong."""

    def take(self, method: str, path: str) -> bool:
        """Whether the fault applies to this request; counts the request if so."""
        if self.times == 0 or self.method not in ("*", method) or not self.path.search(path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def answer(self) -> web.Response:
        """The response of the fault."""
        headers = dict(self.headers)
        if self.retry_after_date is not None:
            headers["Retry-After"] = formatdate(time.time() + self.retry_after_date, usegmt=True)
        if self.text is not None:
            return web.Response(text=self.text, status=self.status, headers=headers)
        error = {"code": self.code, "message": self.message or f"Injected {self.status}."}
        return web.json_response({"error": error}, status=self.status, headers=headers)


class Routes:
    """A table of method, pattern and handler; the first match wins. Patterns are regular expressions."""

    def __init__(self) -> None:
        self._table: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, methods: str, pattern: str, handler: Handler) -> None:
        """Add a route for methods separated by `|`."""
        for method in methods.split("|"):
            self._table.append((method, re.compile(pattern, re.IGNORECASE), handler))

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        """The handler of a request, and the groups of its pattern in the path."""
        for route_method, pattern, handler in self._table:
            if route_method == method and (match := pattern.fullmatch(path)):
                return handler, match.groupdict()
        return None


class RequestLog:
    """The latest requests, for tests that count them."""

    def __init__(self) -> None:
        self.entries: deque[dict[str, Any]] = deque(maxlen=_LOG_LENGTH)

    def add(self, request: web.Request, path: str, status: int) -> None:
        """Append a request; the oldest is dropped when the log is full."""
        self.entries.append(
            {
                "time": now(),
                "method": request.method,
                "path": path,
                "query": request.query_string,
                "status": status,
                "correlationId": request.headers.get("x-ms-correlation-request-id"),
            }
        )


def refusal(error: Refusal) -> web.Response:
    """ARM's error form."""
    cause = {"x-ms-failure-cause": "service" if error.by_service else "gateway"}
    return web.json_response(error.form(), status=error.status, headers={**cause, **error.headers})


def stamp(request: web.Request, response: web.StreamResponse, budget: dict[str, str]) -> None:
    """Add the headers of every Resource Manager response; headers of a fault are kept."""
    for name in _ECHOED:
        if value := request.headers.get(name):
            response.headers[name] = value
    for name, value in budget.items():
        response.headers.setdefault(name, value)
    request_id = str(uuid.uuid4())
    response.headers.setdefault("x-ms-request-id", request_id)
    response.headers.setdefault("x-ms-correlation-request-id", request_id)
    response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-cache")
