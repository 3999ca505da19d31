"""The sign-in of people: a form to choose a user, authorization codes with PKCE, sign-out.

Protocol: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow. There are no passwords. A
`login_hint` that names a user signs in at once, as a browser does that is signed in already.
"""

import base64
import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from aiohttp import web

from arcway_local.azure.entra.directory import API_CLIENT_ID, Directory, Principal
from arcway_local.azure.exchange import Exchange

_CODE_SECONDS = 60
_KEPT = (
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
# Entra compares with what is registered; here every page on this machine is.
_REDIRECT = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?/api/page(/callback)?")
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Simulated sign-in</title></head>
<body><main><h1>Simulated sign-in</h1><p>No password is needed here. Who are you?</p>
<form method="get">{hidden}{buttons}</form></main></body></html>
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """The sign-in that an authorization code was issued for."""

    user: str
    principal: Principal
    nonce: str
    challenge: str
    redirect_uri: str
    expires: float


class SignIn:
    """Authorization codes that are issued and not redeemed yet; a restart drops them."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._grants: dict[str, Grant] = {}

    async def authorize(self, exchange: Exchange) -> web.StreamResponse:
        """Show the form to choose a user, or redirect the browser back with a code."""
        parameters = {name: exchange.query(name) for name in _KEPT}
        if parameters["client_id"] != API_CLIENT_ID:
            return _refused("AADSTS700016: The application was not found in the directory.")
        if not _REDIRECT.fullmatch(parameters["redirect_uri"]):
            return _refused("AADSTS50011: The redirect URI does not match the ones configured for the application.")
        if parameters["response_type"] != "code" or "openid" not in parameters["scope"].split():
            return _back(
                parameters, error="invalid_request", error_description="AADSTS900144: code and openid are needed."
            )
        if parameters["code_challenge_method"] != "S256" or not parameters["code_challenge"]:
            return _back(
                parameters, error="invalid_request", error_description="AADSTS9002325: PKCE with S256 is needed."
            )
        user = exchange.query("login_hint")
        principal = self._directory.users.get(user)
        if principal is None:
            return web.Response(text=self._page(parameters), content_type="text/html")
        code = secrets.token_urlsafe(32)
        self._grants[code] = Grant(
            user,
            principal,
            parameters["nonce"],
            parameters["code_challenge"],
            parameters["redirect_uri"],
            time.monotonic() + _CODE_SECONDS,
        )
        return _back(parameters, code=code)

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> Grant | None:
        """Redeem a code once; None if it was used, has expired, or was issued to another client."""
        grant = self._grants.pop(code, None)
        if grant is None or grant.expires < time.monotonic() or grant.redirect_uri != redirect_uri:
            return None
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        return grant if secrets.compare_digest(challenge.encode(), grant.challenge.encode()) else None

    async def sign_out(self, exchange: Exchange) -> web.StreamResponse:
        """Redirect to the page; there is no session to end."""
        place = exchange.query("post_logout_redirect_uri")
        if _REDIRECT.fullmatch(place):
            return web.Response(status=302, headers={"Location": place})
        return web.Response(text="You signed out of your account.")

    def _page(self, parameters: dict[str, str]) -> str:
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in parameters.items()
        )
        buttons = "".join(
            f'<p><button name="login_hint" value="{escape(key)}">{escape(user.name)}</button> '
            f"{escape(', '.join(user.roles) or 'no roles')}</p>"
            for key, user in self._directory.users.items()
        )
        return _PAGE.format(hidden=hidden, buttons=buttons)


def _refused(message: str) -> web.Response:
    """Shown to the person, because it is unknown whose address it would be sent to."""
    return web.Response(text=message, status=400)


def _back(parameters: dict[str, str], **answer: str) -> web.Response:
    sent = urlencode({**answer, "state": parameters["state"]})
    return web.Response(status=302, headers={"Location": f"{parameters['redirect_uri']}?{sent}"})
