"""Extension types over HTTP: which extensions a location offers, in which versions. Keeps no state."""

from aiohttp import web

from arcway_local.azure.arm import SUBSCRIPTION_PATH
from arcway_local.azure.exchange import Exchange, Handler, Routes
from arcway_local.azure.extension_types import EXTENSION_TYPES, find_type
from arcway_local.azure.gate import Gate

_LOCATION_TYPES = (
    rf"{SUBSCRIPTION_PATH}/providers/microsoft\.kubernetesconfiguration/locations/(?P<location>[^/]+)/extensiontypes"
)
_TYPES_OF_LOCATION = "Microsoft.KubernetesConfiguration/locations/extensionTypes"
_READ_TYPES = "Microsoft.KubernetesConfiguration/extensionTypes/read"


class ExtensionTypeRoutes:
    """The routes of extension types."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        table: tuple[tuple[str, str, str, str, Handler], ...] = (
            ("GET", _LOCATION_TYPES, _TYPES_OF_LOCATION, _READ_TYPES, self._types),
            ("GET", rf"{_LOCATION_TYPES}/(?P<type>[^/]+)", _TYPES_OF_LOCATION, _READ_TYPES, self._type),
            ("GET", rf"{_LOCATION_TYPES}/(?P<type>[^/]+)/versions", _TYPES_OF_LOCATION, _READ_TYPES, self._versions),
        )
        for method, pattern, kind, action, handler in table:
            routes.add(method, pattern, self._gate.to(kind, action, handler))

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


def _location_prefix(exchange: Exchange) -> str:
    return f"/subscriptions/{exchange.parts['subscription']}"
