"""upgradeAgents: upgrade the agents to the requested version, and roll back if they do not become Ready."""

from arcway.domain.codes import Code
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_AGENTS
from arcway.domain.request import UpgradeRequest

from orchestrators.run_context import LEASE, RELEASE_ATTEMPTS, RunContext, Work


def upgrade_agents(run: RunContext) -> Work[None]:
    """The way back is remembered before the upgrade begins, so that one that was cut off is undone, too."""
    release, wanted = run.facts["release"], run.facts["wanted"]
    run.facts["upgraded"] = wanted != release["version"]
    if not run.facts["upgraded"]:
        run.set_detail(f"the agents already have {wanted}")
        return
    if isinstance(run.request, UpgradeRequest):
        run.set_time_limit(run.request.upgrade_timeout)
    before = {name: release[name] for name in ("revision", "version", "uid") if name in release}
    run.add_cleanup(*LEASE)
    run.add_compensation(leftover("AgentUpgrade", wanted), "roll_back_agents", **before, wanted=wanted)
    given = {"location": run.facts["location"], "wanted": wanted}
    yield from run.call("upgrade_agents", attempts=RELEASE_ATTEMPTS, **given)
    run.mark_changed()
    yield from run.poll("poll_agents", POLL_AGENTS, timeout_code=Code.AGENTS_NOT_READY, identityIssued=True)
    run.set_detail(f"upgraded from {release['version']} to {wanted}")
