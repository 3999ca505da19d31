"""The one orchestrator: runs the phases of an operation in order and closes the run in every case.

Operations differ by their tuple of phases (`arcway.domain.phases`), not by code.
"""

from typing import Any

import azure.durable_functions as df
from arcway.domain import steps
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover
from arcway.domain.request import OnboardRequest, UpgradeRequest
from durabletask.task import OrchestrationContext

from orchestrators.failures import RunCanceled, StepFailed
from orchestrators.fleet_reports import ENDED, report_of
from orchestrators.phases import PHASES
from orchestrators.publishing import PUBLISH, publish_result
from orchestrators.run_context import RunContext, Work

blueprint = df.Blueprint()


class RunFailed(Exception):
    """Raised last, so that Durable's own state of a failed run is Failed too."""


# The name is in the histories of runs: it stays.
@blueprint.function_name("operation")
@blueprint.orchestration_trigger(context_name="context", orchestration="operation")
def run_operation(context: OrchestrationContext, payload: Any) -> Work[Json]:
    """Run one operation on one cluster; the input is what `arcway.runs.starter` puts together."""
    run = RunContext(context, payload)
    if not (payload.get("fleet") or {}).get("checks"):
        # The credential of a member that is only checked is for the run that follows.
        _add_credential_cleanups(run)
    outcome = yield from _run_all(run)
    yield from run.run_cleanups()
    if PUBLISH in run.phase_names:
        yield from publish_result(run, outcome)
    else:
        yield from run.publish_rest()
    final = run.finish(outcome, run.facts.get("result"))
    if fleet := payload.get("fleet"):
        context.send_event(fleet["id"].partition(".")[0], ENDED, data=report_of(fleet, final))
    if outcome == "Failed":
        raise RunFailed(f"{final['error']['code']}: {final['error']['message']}")
    return final


def _add_credential_cleanups(run: RunContext) -> None:
    """What was made for this run alone is removed last, newest first: Lease, ServiceAccount, its secret."""
    kubeconfig = run.request.kubeconfig
    if kubeconfig is not None and kubeconfig.temporary:
        run.add_cleanup(leftover("KeyVaultSecret", kubeconfig.secret), steps.DISCARD_SECRET)
        run.add_cleanup(leftover("ServiceAccount", kubeconfig.secret), steps.DISCARD_CREDENTIAL)


def _run_all(run: RunContext) -> Work[str]:
    """Run the phases, compensate if they do not succeed, and return the state of the run."""
    try:
        yield from _run_phases(run)
    except StepFailed as failure:
        run.fail(failure.error)
    except RunCanceled:
        run.end_phase("Canceled")
        yield from _compensate(run)
        return "Canceled"
    except Exception as error:  # noqa: BLE001 - a fault of our own must not leave behind what the run created
        run.fail_unexpectedly(error)
    else:
        return "Succeeded"
    yield from _compensate(run)
    return "Failed"


def _run_phases(run: RunContext) -> Work[None]:
    run.queue_event("accepted")
    yield from run.publish()
    for name in run.phase_names:
        if name == PUBLISH:
            continue
        run.begin_phase(name)
        yield from PHASES[name](run)
        run.end_phase()
        run.queue_event("phaseChanged")
        yield from run.publish()


def _compensate(run: RunContext) -> Work[None]:
    has_rollback = isinstance(run.request, OnboardRequest) and run.request.on_failure == "rollback"
    if has_rollback or isinstance(run.request, UpgradeRequest):
        yield from run.run_compensations()
    else:
        run.report_leftovers()
