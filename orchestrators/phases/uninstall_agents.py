"""uninstallAgents: remove the agents' release, namespaces and cluster-wide objects from the cluster."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import remaining_of
from arcway.domain.phases import POLL_REMOVAL
from arcway.domain.request import OffboardRequest

from orchestrators.run_context import LEASE, RunContext, Work


def uninstall_agents(run: RunContext) -> Work[None]:
    """The check saw whether there is anything; what it did not see was not there to be removed."""
    agents = run.facts["agents"]
    untouched: Json = {"id": run.request.cluster.resource_id, "resource": "not checked"}
    run.facts["result"] = {**(run.facts.get("result") or untouched), "agents": "removed" if agents else "absent"}
    if not agents:
        run.set_detail("the cluster has no agents")
        return
    force = isinstance(run.request, OffboardRequest) and run.request.force
    run.add_cleanup(*LEASE)
    outcome = yield from run.call(steps.UNINSTALL_AGENTS, force=force)
    run.mark_changed()
    run.set_leftovers(remaining_of(outcome, []))
    if not outcome["done"]:
        yield from run.poll(steps.UNINSTALL_AGENTS, POLL_REMOVAL, timeout_code=Code.AGENTS_NOT_REMOVED, force=force)
    run.set_detail("uninstalled")
