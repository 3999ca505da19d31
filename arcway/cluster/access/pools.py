"""Connection pools for one API server: they dial the checked addresses, verify its name and follow no redirect.

The name goes into TLS and the Host header as the kubeconfig has it; only the addresses come from the endpoint.
"""

import socket
import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from arcway.cluster.access.endpoint import Endpoint
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.access.tls import context_for
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError


def pool_manager(access: Access, endpoint: Endpoint) -> urllib3.PoolManager:
    """Return connection pools for the server of `access` at its endpoint.

    Requests raise `ArcError` ARC-3009 where the server redirects. Raises `ArcError` ARC-2002 when the certificates of
    `access` are not usable.
    """
    options: dict[str, Any] = {"ssl_context": context_for(access), "retries": 0}
    if access.tls_server_name:
        options["server_hostname"] = access.tls_server_name
    if endpoint.proxy is not None:
        parts = urlsplit(endpoint.proxy)
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=credentials)
        return _ProxyManager(endpoint.proxy, **options)
    manager = _NoRedirects(**options)
    manager.pool_classes_by_scheme = {"https": partial(_CheckedPool, endpoint.addresses)}  # type: ignore[dict-item]
    return manager


def server_certificate(access: Access, endpoint: Endpoint, timeout: float) -> dict[str, Any]:
    """The certificate that the server of `access` shows, once it is verified; nothing is asked of the server.

    Raises `ArcError` ARC-2002, OSError (`ssl.SSLError` among them) and urllib3's HTTPError.
    """
    pool = pool_manager(access, endpoint).connection_from_url(access.server, {"timeout": timeout})
    connection = pool._new_conn()
    try:
        if pool.proxy is None:
            connection.connect()
        else:
            pool._prepare_proxy(connection)
        return connection.sock.getpeercert() or {}  # type: ignore[attr-defined] # it has TLS by now
    finally:
        connection.close()


class _NoRedirects(urllib3.PoolManager):
    """A redirect could lead to an address that no caller may reach through Arcway, and its answer be shown."""

    def urlopen(self, method: str, url: str, redirect: bool = True, **options: Any) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        response = super().urlopen(method, url, redirect=False, **options)
        if response.status in urllib3.HTTPResponse.REDIRECT_STATUSES:
            response.close()
            path = urlsplit(url).path
            raise ArcError(
                Code.API_SERVER_REDIRECTED, f"{method} {path}: the API server redirected ({response.status})."
            )
        return response


class _ProxyManager(_NoRedirects, urllib3.ProxyManager):
    pass


class _CheckedPool(HTTPSConnectionPool):
    """A pool whose connections dial these addresses, whatever the host's name resolves to by now."""

    def __init__(self, addresses: Sequence[str], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ConnectionCls = partial(_CheckedConnection, addresses)  # type: ignore[assignment]


class _CheckedConnection(HTTPSConnection):
    def __init__(self, addresses: Sequence[str], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._addresses = addresses

    def _new_conn(self) -> socket.socket:
        """As in `urllib3.contrib.socks`, where TLS and everything else are the base class's business, too."""
        try:
            return dial(self._addresses, self.port, self.timeout or None)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out.") from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error


def dial(addresses: Sequence[str], port: int, timeout: float | None) -> socket.socket:
    """Connect to one of the addresses within `timeout` seconds, which they share. Raises OSError."""
    deadline = None if timeout is None else time.monotonic() + timeout
    failure = OSError("no address")
    for number, address in enumerate(addresses):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            if deadline is not None:
                connection.settimeout(max(0.01, deadline - time.monotonic()) / (len(addresses) - number))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Not `create_connection`, which would look the address up.
            connection.connect((address, port))
        except OSError as error:
            connection.close()
            failure = error
        else:
            connection.settimeout(timeout)
            return connection
    raise failure
