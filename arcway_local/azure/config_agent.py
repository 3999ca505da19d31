"""config-agent, simulated: follows what Azure wants of its cluster, and hands it to those who do it.

It acts only while its Deployment is Ready, as the real one does.
"""

import asyncio
import logging

from arcway_local.azure.agent_work import FIRST_PAUSE, LONGEST_PAUSE, require_agents
from arcway_local.azure.arc_client import ArcClient, NotYet
from arcway_local.azure.extension_agents import ExtensionAgents
from arcway_local.azure.flux_agents import FluxAgents
from arcway_local.azure.kube_client import KubeClient, KubeError
from arcway_local.azure.transitions import Paces

log = logging.getLogger(__name__)


class ConfigAgent:
    """The config-agent of one cluster. `token` is the cluster's identity."""

    def __init__(self, cluster: KubeClient, service: ArcClient, resource_id: str, token: str, paces: Paces) -> None:
        self._cluster = cluster
        self._service = service
        self._caller = {"resourceId": resource_id, "token": token}
        self._extensions = ExtensionAgents(cluster, service, self._caller, paces)
        self._flux = FluxAgents(cluster, service, self._caller)

    async def run(self) -> None:
        """Follow what Azure wants until canceled."""
        revision, pause = 0, FIRST_PAUSE
        try:
            while True:
                try:
                    await require_agents(self._cluster, ("config-agent",))
                    answer = await self._service.ask("configurations", {**self._caller, "revision": revision})
                    await self._extensions.follow(answer["extensions"])
                    await self._flux.follow(answer["fluxConfigurations"], is_supported=answer["supportsFlux"])
                    revision, pause = answer["revision"], FIRST_PAUSE
                except (NotYet, KubeError) as reason:
                    log.debug("configurations: %s", reason)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            await self._extensions.stop()
            await self._flux.stop()
