"""The health of what a function app depends on."""

import asyncio
import time
from dataclasses import dataclass

import azure.durable_functions as df

from arcway import queries
from arcway.domain.errors import ArcError
from arcway.installation import Installation
from arcway.runs.reader import get_instance

FRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """What was wrong with each part at a time, None for nothing."""

    at: float
    engine: str | None
    resource_manager: str | None


class Dependencies:
    """The engine and Resource Manager, checked at most every few seconds, however many callers ask."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._latest: DependencyHealth | None = None
        self._lock = asyncio.Lock()

    async def look(self, client: df.DurableFunctionsClient) -> DependencyHealth:
        """The health of the dependencies now, or a moment ago."""
        async with self._lock:
            if self._latest is None or time.monotonic() - self._latest.at >= FRESH_SECONDS:
                engine, resource_manager = await asyncio.gather(_engine(client), self._resource_manager())
                self._latest = DependencyHealth(time.monotonic(), engine, resource_manager)
            return self._latest

    async def _resource_manager(self) -> str | None:
        try:
            await asyncio.to_thread(queries.resource_manager_answers, self._installation)
        except ArcError as error:
            return str(error)
        return None


async def _engine(client: df.DurableFunctionsClient) -> str | None:
    try:
        await get_instance(client, "health")
    except ArcError as error:
        return str(error)
    return None
