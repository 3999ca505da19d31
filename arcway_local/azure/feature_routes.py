"""Microsoft.HybridCompute/settings of a connected cluster over HTTP, and the control of what agents report of features.

GET, PUT  {cluster}/providers/Microsoft.HybridCompute/settings/default    a stored document
PUT  /control/feature-reports   {"<resource id>": {"errors": [{"component": …, "message": …}]},
                                "<resource id>": {"hang": true}}    what the agents report next; replaces all orders
"""

from typing import Any

from aiohttp import web

from arcway_local.azure.connected_clusters import CLUSTER_PATH
from arcway_local.azure.exchange import Exchange, Routes
from arcway_local.azure.gate import Gate
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.world import World

_TYPE = "Microsoft.HybridCompute/settings"
_SETTING = rf"{CLUSTER_PATH}/providers/microsoft\.hybridcompute/settings/default"


class FeatureRoutes:
    """The routes of Microsoft.HybridCompute's settings, and of the control."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        routes.add("GET", _SETTING, self._gate.to(_TYPE, f"{_TYPE}/read", self._get))
        routes.add("PUT", _SETTING, self._gate.to(_TYPE, f"{_TYPE}/write", self._put))
        routes.add("PUT", r"/control/feature-reports", self._orders)

    async def _get(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._world.features.setting(self._cluster(exchange)))

    async def _put(self, exchange: Exchange) -> web.StreamResponse:
        provider = self._world.provider(exchange.parts["subscription"], "Microsoft.HybridCompute")
        if provider["registrationState"] != "Registered":
            message = "The subscription is not registered to use namespace 'Microsoft.HybridCompute'."
            raise Refusal(409, "MissingSubscriptionRegistration", message)
        form, is_new = self._world.features.put_setting(self._cluster(exchange), exchange.json())
        return web.json_response(form, status=201 if is_new else 200)

    async def _orders(self, exchange: Exchange) -> web.StreamResponse:
        self._world.features.orders = {key.lower(): order for key, order in exchange.json().items()}
        return web.json_response({})

    def _cluster(self, exchange: Exchange) -> dict[str, Any]:
        parts = exchange.parts
        return self._world.cluster(parts["subscription"], parts["group"], parts["name"])
