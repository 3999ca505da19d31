"""configureAgents: give the release the data plane's settings for the connected cluster, if any differs."""

from arcway.domain.text import counted

from orchestrators.run_context import RELEASE_ATTEMPTS, RunContext, Work


def configure_agents(run: RunContext) -> Work[None]:
    """Waiting for the agents that an upgrade restarts is the next phase's."""
    given = {name: run.facts[name] for name in ("tenantId", "publicKey")} | {"facts": run.facts["cluster"]}
    seen = yield from run.call("configure_agents", attempts=RELEASE_ATTEMPTS, **given)
    if seen["changed"]:
        run.mark_changed()
    run.set_detail(
        f"changed {counted(seen['differing'], 'setting')}" if seen["changed"] else "agent settings are up to date"
    )
