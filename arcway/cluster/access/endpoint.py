"""How an API server is reached: its addresses, each allowed by the address policy, or an outbound proxy.

A name is resolved once, where it is checked; connections use the addresses found here, so that a name that
resolves to something else a moment later (DNS rebinding) leads nowhere. Behind an outbound proxy the proxy resolves
names, so that only literal addresses can be checked here.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

from arcway.cluster.access.address_policy import is_allowed
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.urls import parse_url

HTTPS_PORT = 443
# A name with more addresses than this is reached by the first ones; all of them are checked.
_MOST_ADDRESSES = 8

_HOST_NAME = re.compile(r"[0-9A-Za-z._-]{1,253}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How an API server is reached: at one of these addresses, or through a proxy that resolves its name."""

    addresses: tuple[str, ...] = ()
    proxy: str | None = field(default=None, repr=False)
    """The proxy's URL, user and password included."""


def find_endpoint(server: str, *, allow_loopback: bool) -> Endpoint:
    """Check the URL of an API server and resolve its name.

    Raises `ArcError`: ARC-2005 the URL or an address is not allowed, ARC-3001 the name cannot be resolved.
    """
    parts = _parse(server)
    host, port = parts.hostname or "", parts.port or HTTPS_PORT
    proxy = _proxy_for(server, host)
    if proxy is not None:
        _check_proxied(host, port, allow_loopback)
        return Endpoint(proxy=proxy)
    try:
        addresses = _resolve(host, port)
    except OSError as error:
        raise ArcError(
            Code.API_SERVER_UNREACHABLE, f"The API server's name {host[:100]} cannot be resolved."
        ) from error
    _check(host, addresses, allow_loopback)
    return Endpoint(addresses[:_MOST_ADDRESSES])


def host_and_port(server: str) -> tuple[str, int]:
    """The host of a checked URL as it is sent (a name in ASCII), and its port."""
    parts = urlsplit(server)
    host = parts.hostname or ""
    return host.encode("idna").decode() if not host.isascii() else host, parts.port or HTTPS_PORT


def join_host(host: str, port: int) -> str:
    """`host:port`, with an IPv6 address in brackets, as in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _parse(server: str) -> SplitResult:
    try:
        parts = parse_url(server, "https")
        host = parts.hostname or ""
        is_address = ":" in host and bool(ipaddress.IPv6Address(host))
        if not is_address and not _HOST_NAME.fullmatch(host.encode("idna").decode()):
            raise ValueError(host)
        # No zone of an IPv6 address, and neither query nor fragment, even if they are empty.
        if parts.port == 0 or any(mark in server for mark in "%?#"):
            raise ValueError(server)
    except ValueError:
        raise ArcError(
            Code.SERVER_ADDRESS_NOT_ALLOWED, "The server's address must be https://HOST[:PORT][/PATH]."
        ) from None
    return parts


def _resolve(host: str, port: int, flags: int = 0) -> tuple[str, ...]:
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return tuple(dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in addresses))


def _check(host: str, addresses: tuple[str, ...], allow_loopback: bool) -> None:
    if not all(is_allowed(address, allow_loopback=allow_loopback) for address in addresses):
        raise ArcError(
            Code.SERVER_ADDRESS_NOT_ALLOWED,
            f"The API server's name {host[:100]} resolves to an address that is not allowed.",
        )


def _check_proxied(host: str, port: int, allow_loopback: bool) -> None:
    """Check what needs no name service: addresses in all their notations, and the names of this machine."""
    name = host.lower().rstrip(".")
    if (name == "localhost" or name.endswith(".localhost")) and not allow_loopback:
        raise ArcError(
            Code.SERVER_ADDRESS_NOT_ALLOWED, f"The API server's name {host[:100]} is an address that is not allowed."
        )
    try:
        addresses = _resolve(host, port, socket.AI_NUMERICHOST)
    except OSError:
        return
    _check(host, addresses, allow_loopback)


def _proxy_for(server: str, host: str) -> str | None:
    """The proxy that the environment names for this URL (HTTPS_PROXY, NO_PROXY), None when there is none.

    This machine itself is never reached through a proxy, as with kubectl (golang.org/x/net/http/httpproxy). Raises
    `ArcError` ARC-3001 for a proxy of a kind that is not used.
    """
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or _is_this_machine(host):
        return None
    from kubernetes.client.rest import should_bypass_proxies

    # Go takes *.example.com for what is below example.com; the library knows only .example.com.
    without = ",".join(
        entry.strip().removeprefix("*") or entry.strip() for entry in (proxies.get("no") or "").split(",")
    )
    if should_bypass_proxies(server, without):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    scheme = urlsplit(proxy).scheme.lower()
    if scheme not in ("http", "https"):
        message = f"HTTPS_PROXY is a {scheme[:20]} proxy; Arcway supports http and https proxies only."
        raise ArcError(Code.API_SERVER_UNREACHABLE, message, retryable=False)
    return proxy


def _is_this_machine(host: str) -> bool:
    name = host.lower().rstrip(".")
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
