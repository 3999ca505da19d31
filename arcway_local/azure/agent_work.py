"""The tasks of simulated agents: one for each thing to do, repeated until it is done, replaced when it is to change."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from arcway_local.azure.arc_client import NotYet
from arcway_local.azure.kube_client import KubeClient, KubeError

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
_AGENTS = "/apis/apps/v1/namespaces/azure-arc/deployments"


class AgentWork:
    """The tasks by name. `agents` are the Deployments in azure-arc that have to be Ready for each attempt."""

    def __init__(self, cluster: KubeClient, agents: tuple[str, ...], label: str) -> None:
        self._cluster = cluster
        self._agents = agents
        self._label = label
        self._tasks: dict[str, tuple[str, asyncio.Task[None]]] = {}

    async def start(self, name: str, purpose: str, attempt: Callable[[], Awaitable[None]]) -> None:
        """Begin to attempt something, unless what was begun last under this name had the same purpose."""
        previous_purpose, previous = self._tasks.get(name, ("", None))
        if previous_purpose == purpose:
            return
        if previous:
            previous.cancel()
            await asyncio.gather(previous, return_exceptions=True)
        task = asyncio.create_task(self._repeat(name, attempt), name=f"{self._label} {name}")
        self._tasks[name] = (purpose, task)

    async def stop(self) -> None:
        """Stop all tasks and forget them."""
        tasks = [task for _, task in self._tasks.values()]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, name: str, attempt: Callable[[], Awaitable[None]]) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await require_agents(self._cluster, self._agents)
                await attempt()
                return
            except (NotYet, KubeError) as reason:
                log.debug("%s %s: %s", self._label, name, reason)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)


async def require_agents(cluster: KubeClient, names: tuple[str, ...]) -> None:
    """Raises `NotYet` unless these Deployments of the agents are Ready."""
    for name in names:
        workload = await cluster.get(f"{_AGENTS}/{name}")
        if not workload or not (workload.get("status") or {}).get("readyReplicas"):
            raise NotYet(f"{name} to be Ready")
