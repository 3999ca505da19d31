"""configureAgents: give the release the data plane's settings for the connected cluster, if any differs."""

from arcway.domain.text import counted

from orchestrators.run import RELEASE_ATTEMPTS, Run, Work


def configure_agents(run: Run) -> Work[None]:
    """Waiting for the agents that an upgrade restarts is the next phase's."""
    given = {name: run.facts[name] for name in ("tenantId", "publicKey")} | {"facts": run.facts["cluster"]}
    seen = yield from run.call("configure_agents", attempts=RELEASE_ATTEMPTS, **given)
    if seen["changed"]:
        run.changed()
    run.detail(
        f"changed {counted(seen['differing'], 'setting')}" if seen["changed"] else "agent settings are up to date"
    )
