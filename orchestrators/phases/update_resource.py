"""updateResource: change what the update names in the connected cluster; everything else stays."""

from arcway.domain.codes import Code
from arcway.domain.phases import POLL_RESOURCE

from orchestrators.run import Run, Work


def update_resource(run: Run) -> Work[None]:
    """What was seen to differ counts as changed, whichever attempt of the step changed it."""
    changes = run.facts["resourceChanges"]
    seen = yield from run.call("update_resource")
    if seen["changed"]:
        run.wrote()
    if changes or seen["changed"]:
        run.changed()
        run.leave([f"connected cluster {run.request.name} changed: {', '.join(changes)}"])
        yield from run.poll("poll_resource", POLL_RESOURCE, late=Code.PROVISIONING_FAILED, operation=seen["operation"])
        yield from look_again(run)
    run.detail(f"changed {', '.join(changes)}" if changes else "already as requested")
    if run.request.order == "azure-only":
        run.leave([])


def look_again(run: Run) -> Work[None]:
    """The connected cluster as Azure returns it now becomes the run's result."""
    seen = yield from run.call("check_connected_cluster")
    run.facts["result"] = seen.get("facts", {}).get("resource")
