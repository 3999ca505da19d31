"""Connected clusters over HTTP, as the resource provider behind Resource Manager answers, and their operations.

Translates between the wire and `World`; keeps no state. Forms follow recorded traffic: PUT answers 200 or 201, 201
carries Azure-AsyncOperation, an operation's location is upper case, resource types come back in lower case.
"""

import hashlib
import json
import re
from typing import Any

from aiohttp import web

from arcway_local.azure.arm import GROUP_PATH, SUBSCRIPTION_PATH
from arcway_local.azure.entra import Entra
from arcway_local.azure.exchange import Exchange, Handler, Routes
from arcway_local.azure.gate import Gate
from arcway_local.azure.paging import list_page
from arcway_local.azure.record import TYPE, Writer
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.world import Operation, World

_CLUSTERS = r"/providers/microsoft\.kubernetes/connectedclusters"
CLUSTER_PATH = rf"{GROUP_PATH}{_CLUSTERS}/(?P<name>[^/]+)"
_LOCATION = r"/providers/microsoft\.kubernetes/locations/[^/]+"
_NAME = re.compile(r"[0-9A-Za-z]([0-9A-Za-z_.-]{0,61}[0-9A-Za-z])?")


class ConnectedClusters:
    """The routes of Microsoft.Kubernetes."""

    def __init__(self, world: World, entra: Entra, gate: Gate) -> None:
        self._world = world
        self._entra = entra
        self._gate = gate
        self.retry_after: int | None = None
        self.slow_patches = False

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        table: tuple[tuple[str, str, str, Handler], ...] = (
            ("GET", SUBSCRIPTION_PATH + _CLUSTERS, f"{TYPE}/read", self._list),
            ("GET", GROUP_PATH + _CLUSTERS, f"{TYPE}/read", self._list),
            ("GET", CLUSTER_PATH, f"{TYPE}/read", self._get),
            ("PUT", CLUSTER_PATH, f"{TYPE}/write", self._put),
            ("PATCH", CLUSTER_PATH, f"{TYPE}/write", self._patch),
            ("DELETE", CLUSTER_PATH, f"{TYPE}/delete", self._delete),
        )
        for methods, pattern, action, handler in table:
            routes.add(methods, pattern, self._gate.to(action.rpartition("/")[0], action, handler))
        followed = (("operationstatuses", self._operation), ("operationresults", self._result))
        for name, handler in followed:
            status = self._gate.to("Microsoft.Kubernetes/locations/operationStatuses", "", handler)
            routes.add("GET", rf"{_LOCATION}/{name}/(?P<operation>[^/]+)", status)

    async def _get(self, exchange: Exchange) -> web.StreamResponse:
        return _resource(self._cluster(exchange))

    def _cluster(self, exchange: Exchange) -> dict[str, Any]:
        parts = exchange.parts
        return self._world.cluster(parts["subscription"], parts["group"], parts["name"])

    async def _put(self, exchange: Exchange) -> web.StreamResponse:
        parts = exchange.parts
        if not _NAME.fullmatch(parts["name"]):
            raise Refusal(400, "InvalidResourceName", f"The resource name '{parts['name'][:80]}' is invalid.")
        cluster, operation, new = self._world.put_cluster(
            parts["subscription"], parts["group"], parts["name"], exchange.json(), writer_of(exchange)
        )
        headers = self._follow(exchange, operation, cluster)
        return _resource(cluster, status=201 if new else 200, headers=headers)

    async def _patch(self, exchange: Exchange) -> web.StreamResponse:
        cluster = self._world.patch_cluster(self._cluster(exchange), exchange.json(), writer_of(exchange))
        if not self.slow_patches:
            return _resource(cluster)
        operation = self._world.start_patch(cluster)
        path = self._path(cluster, "operationResults", operation)
        location = f"{self._entra.endpoint}{path}?api-version={exchange.query('api-version')}"
        return web.Response(status=202, headers={"Location": location, **self._asked_to_wait()})

    async def _delete(self, exchange: Exchange) -> web.StreamResponse:
        try:
            cluster = self._cluster(exchange)
        except Refusal as missing:
            if missing.code != "ResourceNotFound":
                raise
            return web.Response(status=204)
        operation = self._world.delete_cluster(cluster)
        headers = self._follow(exchange, operation, cluster)
        return web.json_response(None, status=202, headers={**headers, "Location": headers["Azure-AsyncOperation"]})

    def _follow(self, exchange: Exchange, operation: Operation, cluster: dict[str, Any]) -> dict[str, str]:
        path = self._path(cluster, "operationStatuses", operation)
        headers = {"Azure-AsyncOperation": f"{self._entra.endpoint}{path}?api-version={exchange.query('api-version')}"}
        return {**headers, **self._asked_to_wait()}

    def _path(self, cluster: dict[str, Any], kind: str, operation: Operation) -> str:
        return f"/providers/Microsoft.Kubernetes/locations/{cluster['location'].upper()}/{kind}/{operation.id}"

    def _asked_to_wait(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)} if self.retry_after else {}

    async def _list(self, exchange: Exchange) -> web.StreamResponse:
        records = self._world.clusters_in(exchange.parts["subscription"], exchange.parts.get("group"))
        return web.json_response(list_page(self._entra.endpoint, exchange, records))

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

    async def _result(self, exchange: Exchange) -> web.StreamResponse:
        """What a Location leads to: 202 until the operation is over, then the resource as it is."""
        operation = self._world.look_at_operation(exchange.parts["operation"])
        if operation.ended is None:
            headers = {"Location": str(exchange.request.url), **self._asked_to_wait()}
            return web.Response(status=202, headers=headers)
        cluster = self._world.clusters.get(operation.key)
        return _resource(cluster) if cluster else web.Response(status=204)


def _resource(cluster: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    digest = hashlib.sha256(json.dumps(cluster, sort_keys=True).encode()).hexdigest()
    tag = f'"{digest[:8]}-0000-0100-0000-{digest[8:20]}"'
    return web.json_response(cluster, status=status, headers={"ETag": tag, **(headers or {})})


def writer_of(exchange: Exchange) -> Writer:
    """Users by their name, applications and managed identities by their application's id."""
    claims = exchange.claims
    if "scp" in claims:
        return Writer(str(claims.get("preferred_username") or claims["oid"]), "User")
    return Writer(str(claims.get("appid") or claims.get("azp") or claims["oid"]), "Application")
