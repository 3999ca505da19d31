"""Key Vault secrets: set, get, list, delete, and the 401 challenge by which clients learn where to get a token.

As in every vault today, a deleted secret keeps its name in use until it is recovered or purged.
"""

import secrets
import time
from typing import Any

from aiohttp import web

from arcway_local.azure.entra import Entra
from arcway_local.azure.exchange import Exchange, Routes
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.world import Version, World

_KEPT_DAYS = 90
_NAME = r"/secrets/(?P<name>[0-9A-Za-z-]+)"


class KeyVault:
    """One vault at the root of the endpoint."""

    def __init__(self, world: World, entra: Entra) -> None:
        self._world = world
        self._entra = entra

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        routes.add("GET", r"/secrets/?", self._list)
        routes.add("GET", _NAME + r"(/(?P<version>[0-9a-f]*))?/?", self._get)
        routes.add("PUT", _NAME, self._set)
        routes.add("DELETE", _NAME, self._delete)
        routes.add("GET", r"/deletedsecrets", self._list_deleted)
        routes.add("GET", f"/deleted{_NAME[1:]}", self._get_deleted)
        routes.add("DELETE", f"/deleted{_NAME[1:]}", self._purge)
        routes.add("POST", f"/deleted{_NAME[1:]}/recover", self._recover)

    async def _get(self, exchange: Exchange) -> web.StreamResponse:
        if challenge := self._challenge(exchange):
            return challenge
        versions = self._world.secrets.get(exchange.parts["name"].lower(), [])
        requested = exchange.parts.get("version") or (versions[-1][0] if versions else "")
        for version, value, about in versions:
            if version == requested:
                if not about.get("enabled", True):
                    message = "Operation get is not allowed on a disabled secret."
                    raise Refusal(403, "Forbidden", message, inner="SecretDisabled")
                return web.json_response(self._bundle(exchange.parts["name"], version, about) | {"value": value})
        raise Refusal(404, "SecretNotFound", f"A secret with (name/id) {exchange.parts['name']} was not found.")

    async def _set(self, exchange: Exchange) -> web.StreamResponse:
        if challenge := self._challenge(exchange):
            return challenge
        body = exchange.json()
        value = body.get("value")
        if not isinstance(value, str):
            raise Refusal(400, "BadParameter", "value must be a string.")
        if exchange.parts["name"].lower() in self._world.deleted_secrets:
            message = (
                f"Secret {exchange.parts['name']} is currently in a deleted but recoverable state, and its name cannot "
                "be reused; in this state, the secret can only be recovered or purged."
            )
            raise Refusal(409, "Conflict", message, inner="ObjectIsDeletedButRecoverable")
        version = secrets.token_hex(16)
        self._world.touch("secret", exchange.parts["name"].lower())
        attributes = body.get("attributes") or {}
        enabled = bool(attributes.get("enabled", True))
        about = {"tags": body.get("tags") or {}, "exp": attributes.get("exp"), "enabled": enabled}
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
        name = exchange.parts["name"]
        versions = self._world.secrets.pop(name.lower(), None)
        if versions is None:
            raise Refusal(404, "SecretNotFound", f"A secret with (name/id) {name} was not found.")
        versions[-1][2]["deleted"] = int(time.time())
        self._world.deleted_secrets[name.lower()] = versions
        self._touch(name)
        return web.json_response(self._deleted_bundle(name, versions[-1]))

    async def _list_deleted(self, exchange: Exchange) -> web.StreamResponse:
        if challenge := self._challenge(exchange):
            return challenge
        deleted = sorted(self._world.deleted_secrets.items())
        return web.json_response({"value": [self._deleted_bundle(name, versions[-1]) for name, versions in deleted]})

    async def _get_deleted(self, exchange: Exchange) -> web.StreamResponse:
        if challenge := self._challenge(exchange):
            return challenge
        return web.json_response(self._deleted_bundle(exchange.parts["name"], self._deleted(exchange)[-1]))

    async def _purge(self, exchange: Exchange) -> web.StreamResponse:
        if challenge := self._challenge(exchange):
            return challenge
        self._deleted(exchange)
        del self._world.deleted_secrets[exchange.parts["name"].lower()]
        self._touch(exchange.parts["name"])
        return web.Response(status=204)

    async def _recover(self, exchange: Exchange) -> web.StreamResponse:
        if challenge := self._challenge(exchange):
            return challenge
        name = exchange.parts["name"]
        versions = self._deleted(exchange)
        del self._world.deleted_secrets[name.lower()]
        versions[-1][2].pop("deleted", None)
        self._world.secrets[name.lower()] = versions
        self._touch(name)
        return web.json_response(self._bundle(name, versions[-1][0], versions[-1][2]))

    def _deleted(self, exchange: Exchange) -> list[Version]:
        name = exchange.parts["name"]
        if (versions := self._world.deleted_secrets.get(name.lower())) is None:
            raise Refusal(404, "SecretNotFound", f"Deleted Secret not found: {name}")
        return versions

    def _touch(self, name: str) -> None:
        for kind in ("secret", "deleted-secret"):
            self._world.touch(kind, name.lower())

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
        attributes = {
            "enabled": about.get("enabled", True),
            "created": stamp,
            "updated": stamp,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": _KEPT_DAYS,
        }
        return {
            "id": f"{self._entra.endpoint}/secrets/{name}" + (f"/{version}" if version else ""),
            "attributes": attributes | ({"exp": about["exp"]} if about["exp"] else {}),
            "tags": about["tags"],
        }

    def _deleted_bundle(self, name: str, newest: Version) -> dict[str, Any]:
        version, _, about = newest
        return {
            **self._bundle(name, version, about),
            "recoveryId": f"{self._entra.endpoint}/deletedsecrets/{name}",
            "deletedDate": about["deleted"],
            "scheduledPurgeDate": about["deleted"] + _KEPT_DAYS * 86_400,
        }
