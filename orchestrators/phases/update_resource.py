"""updateResource: change what the update names in the connected cluster; everything else stays."""

from arcway.domain.codes import Code
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_RESOURCE

from orchestrators.run_context import RunContext, Work


def update_resource(run: RunContext) -> Work[None]:
    """What was seen to differ counts as changed, whichever attempt of the step changed it."""
    changes = run.facts["resourceChanges"]
    seen = yield from run.call("update_resource")
    if seen["changed"]:
        run.mark_written()
    if changes or seen["changed"]:
        run.mark_changed()
        run.set_leftovers([leftover("ConnectedCluster", run.request.name, reason="Changed")])
        yield from run.poll(
            "poll_resource", POLL_RESOURCE, timeout_code=Code.PROVISIONING_FAILED, operation=seen["operation"]
        )
        yield from look_again(run)
    run.set_detail(f"changed {', '.join(changes)}" if changes else "already as requested")
    if run.request.order == "azure-only":
        run.set_leftovers([])


def look_again(run: RunContext) -> Work[None]:
    """The connected cluster as Azure returns it now becomes the run's result."""
    seen = yield from run.call("check_connected_cluster")
    run.facts["result"] = seen.get("facts", {}).get("resource")
