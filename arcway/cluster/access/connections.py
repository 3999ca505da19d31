"""Connections to API servers, kept open between the steps of a run, which all go to the same cluster.

Opening one costs a TLS handshake, several round trips. Who gets one has it alone; after an error it is closed, so that
no step inherits another one's trouble. They lead to the checked addresses only, and redirects are never followed.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from arcway.cluster.access.endpoint import Endpoint
from arcway.cluster.access.kubeconfig import Access, reach

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

# Load balancers commonly let a connection be idle for a minute, and no credential need stay here for long.
IDLE_SECONDS = 30.0
MOST_IDLE = 100


class _Connection:
    """The official client, whose sockets stay open."""

    def __init__(self, access: Access) -> None:
        from kubernetes import client

        from arcway.cluster.access.pools import pool_manager

        configuration = client.Configuration(host=access.server)
        # The pool below goes its own way; the client must not pick a proxy of its own.
        configuration.proxy = None
        self.access = access
        self.idle_since = 0.0
        self.client: ApiClient = client.ApiClient(configuration)
        self.client.rest_client.pool_manager = pool_manager(access, reach(access))

    def close(self) -> None:
        """Close the sockets."""
        self.client.rest_client.pool_manager.clear()


class Connections:
    """The idle connections of a process, by what they give access to: another credential is another connection."""

    def __init__(self) -> None:
        self._idle: list[_Connection] = []  # the longest idle first
        self._lock = threading.Lock()

    @contextmanager
    def to(self, access: Access) -> Iterator["ApiClient"]:
        """A client for the caller alone. Raises `ArcError` ARC-2002 when the certificates are not usable."""
        connection = self._taken(access) or _Connection(access)
        try:
            yield connection.client
        except BaseException:
            connection.close()
            raise
        connection.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(connection)
        self._close_old()

    def close(self) -> None:
        """Close all that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _taken(self, access: Access) -> _Connection | None:
        self._close_old()
        with self._lock:
            connection = next(
                (candidate for candidate in reversed(self._idle) if _key(candidate.access) == _key(access)), None
            )
            if connection:
                self._idle.remove(connection)
        return connection

    def _close_old(self) -> None:
        old = []
        with self._lock:
            limit = time.monotonic() - IDLE_SECONDS
            while self._idle and (len(self._idle) > MOST_IDLE or self._idle[0].idle_since < limit):
                old.append(self._idle.pop(0))
        for connection in old:
            connection.close()


def _key(access: Access) -> tuple[Access, frozenset[str], str | None]:
    """What two uses of one connection have in common: a name service gives addresses in varying order."""
    endpoint = access.endpoint or Endpoint()
    return replace(access, endpoint=None), frozenset(endpoint.addresses), endpoint.proxy
