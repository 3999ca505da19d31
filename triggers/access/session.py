"""The page's session: who signed in, in a cookie that only Arcway can read and change.

AES-GCM with keys from a secret of their own, so that every instance reads it, and keys are rotated without ending a
session: the first one seals, all are accepted. The real host percent-encodes cookie values and adds an empty Domain,
which browsers refuse together with the prefix `__Host-` (python-worker #1794, #1902): hence unpadded base64url and a
plain name.
"""

import asyncio
import base64
import json
import secrets
import time
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import azure.functions as func

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.urls import is_loopback
from arcway.page.files import PLACE
from arcway.settings import Authority, settings
from triggers.access.authentication import refuse_other_names, refuse_other_sites
from triggers.access.callers import LOCAL, Caller, other_roles_in, roles_in

COOKIE = "arcway-session"
SECONDS = 8 * 3600

_SECRET_SECONDS = 300
_AGAIN_SECONDS = 5
_KEY_LENGTH = 32
_MOST_KEYS = 4
_NONCE_LENGTH = 12
_LOCAL_CSRF = secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Viewer(Caller):
    """The viewer of the page. `csrf` goes into every form of it, and comes back to `check_csrf`."""

    csrf: str


async def viewer_of(request: func.HttpRequest) -> Viewer | None:
    """The user who is signed in to the page; None without a sign-in, or when it has expired.

    Raises `ArcError` ARC-1010 where there is no authority and the address is not loopback; ARC-2001, ARC-3003 or what
    else keeps the client secret from being read.
    """
    if settings().authority is None:
        refuse_other_names(request)
        return Viewer(LOCAL.name, LOCAL.object_id, LOCAL.roles, _LOCAL_CSRF)
    if not (cookie := cookie_of(request, COOKIE)) or not has_sign_in():
        return None
    session = await unseal(COOKIE, cookie)
    if session is None:
        return None
    roles, other_roles = roles_in(session["roles"]), other_roles_in(session["roles"])
    return Viewer(session["name"], session["oid"], roles, session["csrf"], other_roles=other_roles)


async def new_session(request: func.HttpRequest, caller: Caller) -> str:
    """The Set-Cookie header that signs the caller in for eight hours."""
    session = {
        "name": caller.name,
        "oid": caller.object_id,
        "roles": sorted(caller.roles | caller.other_roles),
        "csrf": secrets.token_urlsafe(32),
    }
    return set_cookie(request, COOKIE, await seal(COOKIE, session, SECONDS), SECONDS)


async def check_csrf(request: func.HttpRequest, form_token: str | None) -> Viewer:
    """The sender of a form of the page.

    Raises `ArcError`: ARC-1007 no sign-in, ARC-1010 the form is not of this viewer's page.
    """
    refuse_other_sites(request)
    viewer = await viewer_of(request)
    if viewer is None:
        raise ArcError(Code.NOT_SIGNED_IN, "You are not signed in to the page.", remedy="Sign in to the page again.")
    if not secrets.compare_digest(viewer.csrf.encode(), (form_token or "").encode()):
        raise ArcError(Code.CROSS_SITE_REQUEST)
    return viewer


def has_sign_in() -> bool:
    """Whether this installation signs people in to the page."""
    configured = settings().authority
    return configured is not None and configured.secret_name is not None


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


async def seal(purpose: str, value: Json, seconds: int) -> str:
    """A JSON object as text that only `unseal` for the same purpose reads, for so many seconds."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_LENGTH)
    content = json.dumps(
        {**value, "exp": int(time.time()) + seconds}, separators=(",", ":"), ensure_ascii=False
    ).encode()
    sealed = nonce + AESGCM((await _keys())[0]).encrypt(nonce, content, purpose.encode())
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


async def unseal(purpose: str, token: str) -> Json | None:
    """The object that `seal` sealed; None if the text is not valid or too old."""
    try:
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    data = _opened(await _keys(), sealed, purpose)
    if data is None:
        data = _opened(await _keys(refresh=True), sealed, purpose)
    if data is None:
        return None
    value: Json = json.loads(data)
    return value if value["exp"] > time.time() else None


def _opened(keys: list[bytes], sealed: bytes, purpose: str) -> bytes | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    for key in keys:
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], purpose.encode())
        except (ValueError, InvalidTag):
            continue
    return None


async def client_secret() -> str:
    """The client secret of the app registration. Raises `ArcError`: ARC-1009 not configured, ARC-2001 not readable."""
    name = authority().secret_name
    if name is None:
        message = "The page's sign-in is not configured: ARCWAY_CLIENT_SECRET_NAME is not set."
        raise ArcError(Code.SIGN_IN_FAILED, message, remedy="Set it, or use the API with a bearer token.")
    return (await _secrets.read(name)).strip()


async def _keys(*, refresh: bool = False) -> list[bytes]:
    """The keys of the page's cookies, the one that seals first. Raises `ArcError` ARC-1009 when they are too short."""
    name = authority().session_keys_name
    lines = [line.strip() for line in (await _secrets.read(name, refresh=refresh)).splitlines() if line.strip()]
    if not lines or any(len(line) < _KEY_LENGTH for line in lines):
        message = f"Secret {name} must have one or more lines of at least {_KEY_LENGTH} random characters."
        raise ArcError(Code.SIGN_IN_FAILED, message, remedy="Store a line such as `openssl rand -base64 32` prints.")
    return [_derived(line) for line in lines[:_MOST_KEYS]]


def authority() -> Authority:
    """Where the page signs people in. Raises `ArcError` ARC-1009."""
    if (configured := settings().authority) is None:
        raise ArcError(Code.SIGN_IN_FAILED, "Sign-in is not configured.")
    return configured


class _Secrets:
    """The page's secrets, read again every five minutes, so that a new one in the vault counts soon."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, float]] = {}

    async def read(self, name: str, *, refresh: bool = False) -> str:
        """The secret; `refresh`: not older than some seconds, for a cookie that no known key opens."""
        value, read_at = self._known.get(name, ("", float("-inf")))
        if time.monotonic() - read_at >= (_AGAIN_SECONDS if refresh else _SECRET_SECONDS):
            value = await asyncio.to_thread(queries.secret_of_page, name)
            self._known[name] = (value, time.monotonic())
        return value


_secrets = _Secrets()


def _derived(line: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt=None, info=b"arcway page cookies v2").derive(line.encode())
