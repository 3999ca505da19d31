"""Extensions and Flux configurations over HTTP, which Microsoft.KubernetesConfiguration answers in one manner.

Translates between the wire and `ManagedResources`; keeps no state. Forms follow recorded traffic: an operation's URL
has `ConnectedClusters` in capitals and a signed query, its Location names a host of the region.
"""

import re
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from arcway_local.azure.connected_clusters import CLUSTER_PATH, writer_of
from arcway_local.azure.entra import Entra
from arcway_local.azure.exchange import Exchange, Handler, Routes
from arcway_local.azure.gate import Gate
from arcway_local.azure.managed_resources import ManagedOperation, ManagedResources
from arcway_local.azure.paging import list_page
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.world import World

_NAMESPACE = "Microsoft.KubernetesConfiguration"


class ManagedRoutes:
    """The routes of one type of managed resources."""

    def __init__(self, world: World, resources: ManagedResources, entra: Entra, gate: Gate) -> None:
        self._world = world
        self._resources = resources
        self._entra = entra
        self._gate = gate

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        kind = self._resources.TYPE
        collection = rf"{CLUSTER_PATH}/providers/{re.escape(kind)}"
        one = rf"{collection}/(?P<resource>[^/]+)"
        table: tuple[tuple[str, str, str, Handler], ...] = (
            ("GET", collection, f"{kind}/read", self._list),
            ("GET", one, f"{kind}/read", self._get),
            ("PUT", one, f"{kind}/write", self._put),
            ("PATCH", one, f"{kind}/write", self._patch),
            ("DELETE", one, f"{kind}/delete", self._delete),
            ("GET", rf"{one}/operations/(?P<id>[^/]+)", f"{kind}/operations/read", self._operation),
        )
        for method, pattern, action, handler in table:
            routes.add(method, pattern, self._gate.to(kind, action, handler))

    async def _list(self, exchange: Exchange) -> web.StreamResponse:
        resources = self._resources.in_cluster(self._cluster(exchange)["id"])
        page = list_page(self._entra.endpoint, exchange, [resource.record for resource in resources])
        return web.json_response({"nextLink": None, **page})

    async def _get(self, exchange: Exchange) -> web.StreamResponse:
        resource = self._resources.get(self._cluster(exchange)["id"], exchange.parts["resource"])
        return web.json_response(resource.record)

    async def _put(self, exchange: Exchange) -> web.StreamResponse:
        require_registration(self._world, exchange)
        cluster, name = self._cluster(exchange), exchange.parts["resource"]
        resource, operation, is_new = self._resources.put(cluster, name, _content(exchange), writer_of(exchange))
        headers = self._follow(exchange, cluster, operation)
        return web.json_response(resource.record, status=201 if is_new else 200, headers=headers)

    async def _patch(self, exchange: Exchange) -> web.StreamResponse:
        cluster, name = self._cluster(exchange), exchange.parts["resource"]
        resource, operation = self._resources.patch(cluster, name, _content(exchange), writer_of(exchange))
        return web.json_response(resource.record, status=202, headers=self._follow(exchange, cluster, operation))

    async def _delete(self, exchange: Exchange) -> web.StreamResponse:
        force = exchange.query("forceDelete").lower() == "true"
        try:
            cluster = self._cluster(exchange)
            operation = self._resources.delete(cluster, exchange.parts["resource"], force=force)
        except Refusal as missing:
            if missing.code != "ResourceNotFound":
                raise
            return web.Response(status=204)
        if operation is None:
            # Recorded: a body that is not a resource.
            return web.json_response({"message": "Deleted"})
        return web.json_response(None, status=202, headers=self._follow(exchange, cluster, operation))

    async def _operation(self, exchange: Exchange) -> web.StreamResponse:
        query = dict(exchange.request.query)
        operation = self._resources.operation(exchange.parts["id"], query)
        return web.json_response(
            {
                "id": exchange.path,
                "name": operation.id,
                "status": operation.status,
                "properties": {},
                "error": operation.error,
            }
        )

    def _cluster(self, exchange: Exchange) -> dict[str, Any]:
        parts = exchange.parts
        return self._world.cluster(parts["subscription"], parts["group"], parts["name"])

    def _follow(self, exchange: Exchange, cluster: dict[str, Any], operation: ManagedOperation) -> dict[str, str]:
        parent = cluster["id"].replace("/connectedClusters/", "/ConnectedClusters/")
        resource = f"{self._resources.TYPE}/{exchange.parts['resource']}"
        path = f"{parent}/providers/{resource}/operations/{operation.id}"
        query = urlencode({"api-version": exchange.query("api-version"), **operation.signature})
        regional = f"https://{cluster['location']}.rp.kubernetesconfiguration.local"
        return {
            "Azure-AsyncOperation": f"{self._entra.endpoint}{path}?{query}",
            "Location": f"{regional}{path}?{query}",
        }


def _content(exchange: Exchange) -> dict[str, Any]:
    body = exchange.json()
    if not isinstance(body.get("properties") or {}, dict):
        raise Refusal(400, "InvalidRequestContent", "The properties must be a JSON object.")
    return body


def require_registration(world: World, exchange: Exchange) -> None:
    """Raises `Refusal` 409 MissingSubscriptionRegistration unless the subscription uses the namespace."""
    if world.provider(exchange.parts["subscription"], _NAMESPACE)["registrationState"] != "Registered":
        message = f"The subscription is not registered to use namespace '{_NAMESPACE}'."
        raise Refusal(409, "MissingSubscriptionRegistration", message)
