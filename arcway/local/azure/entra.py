"""Entra ID and the managed identity endpoint: properly signed tokens, and their validation by the other services.

Protocol: OpenID discovery, JWKS, client credentials, App Service's identity endpoint (2019-08-01). Must not know what
tokens are used for.
"""

import secrets
import time
import uuid
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from arcway.local.azure.exchange import Exchange, Routes
from arcway.local.azure.subscriptions import Refusal, Touch

_LIFETIME = 3600
_ALGORITHM = "RS256"


class Entra:
    """The authority of one tenant."""

    def __init__(self, tenant: str, touch: Touch) -> None:
        self.tenant = tenant
        self._touch = touch
        self.identity_header = secrets.token_urlsafe(24)
        self.principal_id = str(uuid.uuid4())
        self.applications: dict[str, str] = {}
        self.endpoint = ""
        self._key_id = ""
        self._key: rsa.RSAPrivateKey
        self.rotate_key()

    def rotate_key(self) -> None:
        """Sign with a new key from now on; tokens of the old one are no longer valid."""
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = secrets.token_hex(10)
        self._touch("entra", "authority")

    def add_applications(self, known: dict[str, str]) -> None:
        """Register applications: client id and secret."""
        self.applications.update(known)
        self._touch("entra", "authority")

    def form(self) -> dict[str, Any]:
        """The JSON form that is kept."""
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        kept = {"header": self.identity_header, "principal": self.principal_id, "applications": self.applications}
        return {"key": pem, "keyId": self._key_id, **kept}

    def restore(self, form: dict[str, Any]) -> None:
        """Take back what `form` gave: tokens and the identity endpoint's header stay valid."""
        key = load_pem_private_key(form["key"].encode(), None)
        if isinstance(key, rsa.RSAPrivateKey):
            self._key, self._key_id = key, form["keyId"]
        self.identity_header, self.principal_id = form["header"], form["principal"]
        self.applications = form["applications"]

    def routes(self, routes: Routes) -> None:
        """Add what this service answers."""
        tenant = r"(?P<tenant>[^/]+)"
        routes.add("GET", rf"/{tenant}/v2\.0/\.well-known/openid-configuration", self._discovery)
        routes.add("GET", rf"/{tenant}/discovery/v2\.0/keys", self._keys)
        routes.add("POST", rf"/{tenant}/oauth2/v2\.0/token", self._client_credentials)
        routes.add("GET", r"/msi/token", self._managed_identity)

    def token(self, audience: str, principal: str, **claims: Any) -> str:
        """A signed token."""
        issued = int(time.time())
        body = {
            "aud": audience,
            "iss": self._issuer(),
            "iat": issued,
            "nbf": issued,
            "exp": issued + _LIFETIME,
            "tid": self.tenant,
            "oid": principal,
            "sub": principal,
            "ver": "2.0",
            **claims,
        }
        return jwt.encode(body, self._key, _ALGORITHM, headers={"kid": self._key_id})

    def check(self, request: web.Request) -> dict[str, Any]:
        """The claims of the request's bearer token. Raises `Refusal` 401."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key.public_key(), [_ALGORITHM], audience=self.audiences(), issuer=self._issuer()
            )
        except jwt.PyJWTError as error:
            raise Refusal(401, "InvalidAuthenticationToken", f"The access token is invalid: {error}.") from error
        return claims

    def audiences(self) -> list[str]:
        """The audiences that this cloud's services take."""
        return [self.endpoint, f"{self.endpoint}/", "https://vault.azure.net"]

    def _issuer(self) -> str:
        return f"{self.endpoint}/{self.tenant}/v2.0"

    async def _discovery(self, exchange: Exchange) -> web.StreamResponse:
        base = f"{self.endpoint}/{self.tenant}"
        return web.json_response(
            {
                "issuer": self._issuer(),
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": [_ALGORITHM],
            }
        )

    async def _keys(self, exchange: Exchange) -> web.StreamResponse:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return web.json_response({"keys": [{**key, "kid": self._key_id, "use": "sig", "alg": _ALGORITHM}]})

    async def _client_credentials(self, exchange: Exchange) -> web.StreamResponse:
        form = await exchange.request.post()
        client_id = str(form.get("client_id", ""))
        if form.get("grant_type") != "client_credentials":
            return _token_error("unsupported_grant_type", "AADSTS70003: The grant type is not supported.")
        if not client_id or self.applications.get(client_id) != form.get("client_secret"):
            return _token_error("invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)
        audience = str(form.get("scope", "")).removesuffix("/.default")
        token = self.token(audience, client_id, appid=client_id)
        return web.json_response({"token_type": "Bearer", "expires_in": _LIFETIME, "access_token": token})

    async def _managed_identity(self, exchange: Exchange) -> web.StreamResponse:
        if not secrets.compare_digest(exchange.request.headers.get("X-IDENTITY-HEADER", ""), self.identity_header):
            return web.json_response({"statusCode": 401, "message": "Invalid X-IDENTITY-HEADER."}, status=401)
        resource = exchange.query("resource")
        if resource.rstrip("/") not in {audience.rstrip("/") for audience in self.audiences()}:
            return web.json_response({"statusCode": 400, "message": f"Unknown resource {resource}."}, status=400)
        return web.json_response(
            {
                "access_token": self.token(resource, self.principal_id, appid=exchange.query("client_id") or "system"),
                "expires_on": str(int(time.time()) + _LIFETIME),
                "resource": resource,
                "token_type": "Bearer",
            }
        )


def _token_error(code: str, text: str, status: int = 400) -> web.Response:
    return web.json_response({"error": code, "error_description": text}, status=status)
