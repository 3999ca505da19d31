"""Extensions and extension types over HTTP, as the resource provider behind Resource Manager answers.

Translates between the wire and `Extensions`; keeps no state. Forms follow recorded traffic: an operation's URL has
`ConnectedClusters` in capitals and a signed query, its Location names a host of the region.
"""

from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from arcway_local.azure.arm import SUBSCRIPTION_PATH
from arcway_local.azure.connected_clusters import CLUSTER_PATH, writer_of
from arcway_local.azure.entra import Entra
from arcway_local.azure.exchange import Exchange, Handler, Routes
from arcway_local.azure.extension_record import TYPE
from arcway_local.azure.extension_types import EXTENSION_TYPES, find_type
from arcway_local.azure.extensions import ExtensionOperation
from arcway_local.azure.gate import Gate
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.world import World

_EXTENSIONS = rf"{CLUSTER_PATH}/providers/microsoft\.kubernetesconfiguration/extensions"
_EXTENSION = rf"{_EXTENSIONS}/(?P<extension>[^/]+)"
_LOCATION_TYPES = (
    rf"{SUBSCRIPTION_PATH}/providers/microsoft\.kubernetesconfiguration/locations/(?P<location>[^/]+)/extensiontypes"
)
_TYPES_OF_LOCATION = "Microsoft.KubernetesConfiguration/locations/extensionTypes"
_READ_TYPES = "Microsoft.KubernetesConfiguration/extensionTypes/read"


class ExtensionRoutes:
    """The routes of Microsoft.KubernetesConfiguration's extensions."""

    def __init__(self, world: World, entra: Entra, gate: Gate) -> None:
        self._world = world
        self._entra = entra
        self._gate = gate

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        table: tuple[tuple[str, str, str, str, Handler], ...] = (
            ("GET", _EXTENSIONS, TYPE, f"{TYPE}/read", self._list),
            ("GET", _EXTENSION, TYPE, f"{TYPE}/read", self._get),
            ("PUT", _EXTENSION, TYPE, f"{TYPE}/write", self._put),
            ("PATCH", _EXTENSION, TYPE, f"{TYPE}/write", self._patch),
            ("DELETE", _EXTENSION, TYPE, f"{TYPE}/delete", self._delete),
            ("GET", rf"{_EXTENSION}/operations/(?P<id>[^/]+)", TYPE, f"{TYPE}/operations/read", self._operation),
            ("GET", _LOCATION_TYPES, _TYPES_OF_LOCATION, _READ_TYPES, self._types),
            ("GET", rf"{_LOCATION_TYPES}/(?P<type>[^/]+)", _TYPES_OF_LOCATION, _READ_TYPES, self._type),
            ("GET", rf"{_LOCATION_TYPES}/(?P<type>[^/]+)/versions", _TYPES_OF_LOCATION, _READ_TYPES, self._versions),
        )
        for method, pattern, kind, action, handler in table:
            routes.add(method, pattern, self._gate.to(kind, action, handler))

    async def _list(self, exchange: Exchange) -> web.StreamResponse:
        known = self._world.extensions.in_cluster(self._cluster(exchange)["id"])
        return web.json_response({"value": [extension.record for extension in known], "nextLink": None})

    async def _get(self, exchange: Exchange) -> web.StreamResponse:
        extension = self._world.extensions.get(self._cluster(exchange)["id"], exchange.parts["extension"])
        return web.json_response(extension.record)

    async def _put(self, exchange: Exchange) -> web.StreamResponse:
        subscription, name = exchange.parts["subscription"], exchange.parts["extension"]
        provider = self._world.provider(subscription, "Microsoft.KubernetesConfiguration")
        if provider["registrationState"] != "Registered":
            message = "The subscription is not registered to use namespace 'Microsoft.KubernetesConfiguration'."
            raise Refusal(409, "MissingSubscriptionRegistration", message)
        cluster = self._cluster(exchange)
        extension, operation, new = self._world.extensions.put(cluster, name, exchange.json(), writer_of(exchange))
        headers = self._follow(exchange, cluster, operation)
        return web.json_response(extension.record, status=201 if new else 200, headers=headers)

    async def _patch(self, exchange: Exchange) -> web.StreamResponse:
        cluster, name = self._cluster(exchange), exchange.parts["extension"]
        extension, operation = self._world.extensions.patch(cluster, name, exchange.json(), writer_of(exchange))
        return web.json_response(extension.record, status=202, headers=self._follow(exchange, cluster, operation))

    async def _delete(self, exchange: Exchange) -> web.StreamResponse:
        force = exchange.query("forceDelete").lower() == "true"
        try:
            cluster = self._cluster(exchange)
            operation = self._world.extensions.delete(cluster, exchange.parts["extension"], force=force)
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
        operation = self._world.extensions.operation(exchange.parts["id"], query)
        return web.json_response(
            {
                "id": exchange.path,
                "name": operation.id,
                "status": operation.status,
                "properties": {},
                "error": operation.error,
            }
        )

    async def _types(self, exchange: Exchange) -> web.StreamResponse:
        prefix, location = _location_prefix(exchange), exchange.parts["location"]
        known = [item.form(prefix) for item in EXTENSION_TYPES.values() if item.offered(location)]
        return web.json_response({"value": known, "nextLink": None})

    async def _type(self, exchange: Exchange) -> web.StreamResponse:
        known = find_type(exchange.parts["type"], exchange.parts["location"])
        return web.json_response(known.form(_location_prefix(exchange)))

    async def _versions(self, exchange: Exchange) -> web.StreamResponse:
        known = find_type(exchange.parts["type"], exchange.parts["location"])
        train, major = exchange.query("releaseTrain"), exchange.query("majorVersion")
        versions = known.version_forms(_location_prefix(exchange), train, major)
        if exchange.query("showLatest").lower() == "true":
            versions = versions[:1]
        return web.json_response({"value": versions, "nextLink": None})

    def _cluster(self, exchange: Exchange) -> dict[str, Any]:
        parts = exchange.parts
        return self._world.cluster(parts["subscription"], parts["group"], parts["name"])

    def _follow(self, exchange: Exchange, cluster: dict[str, Any], operation: ExtensionOperation) -> dict[str, str]:
        extension = exchange.parts["extension"]
        parent = cluster["id"].replace("/connectedClusters/", "/ConnectedClusters/")
        path = f"{parent}/providers/{TYPE}/{extension}/operations/{operation.id}"
        query = urlencode({"api-version": exchange.query("api-version"), **operation.signature})
        regional = f"https://{cluster['location']}.rp.kubernetesconfiguration.local"
        return {
            "Azure-AsyncOperation": f"{self._entra.endpoint}{path}?{query}",
            "Location": f"{regional}{path}?{query}",
        }


def _location_prefix(exchange: Exchange) -> str:
    return f"/subscriptions/{exchange.parts['subscription']}"
