"""Validates tokens of the configured Entra tenant with PyJWT: signature, algorithm, issuer, audience, times, tenant.

Claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference (v2.0 tokens only). Keys come
from the authority's published set; a token that names a key not known makes it be asked again, but never more often
than each few seconds, for all callers together.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.json_values import Json
from arcway.settings import Authority

if TYPE_CHECKING:
    from jwt import PyJWK


_ALGORITHM = "RS256"
_LEEWAY_SECONDS = 60
_SIZE_LIMIT = 16 * 1024


class Keys:
    """The authority's signing keys, which `download` returns by their ids; it may raise `ArcError`.

    Seconds: `pause` between two downloads, `fresh` until a known key is looked up again, `max_age` for which a known
    key counts while the authority does not answer.
    """

    def __init__(
        self,
        download: "Callable[[], dict[str, PyJWK]]",
        *,
        pause: float = 5,
        fresh: float = 3600,
        max_age: float = 24 * 3600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pause = pause
        self._fresh = fresh
        self._kept = max_age
        self._clock = clock
        self._known: dict[str, PyJWK] = {}
        self._answered = self._asked = float("-inf")
        self._failure: ArcError | None = None
        self._download = download
        self._downloading: asyncio.Task[None] | None = None

    async def get(self, key_id: str) -> "PyJWK":
        """Return the key with this id. Raises `ArcError`: ARC-1007 unknown key, ARC-4014 no response."""
        key = self._known.get(key_id)
        if key is None or self._clock() - self._answered > self._fresh:
            await self._ask()
            key = self._known.get(key_id) if self._clock() - self._answered <= self._kept else None
        if key is not None:
            return key
        if self._failure:
            raise ArcError(Code.SIGN_IN_AUTHORITY_UNREACHABLE, self._failure.message)
        raise ArcError(Code.NOT_SIGNED_IN, "The token is signed with a key that its tenant has not published.")

    async def _ask(self) -> None:
        """All callers wait for the same response, and none asks again soon after one."""
        if self._downloading is None:
            if self._clock() - self._asked < self._pause:
                return
            self._downloading = asyncio.create_task(self._fetch(), name="signing keys")
        await asyncio.shield(self._downloading)

    async def _fetch(self) -> None:
        try:
            published = await in_thread(self._download)
        except ArcError as error:
            self._failure = error
        else:
            self._known, self._failure = published, None
            self._answered = self._clock()
        finally:
            self._asked, self._downloading = self._clock(), None


def published_keys(url: str, ca_file: str | None) -> "dict[str, PyJWK]":
    """The RSA keys that are published at `url`. Raises `ArcError` ARC-4014 when they cannot be read."""
    import jwt

    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=5, ssl_context=context)
    try:
        keys = client.get_signing_keys()
    # A response that is not JSON is a ValueError, a connection that breaks while it is read an OSError.
    except (jwt.PyJWTError, ValueError, OSError) as error:
        raise ArcError(
            Code.SIGN_IN_AUTHORITY_UNREACHABLE,
            f"The authority's signing keys cannot be read: {redact(str(error), 200)}.",
        ) from error
    return {key.key_id: key for key in keys if key.key_id and key.key_type == "RSA"}


class Tokens:
    """Validates the tokens of one authority."""

    @classmethod
    def of(cls, authority: Authority, ca_file: str | None) -> "Tokens":
        """Those of an authority that is trusted by `ca_file`, too."""
        url = f"{authority.url}/{authority.tenant_id}/discovery/v2.0/keys"
        return cls(authority, Keys(partial(published_keys, url, ca_file)))

    def __init__(self, authority: Authority, keys: Keys) -> None:
        self._authority = authority
        self._keys = keys

    async def access_claims(self, token: str) -> Json:
        """The claims of an access token for Arcway's API.

        Raises `ArcError`: ARC-1007 it is not one, ARC-4014 the authority does not answer.
        """
        client_id = self._authority.client_id
        claims = await self._claims(token, [client_id, f"api://{client_id}"])
        # An id token of the page has the same audience and signature, but does not say that its bearer may call the
        # API. It names no client (azp), and it has the nonce that the page asked for.
        if not isinstance(claims.get("azp"), str) or "nonce" in claims:
            raise ArcError(Code.NOT_SIGNED_IN, "The token is not an access token.")
        return claims

    async def id_claims(self, token: str) -> Json:
        """The claims of an id token for Arcway's page. Raises `ArcError` as `access_claims` does."""
        return await self._claims(token, [self._authority.client_id])

    async def _claims(self, token: str, audience: list[str]) -> Json:
        import jwt

        if len(token) > _SIZE_LIMIT:
            raise ArcError(Code.NOT_SIGNED_IN, "The token is too long.")
        try:
            header = jwt.get_unverified_header(token)
            key_id = header.get("kid")
            # Before a key is asked for, so that what can never count costs the authority nothing.
            if header.get("alg") != _ALGORITHM or not isinstance(key_id, str):
                raise ArcError(Code.NOT_SIGNED_IN, f"The token is not signed with {_ALGORITHM}, or has no key id.")
            key = await self._keys.get(key_id)
            claims: Json = jwt.decode(
                token,
                key.key,
                [_ALGORITHM],
                audience=audience,
                issuer=self._authority.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "nbf", "iss", "aud", "tid", "oid"]},
            )
        except jwt.PyJWTError as error:
            raise ArcError(Code.NOT_SIGNED_IN, f"The token is not valid: {redact(str(error), 200)}.") from error
        if claims["tid"] != self._authority.tenant_id or not isinstance(claims["oid"], str) or not claims["oid"]:
            raise ArcError(Code.NOT_SIGNED_IN, "The token was issued by another tenant or has no oid claim.")
        return claims
