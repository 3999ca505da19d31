"""updateResource: change what the update names in the connected cluster; everything else stays."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_RESOURCE
from arcway.domain.request import UpdateRequest

from orchestrators.phases.link_gateway import link_gateway
from orchestrators.run_context import RunContext, Work


def update_resource(run: RunContext) -> Work[None]:
    """What was seen to differ counts as changed, whichever attempt of the step changed it."""
    changes = run.facts["resourceChanges"]
    outcome = yield from run.call(steps.UPDATE_RESOURCE)
    if outcome["changed"]:
        run.mark_written()
    if changes or outcome["changed"]:
        run.mark_changed()
        run.set_leftovers([leftover("ConnectedCluster", run.request.name, reason="Changed")])
        yield from run.poll(
            steps.POLL_RESOURCE, POLL_RESOURCE, timeout_code=Code.PROVISIONING_FAILED, operation=outcome["operation"]
        )
    is_linked_now = yield from link_gateway(run)
    if changes or outcome["changed"] or is_linked_now:
        yield from _read_resource(run)
    run.set_detail(f"changed {', '.join(changes)}" if changes else "already as requested")
    if isinstance(run.request, UpdateRequest) and run.request.scope == "azure-only":
        run.set_leftovers([])


def _read_resource(run: RunContext) -> Work[None]:
    """The connected cluster as Azure returns it now becomes the run's result."""
    outcome = yield from run.call(steps.CHECK_CONNECTED_CLUSTER)
    run.facts["result"] = outcome.get("facts", {}).get("resource")
