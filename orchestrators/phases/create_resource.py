"""createResource: create the connected cluster in Azure with the public key of the cluster's Secret."""

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_REMOVAL, POLL_RESOURCE

from orchestrators.failures import StepFailed
from orchestrators.phases.deploy_agents import ensure_key_pair
from orchestrators.run_context import RunContext, Work


def create_resource(run: RunContext) -> Work[None]:
    """PUT only if something differs, then follow provisioning to its end."""
    yield from ensure_key_pair(run)
    seen = yield from _create(run, was_there=run.facts.get("resourceExists", False))
    if seen.get("beingDeleted"):
        yield from run.poll("await_deletion", POLL_REMOVAL, timeout_code=Code.CONNECTED_CLUSTER_DELETING)
        seen = yield from _create(run, was_there=False)
    if seen.get("beingDeleted"):
        raise StepFailed(ArcError(Code.CONNECTED_CLUSTER_DELETING).as_dict())
    if seen["changed"]:
        run.mark_written()
    if seen["created"]:
        cluster = leftover("ConnectedCluster", run.request.name)
        run.created(cluster, "delete_resource", publicKey=run.facts["publicKey"])
    elif seen["changed"]:
        run.mark_changed()
    if seen["operation"] or not seen["done"]:
        yield from run.poll(
            "poll_resource", POLL_RESOURCE, timeout_code=Code.PROVISIONING_FAILED, operation=seen["operation"]
        )
    run.set_detail("provisioned" if seen["changed"] else "already exists as requested")


def _create(run: RunContext, *, was_there: bool) -> Work[Json]:
    given = {"facts": run.facts["cluster"], "publicKey": run.facts["publicKey"], "resourceExists": was_there}
    return (yield from run.call("create_resource", **given))
