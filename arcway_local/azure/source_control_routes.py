"""Legacy source control configurations over HTTP: PUT takes effect at once, without an operation.

Translates between the wire and `SourceControl`; keeps no state.
"""

import re
from typing import Any

from aiohttp import web

from arcway_local.azure.connected_clusters import CLUSTER_PATH, writer_of
from arcway_local.azure.entra import Entra
from arcway_local.azure.exchange import Exchange, Handler, Routes
from arcway_local.azure.gate import Gate
from arcway_local.azure.managed_routes import require_registration
from arcway_local.azure.paging import list_page
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.source_control import TYPE
from arcway_local.azure.world import World

_COLLECTION = rf"{CLUSTER_PATH}/providers/{re.escape(TYPE)}"
_ONE = rf"{_COLLECTION}/(?P<configuration>[^/]+)"


class SourceControlRoutes:
    """The routes of source control configurations."""

    def __init__(self, world: World, entra: Entra, gate: Gate) -> None:
        self._world = world
        self._entra = entra
        self._gate = gate

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        table: tuple[tuple[str, str, str, Handler], ...] = (
            ("GET", _COLLECTION, "read", self._list),
            ("GET", _ONE, "read", self._get),
            ("PUT", _ONE, "write", self._put),
            ("DELETE", _ONE, "delete", self._delete),
        )
        for method, pattern, action, handler in table:
            routes.add(method, pattern, self._gate.to(TYPE, f"{TYPE}/{action}", handler))

    async def _list(self, exchange: Exchange) -> web.StreamResponse:
        configurations = self._world.source_control.in_cluster(self._cluster(exchange)["id"])
        page = list_page(self._entra.endpoint, exchange, configurations)
        return web.json_response({"nextLink": None, **page})

    async def _get(self, exchange: Exchange) -> web.StreamResponse:
        cluster_id, name = self._cluster(exchange)["id"], exchange.parts["configuration"]
        return web.json_response(self._world.source_control.get(cluster_id, name))

    async def _put(self, exchange: Exchange) -> web.StreamResponse:
        require_registration(self._world, exchange)
        cluster, name = self._cluster(exchange), exchange.parts["configuration"]
        form, is_new = self._world.source_control.put(cluster, name, exchange.json(), writer_of(exchange))
        return web.json_response(form, status=201 if is_new else 200)

    async def _delete(self, exchange: Exchange) -> web.StreamResponse:
        try:
            cluster_id = self._cluster(exchange)["id"]
        except Refusal as missing:
            if missing.code != "ResourceNotFound":
                raise
            return web.Response(status=204)
        is_removed = self._world.source_control.delete(cluster_id, exchange.parts["configuration"])
        return web.Response(status=200 if is_removed else 204)

    def _cluster(self, exchange: Exchange) -> dict[str, Any]:
        parts = exchange.parts
        return self._world.cluster(parts["subscription"], parts["group"], parts["name"])
