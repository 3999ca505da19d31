"""configureAgents: give the release the data plane's settings for the connected cluster, if any differs."""

from arcway.domain import steps
from arcway.domain.text import counted

from orchestrators.run_context import RELEASE_ATTEMPTS, RunContext, Work


def configure_agents(run: RunContext) -> Work[None]:
    """Waiting for the agents that an upgrade restarts is the next phase's."""
    facts = run.facts
    arguments = {"tenantId": facts["tenantId"], "publicKey": facts["publicKey"], "facts": facts["cluster"]}
    outcome = yield from run.call(steps.CONFIGURE_AGENTS, attempts=RELEASE_ATTEMPTS, **arguments)
    if outcome["changed"]:
        run.mark_changed()
    run.set_detail(
        f"changed {counted(outcome['differing'], 'setting')}" if outcome["changed"] else "agent settings are up to date"
    )
