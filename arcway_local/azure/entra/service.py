"""The authority of one tenant: its endpoints, and the validation of tokens for the other services."""

import secrets
import time
import uuid
from typing import Any

import jwt
from aiohttp import web

from arcway_local.azure.entra.directory import API_CLIENT_ID, COMMAND_LINE_ID, Directory, Principal
from arcway_local.azure.entra.sign_in import SignIn
from arcway_local.azure.entra.signing import ALGORITHM, LIFETIME, Signer
from arcway_local.azure.exchange import Exchange, Routes
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import Touch
from arcway_local.json_documents import Json

_API_SCOPES = (f"api://{API_CLIENT_ID}/.default", f"{API_CLIENT_ID}/.default")


class Entra:
    """The authority of one tenant."""

    def __init__(self, tenant: str, touch: Touch) -> None:
        self.tenant = tenant
        self._touch = touch
        self.identity_header = secrets.token_urlsafe(24)
        self.principal_id = str(uuid.uuid4())
        self.directory = Directory()
        self.endpoint = ""
        self._signer = Signer()
        self._sign_in = SignIn(self.directory)
        self._touch("entra", "authority")

    def rotate_key(self, *, keep: bool = False) -> None:
        """Sign with a new key from now on; without `keep`, tokens of the old one are no longer valid."""
        self._signer.rotate(keep=keep)
        self._touch("entra", "authority")

    def add_applications(self, applications: Json) -> None:
        """Register applications, or change them: by client id a secret, or secret, name and roles."""
        self.directory.applications |= {key: Principal.parse(key, form) for key, form in applications.items()}
        self._touch("entra", "authority")

    def add_users(self, users: Json) -> None:
        """Add users, or change them: by user name their name and roles."""
        self.directory.users |= {key: Principal.parse(key, form) for key, form in users.items()}
        self._touch("entra", "authority")

    def registration(self) -> dict[str, str]:
        """The API's app registration, and an application that may use it: settings for the other parts of the stack."""
        return {
            "api_client_id": API_CLIENT_ID,
            "api_client_secret": self.directory.api_secret,
            "command_line_client_id": COMMAND_LINE_ID,
            "command_line_client_secret": self.directory.applications[COMMAND_LINE_ID].secret or "",
        }

    def form(self) -> Json:
        """The JSON form in which the tenant is stored."""
        stored = {"header": self.identity_header, "principal": self.principal_id, "directory": self.directory.form()}
        return {"keys": self._signer.form(), **stored}

    def restore(self, form: Json) -> None:
        """Restore what `form` returned: tokens and the identity endpoint's header stay valid."""
        self.identity_header, self.principal_id = form["header"], form["principal"]
        # State folders of before there were users have one key and no directory.
        self._signer.restore(form.get("keys") or {form["keyId"]: form["key"]})
        if "directory" in form:
            self.directory.restore(form["directory"])

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        tenant = rf"(?:{self.tenant})"
        routes.add("GET", r"/(?P<tenant>[^/]+)/v2\.0/\.well-known/openid-configuration", self._discovery)
        routes.add("GET", r"/(?P<tenant>[^/]+)/discovery/v2\.0/keys", self._keys)
        routes.add("POST", r"/(?P<tenant>[^/]+)/oauth2/v2\.0/token", self._token)
        routes.add("GET", rf"/{tenant}/oauth2/v2\.0/authorize", self._sign_in.authorize)
        routes.add("GET", rf"/{tenant}/oauth2/v2\.0/logout", self._sign_in.sign_out)
        routes.add("GET", r"/msi/token", self._managed_identity)

    def token(self, audience: str, principal: str, **claims: Any) -> str:
        """A signed token."""
        about = {"tid": self.tenant, "oid": principal, "sub": principal, "ver": "2.0"}
        return self._signer.sign({"aud": audience, "iss": self._issuer(), **about, **claims})

    def api_token(self, form: Json) -> str:
        """An access token for the API as `{"user"}` or `{"application"}` would get it; `claims` change it.

        Raises `Refusal` 404 when there is no user of that name.
        """
        key, is_user = (form["user"], True) if "user" in form else (form["application"], False)
        principal = (self.directory.users if is_user else self.directory.applications).get(key)
        if principal is None:
            raise Refusal(404, "NotFound", f"There is no user {key}.")
        claims = _user_claims(key, principal) if is_user else _application_claims(key, principal)
        return self.token(API_CLIENT_ID, principal.object_id, **{**claims, **form.get("claims", {})})

    def check(self, request: web.Request) -> Json:
        """The claims of the request's bearer token. Raises `Refusal` 401."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        try:
            return self._signer.check(token, self.audiences(), self._issuer())
        except jwt.PyJWTError as error:
            raise Refusal(401, "InvalidAuthenticationToken", f"The access token is invalid: {error}.") from error

    def audiences(self) -> list[str]:
        """The audiences that the services of this cloud accept."""
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
                "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
            }
        )

    async def _keys(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response({"keys": self._signer.published()})

    async def _token(self, exchange: Exchange) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await exchange.request.post()).items()}
        if form.get("grant_type") == "client_credentials":
            return self._client_credentials(form)
        if form.get("grant_type") == "authorization_code":
            return self._authorization_code(form)
        return _token_error("unsupported_grant_type", "AADSTS70003: The grant type is not supported.")

    def _client_credentials(self, form: dict[str, str]) -> web.Response:
        client_id = form.get("client_id", "")
        application = self.directory.application(client_id, form.get("client_secret", ""))
        if application is None:
            return _token_error("invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)
        if form.get("scope", "") in _API_SCOPES:
            token = self.token(API_CLIENT_ID, application.object_id, **_application_claims(client_id, application))
        else:
            token = self.token(form.get("scope", "").removesuffix("/.default"), client_id, appid=client_id)
        return web.json_response({"token_type": "Bearer", "expires_in": LIFETIME, "access_token": token})

    def _authorization_code(self, form: dict[str, str]) -> web.Response:
        if not self.directory.is_api(form.get("client_id", ""), form.get("client_secret", "")):
            return _token_error("invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)
        grant = self._sign_in.redeem(form.get("code", ""), form.get("code_verifier", ""), form.get("redirect_uri", ""))
        if grant is None:
            return _token_error("invalid_grant", "AADSTS70008: The code has expired, was used or is not yours.")
        about = _about(grant.user, grant.principal)
        id_token = self.token(API_CLIENT_ID, grant.principal.object_id, **about, nonce=grant.nonce or None)
        # For Graph, whose tokens only Graph can read.
        opaque = secrets.token_urlsafe(64)
        answer = {"token_type": "Bearer", "scope": "openid profile", "expires_in": LIFETIME, "access_token": opaque}
        return web.json_response({**answer, "id_token": id_token})

    async def _managed_identity(self, exchange: Exchange) -> web.StreamResponse:
        if not secrets.compare_digest(exchange.request.headers.get("X-IDENTITY-HEADER", ""), self.identity_header):
            return web.json_response({"statusCode": 401, "message": "Invalid X-IDENTITY-HEADER."}, status=401)
        resource = exchange.query("resource")
        if resource.rstrip("/") not in {audience.rstrip("/") for audience in self.audiences()}:
            return web.json_response({"statusCode": 400, "message": f"Unknown resource {resource}."}, status=400)
        return web.json_response(
            {
                "access_token": self.token(resource, self.principal_id, appid=exchange.query("client_id") or "system"),
                "expires_on": str(int(time.time()) + LIFETIME),
                "resource": resource,
                "token_type": "Bearer",
            }
        )


def _about(user: str, principal: Principal) -> Json:
    """Claims of users' tokens; without roles there is no such claim."""
    return {
        "name": principal.name,
        "preferred_username": f"{user}@example.com",
        "roles": principal.roles or None,
    }


def _user_claims(user: str, principal: Principal) -> Json:
    """An access token for a user, by a client such as Azure's command line."""
    azure_cli = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
    return {**_about(user, principal), "azp": azure_cli, "azpacr": "0", "scp": "access"}


def _application_claims(client_id: str, principal: Principal) -> Json:
    """An access token for an application itself: v2.0 tokens do not have its name."""
    return {"azp": client_id, "azpacr": "1", "idtyp": "app", "roles": principal.roles or None}


def _token_error(code: str, description: str, status: int = 400) -> web.Response:
    return web.json_response({"error": code, "error_description": description}, status=status)
