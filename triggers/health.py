"""GET /api/health: the health of each dependency."""

import azure.functions as func

from arcway.domain.errors import ArcError
from arcway.self_test import SelfTest
from triggers import http
from triggers.access.callers import OPEN, READ, Caller
from triggers.endpoints import Answer, NoParameters, endpoint
from triggers.response_models import Health, SelfTestReport
from triggers.services import Invocation

_RUNNING = "running"


@endpoint(
    "GET health",
    OPEN,
    name="health",
    parameters=NoParameters,
    answers={200: Answer("All dependencies are healthy.", Health), 503: Answer("A dependency is not healthy.", Health)},
)
async def _get(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: NoParameters
) -> func.HttpResponse:
    """Health of each dependency.

    Why a part is not healthy, and the self-test of the process, are only for callers with the role Arcway.Read.
    """
    health = await invocation.services.dependencies.look(invocation.client)
    works = health.self_test is None or health.self_test.passed
    well = health.engine is None and health.resource_manager is None and works
    shows_reasons = await _may_read(req, invocation)
    parts = Health(
        engine=_shown(health.engine, shows_reasons),
        resource_manager=_shown(health.resource_manager, shows_reasons),
        broker="configured" if invocation.installation.settings.publishes else "not configured",
        self_test=_report(health.self_test) if shows_reasons else None,
    )
    return http.respond(parts.as_json(), 200 if well else 503, **{"Cache-Control": "no-store"})


def _report(test: SelfTest | None) -> SelfTestReport:
    """Every part in a word, or why it fails."""
    if test is None:
        return SelfTestReport(settings=_RUNNING, work_folder=_RUNNING, memory_files=_RUNNING, helm=_RUNNING)
    memory_files = "ok" if test.memory_files is None else f"a private folder instead: {test.memory_files}"
    return SelfTestReport(
        settings=test.settings or "ok",
        work_folder=test.work_folder or "ok",
        memory_files=memory_files,
        helm=test.helm or "ok",
    )


def _shown(reason: str | None, shows_reasons: bool) -> str:
    return "ok" if reason is None else reason if shows_reasons else "failed"


async def _may_read(req: func.HttpRequest, invocation: Invocation) -> bool:
    """Whether the caller may see more; the route is open, so a bad token is as good as none."""
    try:
        return (await invocation.services.authentication.caller_of(req)).may(READ)
    except ArcError:
        return False
