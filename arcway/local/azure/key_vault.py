"""Key Vault secrets: set, get, list, delete, and the 401 challenge by which clients learn where to get a token."""

import secrets
import time
from typing import Any

from aiohttp import web

from arcway.local.azure.entra import Entra
from arcway.local.azure.exchange import Exchange, Routes
from arcway.local.azure.refusals import Refusal
from arcway.local.azure.world import World

_NAME = r"/secrets/(?P<name>[0-9A-Za-z-]+)"


class KeyVault:
    """One vault at the root of the endpoint."""

    def __init__(self, world: World, entra: Entra) -> None:
        self._world = world
        self._entra = entra

    def routes(self, routes: Routes) -> None:
        """Add what this service answers."""
        routes.add("GET", r"/secrets/?", self._list)
        routes.add("GET", _NAME + r"(/(?P<version>[0-9a-f]*))?/?", self._get)
        routes.add("PUT", _NAME, self._set)
        routes.add("DELETE", _NAME, self._delete)

    async def _get(self, exchange: Exchange) -> web.StreamResponse:
        if challenge := self._challenge(exchange):
            return challenge
        versions = self._world.secrets.get(exchange.parts["name"].lower(), [])
        wanted = exchange.parts.get("version") or (versions[-1][0] if versions else "")
        for version, value, about in versions:
            if version == wanted:
                return web.json_response(self._bundle(exchange.parts["name"], version, about) | {"value": value})
        raise Refusal(404, "SecretNotFound", f"A secret with (name/id) {exchange.parts['name']} was not found.")

    async def _set(self, exchange: Exchange) -> web.StreamResponse:
        if challenge := self._challenge(exchange):
            return challenge
        body = exchange.json()
        value = body.get("value")
        if not isinstance(value, str):
            raise Refusal(400, "BadParameter", "value must be a string.")
        version = secrets.token_hex(16)
        self._world.touch("secret", exchange.parts["name"].lower())
        about = {"tags": body.get("tags") or {}, "exp": (body.get("attributes") or {}).get("exp")}
        self._world.secrets.setdefault(exchange.parts["name"].lower(), []).append((version, value, about))
        return web.json_response(self._bundle(exchange.parts["name"], version, about) | {"value": value})

    async def _list(self, exchange: Exchange) -> web.StreamResponse:
        if challenge := self._challenge(exchange):
            return challenge
        newest = sorted((name, versions[-1]) for name, versions in self._world.secrets.items())
        return web.json_response({"value": [self._bundle(name, "", about) for name, (_, _, about) in newest]})

    async def _delete(self, exchange: Exchange) -> web.StreamResponse:
        if challenge := self._challenge(exchange):
            return challenge
        if self._world.secrets.pop(exchange.parts["name"].lower(), None) is None:
            raise Refusal(404, "SecretNotFound", f"A secret with (name/id) {exchange.parts['name']} was not found.")
        self._world.touch("secret", exchange.parts["name"].lower())
        gone = {"recoveryId": f"{self._entra.endpoint}/deletedsecrets/{exchange.parts['name']}"}
        return web.json_response({"id": f"{self._entra.endpoint}/secrets/{exchange.parts['name']}", **gone})

    def _challenge(self, exchange: Exchange) -> web.Response | None:
        if exchange.request.headers.get("Authorization"):
            self._entra.check(exchange.request)
            return None
        authority = f"{self._entra.endpoint}/{self._entra.tenant}"
        header = f'Bearer authorization="{authority}", resource="https://vault.azure.net"'
        return web.json_response(
            {"error": {"code": "Unauthorized", "message": "AKV10000: Request is missing a Bearer or PoP token."}},
            status=401,
            headers={"WWW-Authenticate": header},
        )

    def _bundle(self, name: str, version: str, about: dict[str, Any]) -> dict[str, Any]:
        stamp = int(time.time())
        attributes = {"enabled": True, "created": stamp, "updated": stamp, "recoveryLevel": "Purgeable"}
        return {
            "id": f"{self._entra.endpoint}/secrets/{name}" + (f"/{version}" if version else ""),
            "attributes": attributes | ({"exp": about["exp"]} if about["exp"] else {}),
            "tags": about["tags"],
        }
