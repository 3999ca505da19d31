"""createResource: the connected cluster in Azure with the public key of the cluster's Secret."""

from arcway.domain.phases import POLL_RESOURCE

from orchestrators.phases.deploy_agents import ensure_key_pair
from orchestrators.run import Run, Work


def create_resource(run: Run) -> Work[None]:
    """PUT only if something differs, then follow provisioning to its end."""
    yield from ensure_key_pair(run)
    seen = yield from run.call("create_resource", facts=run.facts["cluster"], publicKey=run.facts["publicKey"])
    if seen["created"]:
        run.created(f"connected cluster {run.request.name}", "delete_resource", publicKey=run.facts["publicKey"])
    elif seen["changed"]:
        run.changed()
    if seen["operation"] or not seen["done"]:
        yield from run.poll("poll_resource", POLL_RESOURCE, late="ARC-4010", operation=seen["operation"])
    run.detail("provisioned" if seen["changed"] else "exists as asked")
