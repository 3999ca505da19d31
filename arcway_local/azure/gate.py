"""The checks of every request to Resource Manager: token, api-version, the caller's permissions, and guards."""

from typing import Any

from aiohttp import web

from arcway_local.azure.entra import Entra
from arcway_local.azure.exchange import Exchange, Handler
from arcway_local.azure.guards import Attempt, Guards
from arcway_local.azure.providers import check_version
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import Subscriptions


class Gate:
    """Lets requests through to their handlers. `guards` are what the test controls set."""

    def __init__(self, world: Subscriptions, entra: Entra) -> None:
        self._world = world
        self._entra = entra
        self.guards = Guards()

    def to(self, kind: str, action: str, handler: Handler) -> Handler:
        """Add the checks to a handler. `kind` is the resource type; in `action`, a leading `*` is the namespace."""
        namespace, _, resource_type = kind.partition("/")

        async def guarded(exchange: Exchange) -> web.StreamResponse:
            exchange.claims = self._authenticate(exchange)
            check_version(namespace.lower(), resource_type, exchange.query("api-version"))
            if "subscription" in exchange.parts and action:
                self.guards.check(self._world, self._attempt(exchange, kind, action))
            return await handler(exchange)

        return guarded

    def unknown_type(self, exchange: Exchange) -> Refusal:
        """Why Resource Manager refuses a path of a provider namespace that no handler has.

        Raises `Refusal` itself for a missing token, an unknown namespace or type, and an api-version of neither.
        """
        self._authenticate(exchange)
        segments = exchange.parts["rest"].strip("/").split("/")
        kind = "/".join(segments[::2])
        check_version(exchange.parts["namespace"].lower(), kind, exchange.query("api-version"))
        message = f"No simulated service answers {exchange.request.method} {exchange.path}."
        return Refusal(404, "NotFound", message)

    def _authenticate(self, exchange: Exchange) -> dict[str, Any]:
        try:
            return self._entra.check(exchange.request)
        except Refusal as refusal:
            authority = f"{self._entra.endpoint}/{self._entra.tenant}"
            description = str(refusal).replace('"', "'")
            challenge = (
                f'Bearer authorization_uri="{authority}", error="invalid_token", error_description="{description}"'
            )
            refusal.headers["WWW-Authenticate"] = challenge
            raise

    def _attempt(self, exchange: Exchange, kind: str, action: str) -> Attempt:
        parts, method = exchange.parts, exchange.request.method
        full = action.replace("*", parts.get("namespace", "*"), 1) if action.startswith("*") else action
        return Attempt(
            method="GET" if method == "HEAD" else method,
            action=full,
            scope=exchange.path,
            subscription=parts["subscription"],
            group=parts.get("group"),
            kind=kind,
            body=exchange.json() if method in ("PUT", "PATCH") else {},
            claims=exchange.claims,
        )
