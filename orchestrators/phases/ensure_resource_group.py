"""ensureResourceGroup: create the resource group if it does not exist and the request allows it."""

from orchestrators.run import Run, Work


def ensure_resource_group(run: Run) -> Work[None]:
    """A group that this run created is kept on roll-back: others may have put resources in it by then."""
    seen = yield from run.call("ensure_resource_group", resourceGroupExists=run.facts["resourceGroupExists"])
    if seen["created"]:
        run.changed()
    run.detail("created" if seen["created"] else "exists")
