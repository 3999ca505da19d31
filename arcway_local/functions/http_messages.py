"""Translates between aiohttp's requests and responses and those of the worker library, with the real host's habits.

Cookies are percent-encoded and carry an empty Domain and Path when none is set (python-worker #1794, #1902); repeated
query parameters and headers are joined by commas. It knows no routes and no functions.
"""

from collections.abc import Iterable, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from aiohttp import web
from multidict import CIMultiDict, MultiMapping

from arcway_local.functions import protos

_SAME_SITE = {
    protos.RpcHttpCookie.SameSite.Lax: "lax",
    protos.RpcHttpCookie.SameSite.Strict: "strict",
    protos.RpcHttpCookie.SameSite.ExplicitNone: "none",
}


def to_rpc(request: web.Request, body: bytes, values: Mapping[str, str]) -> protos.TypedData:
    """The trigger data of an HTTP function; `values` are the route values."""
    return protos.TypedData(
        http=protos.RpcHttp(
            method=request.method,
            url=str(request.url),
            headers=_joined(request.headers),
            query=_joined(request.query),
            params=dict(values),
            body=protos.TypedData(bytes=body),
        )
    )


def to_response(value: protos.TypedData | None) -> web.Response:
    """The response for what an HTTP function returned: an HttpResponse, text, or nothing (204)."""
    if value is None:
        return web.Response(status=204)
    if (body := value.text()) is not None:
        return web.Response(text=body)
    rpc = getattr(value, "http", None)
    if rpc is None:
        return web.Response(body=getattr(value, "bytes", b""))
    headers: CIMultiDict[str] = CIMultiDict(rpc.headers)
    for cookie in rpc.cookies or ():
        headers.add("Set-Cookie", _set_cookie(cookie))
    return web.Response(status=int(rpc.status_code), headers=headers, body=_body(rpc.body))


def _joined(values: MultiMapping[str]) -> dict[str, str]:
    names: Iterable[str] = dict.fromkeys(values)
    return {name: ",".join(values.getall(name)) for name in names}


def _body(body: protos.TypedData | None) -> bytes:
    if body is None:
        return b""
    content = body.text()
    return content.encode() if content is not None else bytes(getattr(body, "bytes", b""))


def _set_cookie(cookie: Any) -> str:
    parts = [f"{cookie.name}={quote(cookie.value, safe='-_.~')}"]
    if cookie.expires is not None:
        parts.append(f"expires={formatdate(cookie.expires.value.seconds, usegmt=True)}")
    if cookie.max_age is not None:
        parts.append(f"max-age={int(cookie.max_age.value)}")
    if cookie.domain is not None:
        parts.append(f"domain={cookie.domain.value}")
    if cookie.path is not None:
        parts.append(f"path={cookie.path.value}")
    if cookie.secure is not None and cookie.secure.value:
        parts.append("secure")
    if cookie.same_site in _SAME_SITE:
        parts.append(f"samesite={_SAME_SITE[cookie.same_site]}")
    if cookie.http_only is not None and cookie.http_only.value:
        parts.append("httponly")
    return "; ".join(parts)
