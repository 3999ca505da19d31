"""updateAgents: give the agents the settings of the update, and wait until they are Ready."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.phases import POLL_AGENTS
from arcway.domain.text import counted

from orchestrators.run_context import LEASE, RELEASE_ATTEMPTS, RunContext, Work


def update_agents(run: RunContext) -> Work[None]:
    """Agents are waited for even if nothing differs: an earlier run may have given up waiting for them."""
    changes = run.facts["agentChanges"]
    arguments = {"location": run.facts["location"], "inside": run.facts["inside"]}
    run.add_cleanup(*LEASE)
    outcome = yield from run.call(steps.UPDATE_AGENTS, attempts=RELEASE_ATTEMPTS, **arguments)
    if changes or outcome["changed"]:
        run.mark_changed()
    yield from run.poll(steps.POLL_AGENTS, POLL_AGENTS, timeout_code=Code.AGENTS_NOT_READY, identityIssued=True)
    run.set_leftovers([])
    run.set_detail(f"changed {counted(len(changes), 'setting')}" if changes else "agent settings are up to date")
