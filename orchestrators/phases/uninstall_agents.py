"""uninstallAgents: remove the agents' release, namespaces and cluster-wide objects from the cluster."""

from arcway.domain.codes import Code
from arcway.domain.leftovers import remaining_of
from arcway.domain.phases import POLL_REMOVAL
from arcway.domain.request import OffboardRequest

from orchestrators.run_context import LEASE, RunContext, Work


def uninstall_agents(run: RunContext) -> Work[None]:
    """The check saw whether there is anything; what it did not see was not there to be removed."""
    agents = run.facts["agents"]
    untouched = {"id": run.request.cluster.resource_id, "resource": "not checked"}
    run.facts["result"] = {**run.facts.get("result", untouched), "agents": "removed" if agents else "absent"}
    if not agents:
        run.set_detail("the cluster has no agents")
        return
    force = isinstance(run.request, OffboardRequest) and run.request.force
    run.add_cleanup(*LEASE)
    seen = yield from run.call("uninstall_agents", force=force)
    run.mark_changed()
    run.set_leftovers(remaining_of(seen, []))
    if not seen["done"]:
        yield from run.poll("uninstall_agents", POLL_REMOVAL, timeout_code=Code.AGENTS_NOT_REMOVED, force=force)
    run.set_detail("uninstalled")
