"""What agents ask of the Arc service for extensions: what there should be, and where they report what came of it.

An agent keeps a request open until something changes, so that a cluster without work costs nothing.
"""

from aiohttp import web

from arcway_local.azure.arc_service import ArcService
from arcway_local.azure.exchange import Exchange, Routes
from arcway_local.azure.world import World

_WAIT_SECONDS = 25.0


class ExtensionService:
    """The routes that config-agent uses for extensions."""

    def __init__(self, world: World, arc: ArcService) -> None:
        self._extensions = world.extensions
        self._arc = arc

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        routes.add("POST", r"/azure-arc-agents/extensions", self._desired)
        routes.add("POST", r"/azure-arc-agents/extension-report", self._report)

    async def _desired(self, exchange: Exchange) -> web.StreamResponse:
        body = exchange.json()
        cluster_key = self._arc.identified(body)
        revision = await self._extensions.wait_for_change(cluster_key, int(body.get("known") or 0), _WAIT_SECONDS)
        return web.json_response({"revision": revision, "extensions": self._extensions.desired(cluster_key)})

    async def _report(self, exchange: Exchange) -> web.StreamResponse:
        body = exchange.json()
        self._extensions.report(self._arc.identified(body), body["report"])
        return web.json_response({})
