"""GET /api/health: the health of each dependency."""

import asyncio
import time
from dataclasses import dataclass

import azure.durable_functions as df
import azure.functions as func

from arcway import queries
from arcway.domain.errors import ArcError
from arcway.settings import settings
from triggers import http
from triggers.access.authentication import caller_of
from triggers.access.callers import OPEN, READ, Caller
from triggers.endpoints import Answer, NoParameters, endpoint
from triggers.response_models import Health
from triggers.run_reader import get_instance

FRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was wrong with each part at a time, None for nothing."""

    at: float
    engine: str | None
    resource_manager: str | None


class _Watch:
    """Checks the parts at most every few seconds, however many callers ask."""

    def __init__(self) -> None:
        self._seen: _Seen | None = None
        self._lock = asyncio.Lock()

    async def look(self, client: df.DurableFunctionsClient) -> _Seen:
        """The health of the dependencies now, or a moment ago."""
        async with self._lock:
            if self._seen is None or time.monotonic() - self._seen.at >= FRESH_SECONDS:
                engine, resource_manager = await asyncio.gather(_engine(client), _resource_manager())
                self._seen = _Seen(time.monotonic(), engine, resource_manager)
            return self._seen


_watch = _Watch()


@endpoint(
    "GET health",
    OPEN,
    name="health",
    parameters=NoParameters,
    answers={200: Answer("All dependencies are healthy.", Health), 503: Answer("A dependency is not healthy.", Health)},
)
async def _get(
    req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller, parameters: NoParameters
) -> func.HttpResponse:
    """Health of each dependency.

    The reason why a part is not healthy is only for callers with the role Arcway.Read.
    """
    health = await _watch.look(client)
    well = health.engine is None and health.resource_manager is None
    shows_reasons = not well and await _may_read(req)
    parts = Health(
        engine=_shown(health.engine, shows_reasons),
        resource_manager=_shown(health.resource_manager, shows_reasons),
        broker="configured" if settings().publishes else "not configured",
    )
    return http.respond(parts.as_json(), 200 if well else 503, **{"Cache-Control": "no-store"})


def _shown(reason: str | None, shows_reasons: bool) -> str:
    return "ok" if reason is None else reason if shows_reasons else "failed"


async def _may_read(req: func.HttpRequest) -> bool:
    """Whether the caller may see more; the route is open, so a bad token is as good as none."""
    try:
        return (await caller_of(req)).may(READ)
    except ArcError:
        return False


async def _engine(client: df.DurableFunctionsClient) -> str | None:
    try:
        await get_instance(client, "health")
    except ArcError as error:
        return str(error)
    return None


async def _resource_manager() -> str | None:
    try:
        await asyncio.to_thread(queries.resource_manager_answers)
    except ArcError as error:
        return str(error)
    return None
