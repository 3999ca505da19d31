"""What all simulated services share: a table of routes, ARM's error form, faults, and a log of what was asked.

Paths are matched as Azure does: without regard to case, doubled slashes ignored. Must not know any service.
"""

import json
import re
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from arcway.local.azure.subscriptions import Refusal, now

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
            value = json.loads(self.body or b"{}")
        except ValueError as error:
            raise Refusal(400, "InvalidRequestContent", "The request content was invalid JSON.") from error
        if not isinstance(value, dict):
            raise Refusal(400, "InvalidRequestContent", "The request content must be a JSON object.")
        return value


@dataclass(slots=True)
class Fault:
    """Something that goes wrong with the next `times` requests that match."""

    path: re.Pattern[str]
    method: str = "*"
    times: int = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    delay: float = 0.0
    drop: bool = False
    after: bool = False
    """Whether the request takes effect before it goes wrong."""


class Routes:
    """A table of method, pattern and handler; the first match wins. Patterns are regular expressions."""

    def __init__(self) -> None:
        self._table: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, methods: str, pattern: str, handler: Handler) -> None:
        """Add a route for methods separated by `|`."""
        for method in methods.split("|"):
            self._table.append((method, re.compile(pattern, re.IGNORECASE), handler))

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        """The handler of a request and what its pattern took out of the path."""
        for known, pattern, handler in self._table:
            if known == method and (match := pattern.fullmatch(path)):
                return handler, match.groupdict()
        return None


class RequestLog:
    """The latest requests, for whoever counts them."""

    def __init__(self) -> None:
        self.entries: deque[dict[str, Any]] = deque(maxlen=_LOG_LENGTH)

    def add(self, request: web.Request, path: str, status: int) -> None:
        """Remember a request."""
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
    return web.json_response({"error": {"code": error.code, "message": str(error)}}, status=error.status)


def stamp(request: web.Request, response: web.StreamResponse) -> None:
    """The headers that every answer of Resource Manager has."""
    for name in _ECHOED:
        if value := request.headers.get(name):
            response.headers[name] = value
    response.headers["x-ms-request-id"] = str(uuid.uuid4())
    response.headers.setdefault("Cache-Control", "no-cache")
