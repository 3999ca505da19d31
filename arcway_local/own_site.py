"""Refuses requests of other sites' pages, in a browser on this machine, to what is open to all its processes.

A page can send requests to loopback, and can read the answers where its own name resolves to loopback (DNS rebinding).
"""

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


def refuse_other_sites(*prefixes: str) -> Middleware:
    """A middleware that answers 403 to requests of other sites, or by other names, for paths with these prefixes."""

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(prefixes) and not (_is_own_name(request) and _is_own_site(request)):
            return web.json_response({"message": "Only programs and pages of this machine can use this."}, status=403)
        return await handler(request)

    return refuse


def _is_own_name(request: web.Request) -> bool:
    """Whether the request names this machine by loopback, or by the address at which it arrived."""
    if len(request.headers.getall("Host", [])) != 1:
        return False
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
        if host == "localhost":
            return True
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    arrived_at = request.get_extra_info("sockname")
    return address.is_loopback or str(address) == str(arrived_at[0] if arrived_at else "")


def _is_own_site(request: web.Request) -> bool:
    """Whether no browser says that the request comes from another site's page."""
    origins = request.headers.getall("Origin", [])
    sites = request.headers.getall("Sec-Fetch-Site", [])
    own = f"{request.scheme}://{request.host}"
    return all(origin == own for origin in origins) and all(site in ("same-origin", "none") for site in sites)
