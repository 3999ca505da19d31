"""The Arc service that agents speak to: proves who a cluster is, issues its identity, takes heartbeats.

A cluster's agents sign a nonce with the private key in the cluster; the service checks it against the public key that
Resource Manager has for the connected cluster. The real protocol is not public: this one keeps its logic, not its
wire form.
"""

import base64
import binascii
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from arcway_local.azure.exchange import Exchange, Routes
from arcway_local.azure.keys import certificate_expiry
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.transitions import Change
from arcway_local.azure.world import World
from arcway_local.certificates import CertificateAuthority


@dataclass(slots=True)
class Identity:
    """An identity that was issued to a cluster."""

    token: str
    public_key: str
    expires: datetime
    connection: Change


class ArcService:
    """The routes that agents use."""

    def __init__(self, world: World, authority: CertificateAuthority) -> None:
        self._world = world
        self._authority = authority
        self._nonces: dict[str, str] = {}
        self._identities: dict[str, Identity] = {}

    def form_of(self, key: str) -> Any:
        """The JSON form in which an identity is stored."""
        identity = self._identities[key]
        return [identity.token, identity.public_key, identity.expires.isoformat()]

    def restore(self, key: str, form: Any) -> None:
        """Restore an identity from the JSON form that `form_of` returned."""
        token, public_key, expires = form
        change = Change(self._world.paces.connection)
        self._identities[key] = Identity(token, public_key, datetime.fromisoformat(expires), change)

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        routes.add("POST", r"/azure-arc-agents/challenge", self._challenge)
        routes.add("POST", r"/azure-arc-agents/identity", self._identity)
        routes.add("POST", r"/azure-arc-agents/heartbeat", self._heartbeat)

    def identified(self, body: dict[str, Any]) -> str:
        """The id of the cluster whose agents sent this body, in lower case. Raises `Refusal` 401 or 400."""
        key = _resource_of(body)
        identity = self._identities.get(key)
        if identity is None or not secrets.compare_digest(str(body.get("token", "")), identity.token):
            raise Refusal(401, "InvalidIdentity", "The identity is not the one that was issued last.")
        if identity.public_key != self._world.public_key_text(key):
            raise Refusal(401, "InvalidIdentity", "The connected cluster has another public key by now.")
        if self._world.is_deleting(key):
            raise Refusal(401, "InvalidIdentity", "The connected cluster is being deleted.")
        return key

    async def _challenge(self, exchange: Exchange) -> web.StreamResponse:
        key = _resource_of(exchange.json())
        if self._world.public_key_of(key) is None:
            raise _no_resource()
        self._nonces[key] = secrets.token_urlsafe(32)
        return web.json_response({"nonce": self._nonces[key]})

    async def _identity(self, exchange: Exchange) -> web.StreamResponse:
        body = exchange.json()
        key = _resource_of(body)
        nonce, public_key = self._nonces.pop(key, None), self._world.public_key_of(key)
        if nonce is None or public_key is None:
            raise _no_resource()
        try:
            signature = base64.b64decode(str(body.get("signature", "")), validate=True)
            public_key.verify(signature, nonce.encode(), PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error) as error:
            raise Refusal(
                401, "InvalidSignature", "The private key does not belong to the connected cluster."
            ) from error
        identity = Identity(
            secrets.token_urlsafe(32),
            self._world.public_key_text(key),
            certificate_expiry(),
            Change(self._world.paces.connection),
        )
        self._identities[key] = identity
        self._world.touch("identity", key)
        issued = self._authority.issue_client(key.rpartition("/")[2])
        return web.json_response(
            {
                "certificate": issued.certificate.decode(),
                "privateKey": issued.private_key.decode(),
                "expires": identity.expires.isoformat(),
                "token": identity.token,
            }
        )

    async def _heartbeat(self, exchange: Exchange) -> web.StreamResponse:
        body = exchange.json()
        key = self.identified(body)
        identity = self._identities[key]
        if not identity.connection.look():
            return web.json_response({"connected": False})
        metadata: dict[str, Any] = body.get("metadata") or {}
        return web.json_response({"connected": self._world.report(key, metadata, expires=identity.expires)})


def _no_resource() -> Refusal:
    return Refusal(404, "ResourceNotFound", "There is no provisioned connected cluster with this id.")


def _resource_of(body: dict[str, Any]) -> str:
    key = str(body.get("resourceId", "")).lower()
    if "/providers/microsoft.kubernetes/connectedclusters/" not in key:
        raise Refusal(400, "InvalidResourceId", "resourceId must be the id of a connected cluster.")
    return key
