"""The one HTTPS endpoint of the simulated Azure: puts the services together, applies faults, starts the agents."""

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from arcway_local.azure.agents import Agents
from arcway_local.azure.arc_service import ArcService
from arcway_local.azure.arm import ResourceManager
from arcway_local.azure.budget import Budget
from arcway_local.azure.configuration_service import ConfigurationService
from arcway_local.azure.connected_clusters import ConnectedClusters
from arcway_local.azure.control import Control
from arcway_local.azure.data_plane import DataPlane
from arcway_local.azure.entra import Entra
from arcway_local.azure.exchange import Exchange, Fault, RequestLog, Routes, refusal, stamp
from arcway_local.azure.extension_type_routes import ExtensionTypeRoutes
from arcway_local.azure.feature_routes import FeatureRoutes
from arcway_local.azure.gate import Gate
from arcway_local.azure.key_vault import KeyVault
from arcway_local.azure.managed_routes import ManagedRoutes
from arcway_local.azure.policy_routes import PolicyRoutes
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.registry import CHART, PREVIEW, STABLE, Registry
from arcway_local.azure.saved import Saved
from arcway_local.azure.source_control_routes import SourceControlRoutes
from arcway_local.azure.subscriptions import SUBSCRIPTION
from arcway_local.azure.transitions import Paces
from arcway_local.azure.world import World
from arcway_local.certificates import CertificateAuthority
from arcway_local.own_site import refuse_other_sites

_BODY_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ready:
    """Where the simulated Azure is and how to get in."""

    endpoint: str
    ca_file: str
    subscription_id: str
    tenant_id: str
    identity_endpoint: str
    identity_header: str
    registry: str
    api_client_id: str
    api_client_secret: str
    command_line_client_id: str
    command_line_client_secret: str

    def as_json(self) -> dict[str, str]:
        """The names that the command line prints."""
        return {re.sub("_(.)", lambda match: match[1].upper(), name): value for name, value in asdict(self).items()}


class SimulatedAzure:
    """The simulated Azure. `clusters` are folders of kubeconfigs in whose clusters agents are simulated."""

    def __init__(self, state: Path, clusters: Sequence[Path], port: int = 0, paces: Paces | None = None) -> None:
        self._authority = CertificateAuthority.open(state)
        self._clusters = clusters
        self._port = port
        self._saved = Saved(state)
        self.world = World(paces or Paces(), self._saved.touch)
        self._entra = Entra(self.world.tenant, self._saved.touch)
        gate = Gate(self.world, self._entra)
        clusters_api = ConnectedClusters(self.world, self._entra, gate)
        self._data_plane = DataPlane(self.world, self._entra, {})
        self._log = RequestLog()
        self._budget = Budget()
        self._control = Control(self.world, self._entra, gate, clusters_api, self._data_plane, self._log, self._budget)
        self._arc = ArcService(self.world, self._authority)
        self._routes = Routes()
        resource_manager = ResourceManager(self.world, self._entra, gate)
        services: tuple[Any, ...] = (
            self._control,
            resource_manager,
            clusters_api,
            ManagedRoutes(self.world, self.world.extensions, self._entra, gate),
            ManagedRoutes(self.world, self.world.flux, self._entra, gate),
            SourceControlRoutes(self.world, self._entra, gate),
            ExtensionTypeRoutes(gate),
            PolicyRoutes(self.world, self._entra, gate),
            FeatureRoutes(self.world, gate),
            KeyVault(self.world, self._entra),
            self._data_plane,
            self._arc,
            ConfigurationService(self.world, self._arc),
            Registry(),
            self._entra,
        )
        for service in services:
            service.routes(self._routes)
        resource_manager.last_routes(self._routes)
        self._restore()
        self._runner: web.AppRunner | None = None
        self._agents: asyncio.Task[None] | None = None

    async def start(self) -> Ready:
        """Listen on loopback. Raises OSError when the port is taken."""
        app = web.Application(client_max_size=_BODY_LIMIT, middlewares=[refuse_other_sites("/control")])
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._authority.server_context())
        await site.start()
        host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self._entra.endpoint = f"https://{host}"
        for train, version in (("stable", STABLE), ("preview", PREVIEW)):
            self._data_plane.charts[train] = f"{host}/azurearck8s/charts/{train}/{CHART}:{version}"
        if self._clusters:
            tls = ssl.create_default_context(cafile=str(self._authority.certificate_file))
            agents = Agents(self._clusters, self._entra.endpoint, tls, self.world.paces)
            self._agents = asyncio.create_task(agents.run(), name="simulated agents")
        return Ready(
            endpoint=self._entra.endpoint,
            ca_file=str(self._authority.certificate_file),
            subscription_id=SUBSCRIPTION,
            tenant_id=self.world.tenant,
            identity_endpoint=f"{self._entra.endpoint}/msi/token",
            identity_header=self._entra.identity_header,
            registry=host,
            **self._entra.registration(),
        )

    async def stop(self) -> None:
        """Stop the agents and close the endpoint."""
        if self._agents:
            self._agents.cancel()
            await asyncio.gather(self._agents, return_exceptions=True)
        self.world.signal.release_waiting()
        if self._runner:
            await self._runner.cleanup()
        self._saved.close()

    def _restore(self) -> None:
        for kind, key, form in self._saved.read():
            if kind == "entra":
                self._entra.restore(form)
            elif kind == "identity":
                self._arc.restore(key, form)
            else:
                self.world.restore(kind, key, form)

    def _form_of(self, kind: str, key: str) -> Any:
        if kind == "entra":
            return self._entra.form()
        return self._arc.form_of(key) if kind == "identity" else self.world.form_of(kind, key)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = re.sub(r"/+", "/", request.path)
        path = path.rstrip("/") or "/"
        limits, refused = self._budget.spend(request.method, path)
        fault = None if path.startswith("/control") or refused else self._control.take_fault(request.method, path)
        if refused:
            response: web.StreamResponse = refusal(refused)
        elif fault and not fault.after:
            response = await self._go_wrong(request, fault)
        else:
            response = await self._dispatch(request, path)
            if fault:
                response = await self._go_wrong(request, fault)
        self._saved.flush(self._form_of)
        stamp(request, response, limits)
        if not path.startswith("/control"):
            self._log.add(request, path, response.status)
        return response

    async def _dispatch(self, request: web.Request, path: str) -> web.StreamResponse:
        route = self._routes.find(request.method, path)
        if route is None:
            return refusal(Refusal(404, "NotFound", f"No simulated service answers {request.method} {path}."))
        handler, parts = route
        is_form = request.content_type == "application/x-www-form-urlencoded"
        body = b"" if is_form else await request.read()
        try:
            return await handler(Exchange(request, path, {k: v for k, v in parts.items() if v is not None}, body))
        except Refusal as error:
            return refusal(error)

    async def _go_wrong(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        await asyncio.sleep(fault.delay)
        if fault.drop and request.transport:
            request.transport.abort()
        return fault.answer()
