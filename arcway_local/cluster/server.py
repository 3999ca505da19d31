"""The process side of the simulated clusters: one HTTPS listener, the clusters behind it, their kubeconfig files.

Knows sockets, files and the list of clusters.
"""

import asyncio
import base64
import json
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml
from aiohttp import web

from arcway.private_file import write_private
from arcway_local.certificates import CertificateAuthority
from arcway_local.cluster import api
from arcway_local.cluster.control import control_routes
from arcway_local.cluster.errors import ApiError, no_such_path
from arcway_local.cluster.faults import Fault, Faults
from arcway_local.cluster.model import Cluster
from arcway_local.cluster.responses import respond
from arcway_local.json_documents import Json
from arcway_local.orders import Orders
from arcway_local.own_site import refuse_other_sites

_NAME = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
_OWN_FILE = re.compile(r"^cluster-\d{3,}\.yaml$")
_BODY_LIMIT = 4 * 1024 * 1024
_REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 429: "TooManyRequests"}
_REASONS |= {500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


@dataclass(slots=True)
class _Entry:
    name: str
    path: Path
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    cluster: Cluster | None = None
    faults: Faults = field(default_factory=Orders)
    requests: dict[int, web.Request] = field(default_factory=dict)


class SimulatedClusters:
    """Simulated clusters on one loopback port, as an async context manager or by `start` and `stop`.

    The directory receives `cluster-001.yaml`… (admin kubeconfigs, 0600, removed by `stop`) and, unless an authority
    is given, the folder `ca`. Port 0 takes a free one. `start` raises OSError when the port is in use.
    """

    def __init__(
        self, directory: Path, count: int, port: int = 0, *, authority: CertificateAuthority | None = None
    ) -> None:
        self._directory = directory
        self._count = count
        self._port = port
        self._authority = authority
        self._entries: dict[str, _Entry] = {}
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def endpoint(self) -> str:
        """The base URL; clusters are below /clusters/NAME."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def control(self) -> str:
        """The control API's URL."""
        return f"{self.endpoint}/control"

    @property
    def authority(self) -> CertificateAuthority:
        """Who signed the server's certificate, and whose client certificates are accepted."""
        if self._authority is None:
            self._authority = CertificateAuthority.open(self._directory / "ca")
        return self._authority

    def names(self) -> list[str]:
        """Names of the clusters."""
        return list(self._entries)

    def describe(self) -> Json:
        """What is announced when ready: endpoint, caFile, kubeconfigs, control."""
        files = [str(entry.path) for entry in self._entries.values()]
        ca = str(self.authority.certificate_file)
        return {"endpoint": self.endpoint, "caFile": ca, "kubeconfigs": files, "control": self.control}

    async def start(self) -> None:
        """Listen and write the kubeconfigs; when it returns, the clusters answer."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in self._directory.iterdir():
            if _OWN_FILE.match(leftover.name):
                leftover.unlink()
        app = web.Application(client_max_size=_BODY_LIMIT, middlewares=[refuse_other_sites("/control")])
        app.add_routes(control_routes(self))
        app.router.add_route("*", "/clusters/{name}{path:(/.*)?}", self._handle)
        # handler_cancellation ends watches when their client goes away.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        context = self.authority.server_context(client_certificates=True)
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=context, backlog=512)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        for _ in range(self._count):
            self.add(None)

    async def stop(self) -> None:
        """End all connections, stop the clusters, remove the kubeconfigs."""
        for name in self.names():
            self.remove(name)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def add(self, name: str | None) -> str:
        """Add a cluster and return its name. Raises ValueError for a name that is taken or not usable."""
        if name is None:
            number = 1
            while f"cluster-{number:03d}" in self._entries:
                number += 1
            name = f"cluster-{number:03d}"
        if not _NAME.match(name) or name in self._entries:
            raise ValueError(f"the name {name!r} is taken or not a DNS label")
        entry = _Entry(name, self._directory / f"{name}.yaml")
        self._entries[name] = entry
        write_private(entry.path, yaml.safe_dump(self.kubeconfig(name, "admin", entry.token), sort_keys=False).encode())
        return name

    def remove(self, name: str) -> None:
        """Remove a cluster and its kubeconfig, and abort its connections. Raises KeyError."""
        self.drop_connections(name)
        entry = self._entries.pop(name)
        if entry.cluster is not None:
            entry.cluster.stop()
        entry.path.unlink(missing_ok=True)

    def cluster(self, name: str) -> Cluster:
        """The cluster's state. Raises KeyError."""
        entry = self._entries[name]
        if entry.cluster is None:
            # A cluster costs nothing before its first request.
            entry.cluster = Cluster(name, entry.token)
        return entry.cluster

    def faults(self, name: str) -> Faults:
        """The cluster's faults. Raises KeyError."""
        return self._entries[name].faults

    def kubeconfig_path(self, name: str) -> str:
        """Where the cluster's admin kubeconfig is. Raises KeyError."""
        return str(self._entries[name].path)

    def kubeconfig(self, name: str, user: str, token: str) -> Json:
        """A kubeconfig with embedded authority and token."""
        ca = base64.b64encode(self.authority.certificate_pem).decode()
        server = {"server": f"{self.endpoint}/clusters/{name}", "certificate-authority-data": ca}
        context = {"cluster": name, "user": user}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": server}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": name, "context": context}],
            "current-context": name,
        }

    def drop_connections(self, name: str) -> int:
        """Abort the connections with a request in flight to a cluster; returns their number. Raises KeyError."""
        transports = {
            request.transport for request in self._entries[name].requests.values() if request.transport is not None
        }
        for transport in transports:
            transport.abort()
        return len(transports)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        entry = self._entries.get(request.match_info["name"])
        if entry is None:
            return respond(no_such_path().status(), 404)
        path = request.match_info["path"] or "/"
        entry.requests[id(request)] = request
        try:
            fault = entry.faults.take(request.method, path)
            if fault is not None:
                refused = await _suffer(fault, request)
                if refused is not None:
                    return refused
            return await api.handle(self.cluster(entry.name), request, path)
        finally:
            del entry.requests[id(request)]


async def _suffer(fault: Fault, request: web.Request) -> web.Response | None:
    """Do what the fault says; None lets the request continue."""
    if fault.kind == "silent":
        # Ends when the client goes away or the server stops: both cancel the handler.
        await asyncio.get_running_loop().create_future()
    if fault.kind == "delay":
        await asyncio.sleep(fault.seconds)
        return None
    if fault.kind == "disconnect":
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)
    details = {} if fault.retry_after_seconds is None else {"retryAfterSeconds": fault.retry_after_seconds}
    error = ApiError(fault.status, _REASONS.get(fault.status, "Unknown"), "a fault that was ordered", details)
    response = respond(error.status(), fault.status)
    if details:
        response.headers["Retry-After"] = json.dumps(fault.retry_after_seconds)
    return response
