"""Removes finished runs after their retention time: by a timer, and on request.

The last run of each cluster stays until then; after it, a run's history is in events and logs. Running runs are never
removed.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import azure.durable_functions as df
import azure.functions as func
import grpc
from durabletask.client import OrchestrationStatus
from pydantic import Field

from arcway import kubeconfig_upload
from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.text import counted
from arcway.telemetry import log
from triggers import http
from triggers.access.callers import OFFBOARD, Caller
from triggers.endpoints import Answer, Parameters, endpoint
from triggers.response_models import Purged
from triggers.services import Invocation, Services

_FINISHED = [OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED]
# The user who started a run must be able to see how it ended.
_KEPT = timedelta(days=1)
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def blueprint_of(services: Services) -> df.Blueprint:
    """The nightly timer."""
    blueprint = df.Blueprint()

    @blueprint.timer_trigger(arg_name="timer", schedule="0 0 3 * * *")
    @services.installation.engine.input(blueprint)
    async def purge_finished_runs(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
        """Every night: runs older than ARCWAY_RETENTION_DAYS, and kubeconfigs of the page that have expired."""
        age = timedelta(days=services.installation.settings.retention_days)
        removed = await _purge(Invocation(services, client), age)
        log.info("purged %s", counted(removed, "finished run"))
        expired = await in_thread(kubeconfig_upload.forget_expired, services.installation, datetime.now(UTC))
        log.info("deleted %s", counted(len(expired), "expired kubeconfig"))

    return blueprint


class _Older(Parameters):
    older_than: Annotated[str, Field(pattern="^[0-9]{1,5}[dhms]$")]
    """A number with unit d, h, m or s, such as 30d; at least one day."""


@endpoint(
    "POST runs/purge",
    OFFBOARD,
    name="purgeRuns",
    parameters=_Older,
    answers={200: Answer("The number of runs that were removed.", Purged)},
    codes=(Code.ENGINE_UNREACHABLE,),
)
async def _post(req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _Older) -> func.HttpResponse:
    """Remove finished runs that started before a given age."""
    number, unit = parameters.older_than[:-1], parameters.older_than[-1]
    age = timedelta(**{_UNITS[unit]: int(number)})
    if age < _KEPT:
        details = [{"field": "olderThan", "message": "must be at least 1d: runs are kept for at least one day"}]
        raise ArcError(Code.INVALID_PARAMETERS, details=details)
    removed = await _purge(invocation, age)
    return http.respond(Purged(purged=removed).as_json())


async def _purge(invocation: Invocation, age: timedelta) -> int:
    try:
        result = await invocation.client.purge_orchestrations_by(
            created_time_to=datetime.now(UTC) - age, runtime_status=_FINISHED
        )
    except grpc.RpcError as error:
        raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine does not respond.") from error
    invocation.services.runs.forget()
    return result.deleted_instance_count
