"""deleteResource: delete the connected cluster from Azure, and its source control configurations with it."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.leftovers import read_leftovers
from arcway.domain.phases import POLL_REMOVAL

from orchestrators.run_context import RunContext, Work


def delete_resource(run: RunContext) -> Work[None]:
    """Azure is asked again even if the check saw no resource: it may have been created since."""
    key = run.facts.get("publicKey")
    outcome = yield from run.call(steps.DELETE_RESOURCE, publicKey=key)
    existed = run.facts["resourceExists"] or not outcome["done"]
    if existed:
        run.mark_changed()
    if not outcome["done"]:
        arguments = {"publicKey": key, "operation": outcome.get("operation")}
        yield from run.poll(
            steps.DELETE_RESOURCE, POLL_REMOVAL, timeout_code=Code.CONNECTED_CLUSTER_NOT_DELETED, **arguments
        )
    run.set_leftovers(read_leftovers(run.facts["agents"]))
    run.facts["result"] = {
        "id": run.request.cluster.resource_id,
        "resource": "deleted" if existed else "absent",
        "agents": "not checked",
    }
    run.set_detail("deleted" if existed else "the resource does not exist")
