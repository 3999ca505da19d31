"""createResource: create the connected cluster in Azure with the public key of the cluster's Secret."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_REMOVAL, POLL_RESOURCE

from orchestrators.failures import StepFailed
from orchestrators.phases.deploy_agents import ensure_key_pair
from orchestrators.phases.link_gateway import link_gateway
from orchestrators.run_context import RunContext, Work


def create_resource(run: RunContext) -> Work[None]:
    """PUT only if something differs, then follow provisioning to its end."""
    yield from ensure_key_pair(run)
    written = yield from _write(run, existed=run.facts["resourceExists"])
    if written.get("beingDeleted"):
        yield from run.poll(steps.AWAIT_DELETION, POLL_REMOVAL, timeout_code=Code.CONNECTED_CLUSTER_DELETING)
        written = yield from _write(run, existed=False)
    if written.get("beingDeleted"):
        raise StepFailed(ArcError(Code.CONNECTED_CLUSTER_DELETING).as_dict())
    if written["changed"]:
        run.mark_written()
    if written["created"]:
        cluster = leftover("ConnectedCluster", run.request.name)
        run.created(cluster, steps.DELETE_RESOURCE, publicKey=run.facts["publicKey"])
    elif written["changed"]:
        run.mark_changed()
    status_url, timeout_code = written["operation"], Code.PROVISIONING_FAILED
    if status_url or not written["done"]:
        yield from run.poll(steps.POLL_RESOURCE, POLL_RESOURCE, timeout_code=timeout_code, operation=status_url)
    is_linked_now = yield from link_gateway(run)
    run.set_detail("provisioned" if written["changed"] or is_linked_now else "already exists as requested")


def _write(run: RunContext, *, existed: bool) -> Work[steps.ResourceWritten]:
    facts, public_key = run.facts["cluster"], run.facts["publicKey"]
    return (yield from run.call(steps.CREATE_RESOURCE, facts=facts, publicKey=public_key, resourceExists=existed))
