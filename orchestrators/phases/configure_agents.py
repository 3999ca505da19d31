"""configureAgents: the settings that the data plane has for the real resource, given to Helm if any differs."""

from orchestrators.run_context import RELEASE_ATTEMPTS, RunContext, Work


def configure_agents(run: RunContext) -> Work[None]:
    """Waiting for the agents that an upgrade restarts is the next phase's."""
    given = {name: run.facts[name] for name in ("tenantId", "publicKey")} | {"facts": run.facts["cluster"]}
    seen = yield from run.call("configure_agents", attempts=RELEASE_ATTEMPTS, **given)
    if seen["changed"]:
        run.mark_changed()
    run.set_detail(
        f"{seen['differing']} settings changed" if seen["changed"] else "settings are as the data plane wants them"
    )
