"""What config-agent asks of the Arc service: what there should be in its cluster, and where it reports what came of it.

An agent keeps a request open until something changes, so that a cluster without work costs nothing.
"""

from aiohttp import web

from arcway_local.azure.arc_service import ArcService
from arcway_local.azure.exchange import Exchange, Routes
from arcway_local.azure.world import World

_WAIT_SECONDS = 25.0


class ConfigurationService:
    """The routes that config-agent uses for extensions and Flux configurations."""

    def __init__(self, world: World, arc: ArcService) -> None:
        self._world = world
        self._arc = arc

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        routes.add("POST", r"/azure-arc-agents/configurations", self._desired)
        routes.add("POST", r"/azure-arc-agents/extension-report", self._report_extension)
        routes.add("POST", r"/azure-arc-agents/flux-report", self._report_flux)

    async def _desired(self, exchange: Exchange) -> web.StreamResponse:
        body = exchange.json()
        cluster_key = self._arc.identified(body)
        revision = await self._world.signal.wait_for_change(cluster_key, int(body.get("revision") or 0), _WAIT_SECONDS)
        # The connected cluster may be gone by now: its agents would take that for a wish to remove everything.
        self._arc.identified(body)
        return web.json_response(
            {
                "revision": revision,
                "extensions": self._world.extensions.desired(cluster_key),
                "supportsFlux": self._world.flux.is_supported(cluster_key),
                "fluxConfigurations": self._world.flux.desired(cluster_key),
            }
        )

    async def _report_extension(self, exchange: Exchange) -> web.StreamResponse:
        body = exchange.json()
        self._world.extensions.report(self._arc.identified(body), body["report"])
        return web.json_response({})

    async def _report_flux(self, exchange: Exchange) -> web.StreamResponse:
        body = exchange.json()
        self._world.flux.report(self._arc.identified(body), body["report"])
        return web.json_response({})
