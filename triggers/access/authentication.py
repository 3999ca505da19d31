"""Identifies the caller of a request: by its bearer token, or, without an authority, as a user of this machine."""

from urllib.parse import urlsplit

import azure.functions as func

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.urls import is_loopback
from triggers.access import callers
from triggers.access.callers import Caller
from triggers.access.tokens import Tokens


class Authentication:
    """Who calls one function app; without `tokens` there is no authority."""

    def __init__(self, tokens: Tokens | None) -> None:
        self._tokens = tokens

    async def caller_of(self, request: func.HttpRequest) -> Caller:
        """Return the caller of the request.

        Raises `ArcError`: ARC-1007 no valid identity, ARC-1010 a page of another site in the browser of a user
        at a machine without an authority, ARC-4014 the authority does not answer.
        """
        if self._tokens is None:
            self.refuse_other_sites(request)
            return callers.LOCAL
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise ArcError(Code.NOT_SIGNED_IN, "The request has no bearer token.")
        claims = await self._tokens.access_claims(token.strip())
        instead = str(claims["azp"] if not claims.get("scp") else claims["oid"])
        name = claims.get("name") or claims.get("preferred_username") or claims.get("app_displayname")
        return callers.of_claims(callers.readable(name, instead), claims)

    def refuse_other_names(self, request: func.HttpRequest) -> None:
        """Raises `ArcError` ARC-1010 when there is no authority and the request's address is not loopback.

        A name that an attacker lets point there (DNS rebinding) would make his page one of the same site.
        """
        if self._tokens is None and not is_loopback(urlsplit(request.url).hostname):
            raise ArcError(
                Code.CROSS_SITE_REQUEST, "Without a sign-in authority, Arcway serves loopback addresses only."
            )

    def refuse_other_sites(self, request: func.HttpRequest) -> None:
        """Raises `ArcError` ARC-1010 when a browser says that another site's page wants to change something here."""
        self.refuse_other_names(request)
        if request.method in ("GET", "HEAD"):
            return
        origin = request.headers.get("Origin")
        # Behind a proxy that ends TLS the scheme differs; the host is what tells sites apart.
        foreign = origin is not None and urlsplit(origin).netloc != urlsplit(request.url).netloc
        if foreign or request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise ArcError(Code.CROSS_SITE_REQUEST)
