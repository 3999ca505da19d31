"""The one orchestrator: runs the phases of an operation in order and closes the run in every case.

Operations differ by their tuple of phases (`arcway.domain.phases`), not by code.
"""

from typing import Any

import azure.durable_functions as df
from arcway.domain.phases import phases_of
from arcway.domain.request import OnboardRequest, UpgradeRequest
from durabletask.task import OrchestrationContext

from orchestrators.failures import Cancelled, StepFailed
from orchestrators.phases import PHASES
from orchestrators.publishing import PUBLISH, publish_result
from orchestrators.run import Json, Run, Work

blueprint = df.Blueprint()


class RunFailed(Exception):
    """Raised last, so that Durable's own state of a failed run is Failed too."""


@blueprint.orchestration_trigger(context_name="context")
def operation(context: OrchestrationContext, payload: Any) -> Work[Json]:
    """Run one operation on one cluster; the input is what `triggers.run_starter` puts together."""
    run = Run(context, payload)
    _hold(run)
    outcome = yield from _work(run)
    yield from run.tidy()
    if PUBLISH in _names(run):
        yield from publish_result(run, outcome)
    final = run.finish(outcome, run.facts.get("result"))
    if outcome == "Failed":
        raise RunFailed(f"{final['error']['code']}: {final['error']['message']}")
    return final


def _hold(run: Run) -> None:
    """What was made for this run alone goes last, newest first: the Lease, then the credential, then its secret."""
    kubeconfig = run.request.kubeconfig
    if kubeconfig is not None and kubeconfig.temporary:
        run.temporary(f"secret {kubeconfig.secret}", "discard_secret")
        run.temporary(f"ServiceAccount and binding {kubeconfig.secret}", "discard_credential")


def _names(run: Run) -> tuple[str, ...]:
    return phases_of(run.request.operation, run.request.order)


def _work(run: Run) -> Work[str]:
    """The phases; whatever becomes of them, what has to be undone is."""
    try:
        yield from _phases(run)
    except StepFailed as failure:
        run.fail(failure.error)
    except Cancelled:
        run.end("Canceled")
        yield from _clean_up(run)
        return "Canceled"
    except Exception as error:  # noqa: BLE001 - a fault of our own must not leave behind what the run made
        run.fail_unexpectedly(error)
    else:
        return "Succeeded"
    yield from _clean_up(run)
    return "Failed"


def _phases(run: Run) -> Work[None]:
    run.announce("accepted")
    yield from run.publish()
    for name in _names(run):
        if name == PUBLISH:
            continue
        run.begin(name)
        yield from PHASES[name](run)
        run.end()
        run.announce("phaseChanged")
        yield from run.publish()


def _clean_up(run: Run) -> Work[None]:
    asked = isinstance(run.request, OnboardRequest) and run.request.on_failure == "rollback"
    if asked or isinstance(run.request, UpgradeRequest):
        yield from run.undo()
    else:
        run.keep()
