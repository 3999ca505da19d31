"""Signs people in to the page: OpenID Connect code flow with PKCE, by msal, against the configured Entra tenant.

State, nonce and code verifier wait in a sealed cookie of the browser that began. msal does not validate the id token
(since 1.38); `tokens` does.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import azure.functions as func

from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.json_values import Json
from arcway.page.files import PLACE
from arcway.settings import Authority
from triggers.access import callers, session
from triggers.access.callers import Caller
from triggers.access.tokens import Tokens

if TYPE_CHECKING:
    from requests import Session


FLOW_COOKIE = "arcway-sign-in"
_FLOW_SECONDS = 600
_TIMEOUT_SECONDS = 10
# What msal wants back; the address that the browser was sent to is the largest part and not needed any more.
_KEPT = ("state", "nonce", "code_verifier", "redirect_uri", "scope")
_ANSWERED = ("state", "code", "error", "error_description")
_PLACE = re.compile(r"/api/page(?:[/?][\w\-.~%/?=&:,+@]*)?", re.ASCII)


class SignIn:
    """The sign-in of one function app's page to the authority whose `tokens` count."""

    def __init__(self, authority: Authority, sessions: session.Sessions, tokens: Tokens, ca_file: str | None) -> None:
        self._authority = authority
        self._sessions = sessions
        self._tokens = tokens
        self._ca_file = ca_file

    async def begin(self, request: func.HttpRequest, place: str) -> tuple[str, str]:
        """The address where the browser signs in, and the Set-Cookie header that goes with it.

        Raises `ArcError`: ARC-1009 the page has no sign-in, ARC-4014 the authority does not answer.
        """
        secret = await self._sessions.client_secret()
        where = f"{session.scheme_of(request)}://{session.host_of(request)}{PLACE}/callback"
        flow = await in_thread(self._initiate, secret, where)
        flow_state = {**{name: flow[name] for name in _KEPT}, "to": place}
        sealed = await self._sessions.seal(FLOW_COOKIE, flow_state, _FLOW_SECONDS)
        return flow["auth_uri"], session.set_cookie(request, FLOW_COOKIE, sealed, _FLOW_SECONDS)

    async def complete(self, request: func.HttpRequest) -> tuple[Caller, str]:
        """Complete the sign-in: return the caller, and the page that was requested.

        Raises `ArcError`: ARC-1009 this browser began no such sign-in or the authority refused it, ARC-1007 the id
        token is not valid, ARC-4014 the authority does not answer.
        """
        secret = await self._sessions.client_secret()
        cookie = session.cookie_of(request, FLOW_COOKIE)
        flow = await self._sessions.unseal(FLOW_COOKIE, cookie) if cookie else None
        if flow is None:
            raise ArcError(Code.SIGN_IN_FAILED, "No sign-in is in progress in this browser, or it expired.")
        answer = {name: request.params[name] for name in _ANSWERED if name in request.params}
        result = await in_thread(self._redeem, secret, flow, answer)
        if "id_token" not in result:
            description = redact(str(result.get("error_description") or result.get("error")), 300)
            raise ArcError(Code.SIGN_IN_FAILED, f"The authority rejected the sign-in: {description}")
        claims = await self._tokens.id_claims(result["id_token"])
        name = callers.readable(claims.get("name") or claims.get("preferred_username"), claims["oid"])
        return callers.of_claims(name, claims), place_after(flow["to"])

    def sign_out_address(self, request: func.HttpRequest) -> str:
        """Where the authority forgets the browser too, and sends it back to the page."""
        authority = self._authority
        back = quote(f"{session.scheme_of(request)}://{session.host_of(request)}{PLACE}", safe="")
        return f"{authority.url}/{authority.tenant_id}/oauth2/v2.0/logout?post_logout_redirect_uri={back}"

    def _initiate(self, secret: str, where: str) -> Json:
        # The mode that msal recommends is a POST from another site, with which browsers send no SameSite=Lax cookie.
        warnings.filterwarnings("ignore", message="response_mode='form_post' is recommended")
        with self._answers() as http:
            flow: Json = _client(self._authority, secret, http).initiate_auth_code_flow([], redirect_uri=where)
        return flow

    def _redeem(self, secret: str, flow: Json, answer: Json) -> Json:
        with self._answers() as http:
            client = _client(self._authority, secret, http)
            try:
                result: Json = client.acquire_token_by_auth_code_flow(dict(flow), answer)
            # A state that is not the one sent is a ValueError, a nonce that is not a RuntimeError.
            except (ValueError, RuntimeError) as error:
                raise ArcError(
                    Code.SIGN_IN_FAILED, "The authority's response does not belong to this browser's sign-in."
                ) from error
        return result

    @contextmanager
    def _answers(self) -> "Iterator[Session]":
        """A connection to the authority. Raises `ArcError` ARC-4014 when it does not answer as one."""
        import requests
        from msal.exceptions import MsalError

        ca_file = self._ca_file
        with requests.Session() as http:
            http.verify = ca_file or True
            # With REQUESTS_CA_BUNDLE in the environment, requests would ignore `verify`.
            http.trust_env = ca_file is None
            http.request = partial(http.request, timeout=_TIMEOUT_SECONDS)  # type: ignore[method-assign]
            try:
                yield http
            # msal knows no errors of its own for a discovery that goes wrong.
            except (requests.RequestException, MsalError, ValueError, RuntimeError) as error:
                message = f"The authority does not respond: {redact(str(error), 200)}."
                raise ArcError(Code.SIGN_IN_AUTHORITY_UNREACHABLE, message) from error


def place_after(target: str | None) -> str:
    """Where to go after the sign-in: a place on the page itself, whatever was asked for."""
    return target if target and len(target) <= 1000 and _PLACE.fullmatch(target) else PLACE


def _client(authority: Authority, secret: str, http: "Session") -> Any:
    """One client for one step: msal keeps the tokens of all users who signed in with the same client."""
    import msal

    return msal.ConfidentialClientApplication(
        authority.client_id,
        secret,
        authority=f"{authority.url}/{authority.tenant_id}",
        instance_discovery=False,
        http_client=http,
        exclude_scopes=["offline_access"],
    )
