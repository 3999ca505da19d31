"""ensureResourceGroup: create the resource group if it does not exist and the request allows it."""

from orchestrators.run_context import RunContext, Work


def ensure_resource_group(run: RunContext) -> Work[None]:
    """A group that this run created is kept on roll-back: others may have put resources in it by then."""
    seen = yield from run.call("ensure_resource_group", resourceGroupExists=run.facts["resourceGroupExists"])
    if seen["created"]:
        run.mark_changed()
    run.set_detail("created" if seen["created"] else "exists")
