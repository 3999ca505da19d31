"""Resource Manager over HTTP: metadata, subscriptions, provider namespaces, groups, permissions, connected clusters.

Translates between the wire and `World`; keeps no state. Forms follow recorded traffic: PUT answers 200 or 201, 201
carries Azure-AsyncOperation, an operation's location is upper case, resource types come back in lower case.
"""

import base64
import re
from typing import Any

from aiohttp import web

from arcway.local.azure.entra import Entra
from arcway.local.azure.exchange import Exchange, Handler, Routes
from arcway.local.azure.record import Writer
from arcway.local.azure.subscriptions import Refusal
from arcway.local.azure.world import Operation, World

_PAGE = 100
_CLUSTERS = r"/providers/microsoft\.kubernetes/connectedclusters"
_SUBSCRIPTION = r"/subscriptions/(?P<subscription>[^/]+)"
_GROUP = _SUBSCRIPTION + r"/resourcegroups/(?P<group>[^/]+)"
_CONFIGURATION_TYPE = "Microsoft.KubernetesConfiguration/sourceControlConfigurations"
_CONFIGURATION = (
    rf"{_GROUP}{_CLUSTERS}/(?P<name>[^/]+)/providers/{re.escape(_CONFIGURATION_TYPE.lower())}/(?P<configuration>[^/]+)"
)
_NAME = re.compile(r"[0-9A-Za-z]([0-9A-Za-z_.-]{0,61}[0-9A-Za-z])?")


class ResourceManager:
    """The routes of Resource Manager."""

    def __init__(self, world: World, entra: Entra) -> None:
        self._world = world
        self._entra = entra
        self.retry_after: int | None = None

    def routes(self, routes: Routes) -> None:
        """Add what this service answers; everything but the metadata wants a token and an api-version."""
        routes.add("GET", r"/metadata/endpoints", self._metadata)
        table: tuple[tuple[str, str, str, Handler], ...] = (
            ("GET", _SUBSCRIPTION, "Microsoft.Resources/subscriptions/read", self._subscription),
            ("GET", r"/subscriptions", "Microsoft.Resources/subscriptions/read", self._subscriptions),
            ("GET", _SUBSCRIPTION + r"/providers/(?P<namespace>[^/]+)", "*/read", self._provider),
            ("POST", _SUBSCRIPTION + r"/providers/(?P<namespace>[^/]+)/register", "*/register/action", self._register),
            (
                "GET",
                _SUBSCRIPTION + r"/resourcegroups",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                self._groups,
            ),
            ("GET|HEAD", _GROUP, "Microsoft.Resources/subscriptions/resourceGroups/read", self._group),
            ("PUT", _GROUP, "Microsoft.Resources/subscriptions/resourceGroups/write", self._put_group),
            ("GET", _GROUP + r"/providers/microsoft\.authorization/permissions", "*/read", self._permissions),
            ("GET", _SUBSCRIPTION + _CLUSTERS, "Microsoft.Kubernetes/connectedClusters/read", self._list),
            ("GET", _GROUP + _CLUSTERS, "Microsoft.Kubernetes/connectedClusters/read", self._list),
            ("GET", _GROUP + _CLUSTERS + r"/(?P<name>[^/]+)", "Microsoft.Kubernetes/connectedClusters/read", self._get),
            (
                "PUT",
                _GROUP + _CLUSTERS + r"/(?P<name>[^/]+)",
                "Microsoft.Kubernetes/connectedClusters/write",
                self._put,
            ),
            (
                "PATCH",
                _GROUP + _CLUSTERS + r"/(?P<name>[^/]+)",
                "Microsoft.Kubernetes/connectedClusters/write",
                self._patch,
            ),
            (
                "DELETE",
                _GROUP + _CLUSTERS + r"/(?P<name>[^/]+)",
                "Microsoft.Kubernetes/connectedClusters/delete",
                self._delete,
            ),
            ("GET", _CONFIGURATION, f"{_CONFIGURATION_TYPE}/read", self._configuration),
            ("PUT", _CONFIGURATION, f"{_CONFIGURATION_TYPE}/write", self._put_configuration),
        )
        for methods, pattern, action, handler in table:
            routes.add(methods, pattern, self._guarded(action, handler))
        status = r"/providers/microsoft\.kubernetes/locations/[^/]+/operationstatuses/(?P<operation>[^/]+)"
        routes.add("GET", status, self._guarded("", self._operation))

    def _guarded(self, action: str, handler: Handler) -> Handler:
        async def guard(exchange: Exchange) -> web.StreamResponse:
            claims = exchange.claims = self._entra.check(exchange.request)
            if not exchange.query("api-version"):
                text = "The api-version query parameter (?api-version=) is required for all requests."
                raise Refusal(400, "MissingApiVersionParameter", text)
            if subscription_id := exchange.parts.get("subscription"):
                namespace = exchange.parts.get("namespace", "*")
                self._authorize(
                    claims, subscription_id, action.replace("*", namespace, 1) if action[:1] == "*" else action
                )
            return await handler(exchange)

        return guard

    def _authorize(self, claims: dict[str, Any], subscription_id: str, action: str) -> None:
        subscription = self._world.subscription(subscription_id)

        def among(patterns: list[str]) -> bool:
            wanted = [re.compile(re.escape(p).replace(r"\*", ".*"), re.IGNORECASE) for p in patterns]
            return any(pattern.fullmatch(action) for pattern in wanted)

        if not among(subscription.actions) or among(subscription.not_actions):
            text = (
                f"The client '{claims.get('appid')}' with object id '{claims['oid']}' does not have authorization to "
                f"perform action '{action}' over scope '/subscriptions/{subscription_id}'."
            )
            raise Refusal(403, "AuthorizationFailed", text)

    async def _metadata(self, exchange: Exchange) -> web.StreamResponse:
        here = self._entra.endpoint
        return web.json_response(
            {
                "name": "ArcwayLocal",
                "portal": here,
                "authentication": {
                    "loginEndpoint": here,
                    "audiences": [here, f"{here}/"],
                    "tenant": self._entra.tenant,
                    "identityProvider": "AAD",
                },
                "graph": here,
                "resourceManager": f"{here}/",
                "activeDirectoryDataLake": here,
                "microsoftGraphResourceId": here,
                "suffixes": {"keyVaultDns": "vault.local", "relayEndpointSuffix": "relay.local"},
                "dataplaneEndpoints": {"arcConfigEndpoint": here, "arcHybridIdentityServiceEndpoint": here},
            }
        )

    async def _subscription(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._describe(exchange.parts["subscription"]))

    async def _subscriptions(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response({"value": [self._describe(name) for name in self._world.subscriptions]})

    def _describe(self, subscription_id: str) -> dict[str, Any]:
        found = self._world.subscription(subscription_id)
        return {
            "id": f"/subscriptions/{found.id}",
            "subscriptionId": found.id,
            "tenantId": self._world.tenant,
            "displayName": "Simulated subscription",
            "state": "Enabled",
        }

    async def _provider(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._world.provider(exchange.parts["subscription"], exchange.parts["namespace"]))

    async def _register(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._world.register(exchange.parts["subscription"], exchange.parts["namespace"]))

    async def _groups(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(
            {"value": list(self._world.subscription(exchange.parts["subscription"]).groups.values())}
        )

    async def _group(self, exchange: Exchange) -> web.StreamResponse:
        found = self._world.group(exchange.parts["subscription"], exchange.parts["group"])
        return web.Response(status=204) if exchange.request.method == "HEAD" else web.json_response(found)

    async def _put_group(self, exchange: Exchange) -> web.StreamResponse:
        body, parts = exchange.json(), exchange.parts
        group, new = self._world.put_group(
            parts["subscription"], parts["group"], str(body.get("location", "")), body.get("tags") or {}
        )
        return web.json_response(group, status=201 if new else 200)

    async def _permissions(self, exchange: Exchange) -> web.StreamResponse:
        self._world.group(exchange.parts["subscription"], exchange.parts["group"])
        found = self._world.subscription(exchange.parts["subscription"])
        value = {"actions": found.actions, "notActions": found.not_actions, "dataActions": [], "notDataActions": []}
        return web.json_response({"value": [value]})

    async def _get(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._cluster(exchange))

    def _cluster(self, exchange: Exchange) -> dict[str, Any]:
        parts = exchange.parts
        return self._world.cluster(parts["subscription"], parts["group"], parts["name"])

    async def _put(self, exchange: Exchange) -> web.StreamResponse:
        parts = exchange.parts
        if not _NAME.fullmatch(parts["name"]):
            raise Refusal(400, "InvalidResourceName", f"The resource name '{parts['name'][:80]}' is invalid.")
        body = exchange.json()
        cluster, operation, new = self._world.put_cluster(
            parts["subscription"], parts["group"], parts["name"], body, _writer(exchange)
        )
        return web.json_response(
            cluster, status=201 if new else 200, headers=self._follow(exchange, operation, cluster)
        )

    async def _patch(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._world.patch_cluster(self._cluster(exchange), exchange.json(), _writer(exchange)))

    async def _delete(self, exchange: Exchange) -> web.StreamResponse:
        try:
            cluster = self._cluster(exchange)
        except Refusal as missing:
            if missing.code != "ResourceNotFound":
                raise
            return web.Response(status=204)
        operation = self._world.delete_cluster(cluster)
        headers = self._follow(exchange, operation, cluster)
        return web.Response(status=202, headers={**headers, "Location": headers["Azure-AsyncOperation"]})

    async def _configuration(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._world.configuration(self._cluster(exchange), exchange.parts["configuration"]))

    async def _put_configuration(self, exchange: Exchange) -> web.StreamResponse:
        properties = exchange.json().get("properties") or {}
        form, new = self._world.put_configuration(self._cluster(exchange), exchange.parts["configuration"], properties)
        return web.json_response(form, status=201 if new else 200)

    def _follow(self, exchange: Exchange, operation: Operation, cluster: dict[str, Any]) -> dict[str, str]:
        path = (
            f"/providers/Microsoft.Kubernetes/locations/{cluster['location'].upper()}/operationStatuses/{operation.id}"
        )
        headers = {"Azure-AsyncOperation": f"{self._entra.endpoint}{path}?api-version={exchange.query('api-version')}"}
        return {**headers, **self._asked_to_wait()}

    def _asked_to_wait(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)} if self.retry_after else {}

    async def _list(self, exchange: Exchange) -> web.StreamResponse:
        found = self._world.clusters_in(exchange.parts["subscription"], exchange.parts.get("group"))
        start = int(base64.urlsafe_b64decode(exchange.query("$skiptoken") or "MA==").decode())
        body: dict[str, Any] = {"value": found[start : start + _PAGE]}
        if start + _PAGE < len(found):
            token = base64.urlsafe_b64encode(str(start + _PAGE).encode()).decode()
            query = f"api-version={exchange.query('api-version')}&$skiptoken={token}"
            body["nextLink"] = f"{self._entra.endpoint}{exchange.path}?{query}"
        return web.json_response(body)

    async def _operation(self, exchange: Exchange) -> web.StreamResponse:
        operation = self._world.look_at_operation(exchange.parts["operation"])
        body: dict[str, Any] = {
            "id": exchange.path,
            "name": operation.id,
            "resourceId": operation.resource_id or operation.key,
            "status": operation.status,
            "startTime": operation.started,
            "properties": None,
        }
        if operation.ended:
            body["endTime"] = operation.ended
        if operation.error:
            body["error"] = operation.error
        return web.json_response(body, headers={} if operation.ended else self._asked_to_wait())


def _writer(exchange: Exchange) -> Writer:
    """Users by their name, applications and managed identities by their application's id."""
    claims = exchange.claims
    if "scp" in claims:
        return Writer(str(claims.get("preferred_username") or claims["oid"]), "User")
    return Writer(str(claims.get("appid") or claims.get("azp") or claims["oid"]), "Application")
