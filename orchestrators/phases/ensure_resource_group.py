"""ensureResourceGroup: create the resource group if it does not exist and the request allows it."""

from arcway.domain import steps

from orchestrators.run_context import RunContext, Work


def ensure_resource_group(run: RunContext) -> Work[None]:
    """A group that this run created is kept on roll-back: others may have put resources in it by then."""
    outcome = yield from run.call(steps.ENSURE_RESOURCE_GROUP, resourceGroupExists=run.facts["resourceGroupExists"])
    if outcome["created"]:
        run.mark_changed()
    run.set_detail("created" if outcome["created"] else "exists")
