"""The page, driven through its table of routes for a viewer with given roles: no host, no sign-in, no engine."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import azure.functions as func

from arcway.domain.json_values import Json
from arcway.installation import Installation
from tests.installations import invocation
from tests.unit.triggers.task_hub import TaskHub
from triggers.access.callers import Role
from triggers.access.session import Sessions, Viewer
from triggers.page import responses
from triggers.page.routes import ROUTES
from triggers.services import Invocation


class Viewing(Sessions):
    """Sessions in which every viewer is Olga with these roles; without any role, the viewer is not signed in."""

    def __init__(self, own: Sessions, *roles: Role) -> None:
        super().__init__(None, own._authentication, own._secrets)
        self._viewer = Viewer("Olga", "x", frozenset(roles), "token") if roles else None

    async def viewer_of(self, request: func.HttpRequest) -> Viewer | None:
        self._authentication.refuse_other_names(request)
        return self._viewer


class Page:
    """Sends requests to the page as the host does."""

    def __init__(self, hub: TaskHub, *roles: Role, installation: Installation | None = None) -> None:
        own = invocation(hub, installation)
        sessions = Viewing(own.services.sessions, *roles)
        self.invocation = Invocation(replace(own.services, sessions=sessions), hub)  # type: ignore[arg-type]

    async def send(
        self, route: str, *, path: Json | None = None, query: Json | None = None, form: Any = None, **headers: str
    ) -> func.HttpResponse:
        method, _, place = route.partition(" ")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "POST":
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode({"csrf": "token", **(form or {})}).encode() if method == "POST" else b""
        url = f"http://127.0.0.1/api/{place}"
        request = func.HttpRequest(method, url, headers=sent, params=query or {}, route_params=path or {}, body=body)
        return await responses.dispatch_page(request, self.invocation, ROUTES[place])


def text(response: func.HttpResponse) -> str:
    """The body of a response."""
    return response.get_body().decode()
