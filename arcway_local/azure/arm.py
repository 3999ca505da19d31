"""Resource Manager over HTTP: metadata, subscriptions, provider namespaces, resource groups, permissions.

Translates between the wire and `Subscriptions`; keeps no state. Connected clusters are its neighbour's.
"""

from typing import Any

from aiohttp import web

from arcway_local.azure.entra import Entra
from arcway_local.azure.exchange import Exchange, Handler, Routes
from arcway_local.azure.gate import Gate
from arcway_local.azure.metadata import metadata
from arcway_local.azure.provider_types import LOCATIONS
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import Subscriptions

SUBSCRIPTION_PATH = r"/subscriptions/(?P<subscription>[^/]+)"
GROUP_PATH = SUBSCRIPTION_PATH + r"/resourcegroups/(?P<group>[^/]+)"
_PROVIDER = SUBSCRIPTION_PATH + r"/providers/(?P<namespace>[^/]+)"
# The last namespace of a path counts: its resource may belong to one of another namespace.
_ANY_TYPE = r"(?:/subscriptions/.*)?/providers/(?P<namespace>[^/]+)(?P<rest>(?:/[^/]+)+)"
_READ = "Microsoft.Resources/subscriptions/read"
_GROUP_ACTIONS = "Microsoft.Resources/subscriptions/resourceGroups"


class ResourceManager:
    """The routes of Resource Manager itself."""

    def __init__(self, world: Subscriptions, entra: Entra, gate: Gate) -> None:
        self._world = world
        self._entra = entra
        self._gate = gate

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service. All but the metadata require a token and an api-version."""
        routes.add("GET", r"/metadata/endpoints", self._metadata)
        table: tuple[tuple[str, str, str, Handler], ...] = (
            ("GET", SUBSCRIPTION_PATH, _READ, self._subscription),
            ("GET", r"/subscriptions", _READ, self._subscriptions),
            ("GET", r"/tenants", _READ, self._tenants),
            ("GET", SUBSCRIPTION_PATH + r"/locations", _READ, self._locations),
            ("GET", SUBSCRIPTION_PATH + r"/providers", "*/read", self._providers),
            ("GET", _PROVIDER, "*/read", self._provider),
            ("POST", _PROVIDER + r"/register", "*/register/action", self._register),
            ("POST", _PROVIDER + r"/unregister", "*/unregister/action", self._unregister),
            ("GET", SUBSCRIPTION_PATH + r"/resourcegroups", f"{_GROUP_ACTIONS}/read", self._groups),
            ("GET|HEAD", GROUP_PATH, f"{_GROUP_ACTIONS}/read", self._group),
            ("PUT", GROUP_PATH, f"{_GROUP_ACTIONS}/write", self._put_group),
            ("DELETE", GROUP_PATH, f"{_GROUP_ACTIONS}/delete", self._delete_group),
            ("GET", SUBSCRIPTION_PATH + r"/operationresults/(?P<left>[^/]+)", _READ, self._group_gone),
        )
        for methods, pattern, action, handler in table:
            kind = "Microsoft.Resources/resourceGroups" if pattern == GROUP_PATH else "Microsoft.Resources/"
            routes.add(methods, pattern, self._gate.to(kind, action, handler))
        permissions = self._gate.to("Microsoft.Authorization/permissions", "*/read", self._permissions)
        routes.add("GET", GROUP_PATH + r"/providers/microsoft\.authorization/permissions", permissions)

    def last_routes(self, routes: Routes) -> None:
        """Register what answers for resource types that no service has, after the routes of all services."""
        routes.add("GET|HEAD|PUT|PATCH|POST|DELETE", _ANY_TYPE, self._unknown_type)

    async def _unknown_type(self, exchange: Exchange) -> web.StreamResponse:
        raise self._gate.unknown_type(exchange)

    async def _metadata(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(metadata(self._entra.endpoint, self._entra.tenant))

    async def _subscription(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._describe(exchange.parts["subscription"]))

    async def _subscriptions(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response({"value": [self._describe(name) for name in self._world.subscriptions]})

    async def _tenants(self, exchange: Exchange) -> web.StreamResponse:
        tenant = self._world.tenant
        about = {"id": f"/tenants/{tenant}", "tenantId": tenant, "displayName": "Simulated tenant"}
        return web.json_response({"value": [about]})

    def _describe(self, subscription_id: str) -> dict[str, Any]:
        subscription = self._world.subscription(subscription_id)
        return {
            "id": f"/subscriptions/{subscription.id}",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": subscription.id,
            "tenantId": self._world.tenant,
            "displayName": "Simulated subscription",
            "state": subscription.state,
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "PayAsYouGo_2014-09-01",
                "spendingLimit": "Off",
            },
        }

    async def _locations(self, exchange: Exchange) -> web.StreamResponse:
        prefix = f"/subscriptions/{exchange.parts['subscription']}/locations"
        names = {name.replace(" ", "").lower(): name for name in LOCATIONS}
        value = [
            {"id": f"{prefix}/{key}", "name": key, "type": "Region", "displayName": name, "regionalDisplayName": name}
            for key, name in names.items()
        ]
        return web.json_response({"value": value})

    async def _providers(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response({"value": self._world.providers(exchange.parts["subscription"])})

    async def _provider(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._world.provider(exchange.parts["subscription"], exchange.parts["namespace"]))

    async def _register(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._world.register(exchange.parts["subscription"], exchange.parts["namespace"]))

    async def _unregister(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._world.unregister(exchange.parts["subscription"], exchange.parts["namespace"]))

    async def _groups(self, exchange: Exchange) -> web.StreamResponse:
        subscription = exchange.parts["subscription"]
        return web.json_response({"value": list(self._world.subscription(subscription).groups.values())})

    async def _group(self, exchange: Exchange) -> web.StreamResponse:
        group = self._world.group(exchange.parts["subscription"], exchange.parts["group"])
        return web.Response(status=204) if exchange.request.method == "HEAD" else web.json_response(group)

    async def _put_group(self, exchange: Exchange) -> web.StreamResponse:
        body, parts = exchange.json(), exchange.parts
        group, new = self._world.put_group(
            parts["subscription"], parts["group"], str(body.get("location", "")), body.get("tags") or {}
        )
        return web.json_response(group, status=201 if new else 200)

    async def _delete_group(self, exchange: Exchange) -> web.StreamResponse:
        parts = exchange.parts
        self._world.delete_group(parts["subscription"], parts["group"], self._world.paces.deletion)
        path = f"/subscriptions/{parts['subscription']}/operationresults/{parts['group']}"
        location = f"{self._entra.endpoint}{path}?api-version={exchange.query('api-version')}"
        return web.Response(status=202, headers={"Location": location, "Retry-After": "1"})

    async def _group_gone(self, exchange: Exchange) -> web.StreamResponse:
        try:
            self._world.group(exchange.parts["subscription"], exchange.parts["left"])
        except Refusal:
            return web.Response(status=200)
        return web.Response(status=202, headers={"Location": str(exchange.request.url), "Retry-After": "1"})

    async def _permissions(self, exchange: Exchange) -> web.StreamResponse:
        self._world.group(exchange.parts["subscription"], exchange.parts["group"])
        subscription = self._world.subscription(exchange.parts["subscription"])
        value = {
            "actions": subscription.actions,
            "notActions": subscription.not_actions,
            "dataActions": [],
            "notDataActions": [],
        }
        return web.json_response({"value": [value]})
