"""The page's session: who signed in, in a cookie that only Arcway can read and change.

AES-GCM with keys from a secret of their own, so that every instance reads it, and keys are rotated without ending a
session: the first one seals, all are accepted. The real host percent-encodes cookie values and adds an empty Domain,
which browsers refuse together with the prefix `__Host-` (python-worker #1794, #1902): hence unpadded base64url and a
plain name.
"""

import base64
import json
import secrets
import time
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import azure.functions as func

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.urls import is_loopback
from arcway.page.files import PLACE
from arcway.settings import Authority
from triggers.access.authentication import Authentication
from triggers.access.callers import LOCAL, Caller, other_roles_in, roles_in
from triggers.access.page_secrets import PageSecrets

COOKIE = "arcway-session"
SECONDS = 8 * 3600

_KEY_LENGTH = 32
_MOST_KEYS = 4
_NONCE_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Viewer(Caller):
    """The viewer of the page. `csrf` goes into every form of it, and comes back to `check_csrf`."""

    csrf: str
    is_signed_in: bool = False
    """Whether the viewer signed in, and may sign out."""


class Sessions:
    """The sessions of one function app's page; without an authority each user of this machine has one."""

    def __init__(self, authority: Authority | None, authentication: Authentication, page_secrets: PageSecrets) -> None:
        self._authority = authority
        self._authentication = authentication
        self._secrets = page_secrets
        self._local_csrf = secrets.token_urlsafe(32)

    async def viewer_of(self, request: func.HttpRequest) -> Viewer | None:
        """The user who is signed in to the page; None without a sign-in, or when it has expired.

        Raises `ArcError` ARC-1010 where there is no authority and the address is not loopback; ARC-2001, ARC-3003 or
        what else keeps the client secret from being read.
        """
        if self._authority is None:
            self._authentication.refuse_other_names(request)
            return Viewer(LOCAL.name, LOCAL.object_id, LOCAL.roles, self._local_csrf)
        if not (cookie := cookie_of(request, COOKIE)) or not self.has_sign_in():
            return None
        session = await self.unseal(COOKIE, cookie)
        if session is None:
            return None
        roles, other_roles = roles_in(session["roles"]), other_roles_in(session["roles"])
        return Viewer(
            session["name"], session["oid"], roles, session["csrf"], is_signed_in=True, other_roles=other_roles
        )

    async def new_session(self, request: func.HttpRequest, caller: Caller) -> str:
        """The Set-Cookie header that signs the caller in for eight hours."""
        session = {
            "name": caller.name,
            "oid": caller.object_id,
            "roles": sorted(caller.roles | caller.other_roles),
            "csrf": secrets.token_urlsafe(32),
        }
        return set_cookie(request, COOKIE, await self.seal(COOKIE, session, SECONDS), SECONDS)

    async def check_csrf(self, request: func.HttpRequest, form_token: str | None) -> Viewer:
        """The sender of a form of the page.

        Raises `ArcError`: ARC-1007 no sign-in, ARC-1010 the form is not of this viewer's page.
        """
        self._authentication.refuse_other_sites(request)
        viewer = await self.viewer_of(request)
        if viewer is None:
            raise ArcError(
                Code.NOT_SIGNED_IN, "You are not signed in to the page.", remedy="Sign in to the page again."
            )
        if not secrets.compare_digest(viewer.csrf.encode(), (form_token or "").encode()):
            raise ArcError(Code.CROSS_SITE_REQUEST)
        return viewer

    def has_sign_in(self) -> bool:
        """Whether this installation signs people in to the page."""
        return self._authority is not None and self._authority.secret_name is not None

    async def seal(self, purpose: str, value: Json, seconds: int) -> str:
        """A JSON object as text that only `unseal` for the same purpose reads, for so many seconds."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_LENGTH)
        content = json.dumps(
            {**value, "exp": int(time.time()) + seconds}, separators=(",", ":"), ensure_ascii=False
        ).encode()
        sealed = nonce + AESGCM((await self._keys())[0]).encrypt(nonce, content, purpose.encode())
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    async def unseal(self, purpose: str, token: str) -> Json | None:
        """The object that `seal` sealed; None if the text is not valid or too old."""
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        data = _opened(await self._keys(), sealed, purpose)
        if data is None:
            data = _opened(await self._keys(refresh=True), sealed, purpose)
        if data is None:
            return None
        value: Json = json.loads(data)
        return value if value["exp"] > time.time() else None

    async def client_secret(self) -> str:
        """The app registration's client secret. Raises `ArcError`: ARC-1009 not configured, ARC-2001 not readable."""
        name = self._configured().secret_name
        if name is None:
            message = "The page's sign-in is not configured: ARCWAY_CLIENT_SECRET_NAME is not set."
            raise ArcError(Code.SIGN_IN_FAILED, message, remedy="Set it, or use the API with a bearer token.")
        return (await self._secrets.read(name)).strip()

    async def _keys(self, *, refresh: bool = False) -> list[bytes]:
        """The keys of the page's cookies, the one that seals first. Raises `ArcError` ARC-1009: they are too short."""
        name = self._configured().session_keys_name
        lines = [
            line.strip() for line in (await self._secrets.read(name, refresh=refresh)).splitlines() if line.strip()
        ]
        if not lines or any(len(line) < _KEY_LENGTH for line in lines):
            message = f"Secret {name} must have one or more lines of at least {_KEY_LENGTH} random characters."
            raise ArcError(
                Code.SIGN_IN_FAILED, message, remedy="Store a line such as `openssl rand -base64 32` prints."
            )
        return [_derived(line) for line in lines[:_MOST_KEYS]]

    def _configured(self) -> Authority:
        """Where the page signs people in. Raises `ArcError` ARC-1009."""
        if self._authority is None:
            raise ArcError(Code.SIGN_IN_FAILED, "Sign-in is not configured.")
        return self._authority


def to_sign_in(request: func.HttpRequest) -> func.HttpResponse:
    """Redirect to the sign-in, and from there back to the requested page."""
    parts = urlsplit(request.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return redirect(f"{PLACE}/sign-in?to={quote(target, safe='')}", status=302)


def redirect(place: str, *cookies: str, status: int = 303) -> func.HttpResponse:
    """Redirect to another address; the response is never cached."""
    response = func.HttpResponse(status_code=status, headers={"Location": place, "Cache-Control": "no-store"})
    for cookie in cookies:
        response.headers.add("Set-Cookie", cookie)
    return response


def cookie_of(request: func.HttpRequest, name: str) -> str | None:
    """The value of a cookie that came with the request."""
    for part in request.headers.get("Cookie", "").split(";"):
        cookie_name, _, value = part.strip().partition("=")
        if cookie_name == name:
            return str(value)
    return None


def set_cookie(request: func.HttpRequest, name: str, value: str, seconds: int) -> str:
    """A Set-Cookie header for the page alone; no value or no seconds take the cookie away."""
    secure = "; Secure" if scheme_of(request) == "https" else ""
    return f"{name}={value}; Max-Age={seconds}; Path={PLACE}; HttpOnly; SameSite=Lax{secure}"


def scheme_of(request: func.HttpRequest) -> str:
    """How browsers reach this app: https, unless it is plain http on this machine. In Azure TLS ends before the app."""
    parts = urlsplit(request.url)
    return "http" if parts.scheme == "http" and is_loopback(parts.hostname) else "https"


def host_of(request: func.HttpRequest) -> str:
    """The host and port by which browsers reach this app."""
    return str(urlsplit(request.url).netloc)


def _opened(keys: list[bytes], sealed: bytes, purpose: str) -> bytes | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    for key in keys:
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], purpose.encode())
        except (ValueError, InvalidTag):
            continue
    return None


def _derived(line: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt=None, info=b"arcway page cookies v2").derive(line.encode())
