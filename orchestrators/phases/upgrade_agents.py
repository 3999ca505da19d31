"""upgradeAgents: upgrade the agents to the requested version, and roll back if they do not become Ready."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_AGENTS
from arcway.domain.request import UpgradeRequest

from orchestrators.run_context import LEASE, RELEASE_ATTEMPTS, RunContext, Work


def upgrade_agents(run: RunContext) -> Work[None]:
    """The way back is remembered before the upgrade begins, so that one that was cut off is undone, too."""
    release, version = run.facts["release"], run.facts["wanted"]
    run.facts["upgraded"] = version != release["version"]
    if not run.facts["upgraded"]:
        run.set_detail(f"the agents already have {version}")
        return
    if isinstance(run.request, UpgradeRequest):
        run.set_time_limit(run.request.upgrade_timeout)
    before = {name: value for name, value in release.items() if name in ("revision", "version", "uid")}
    run.add_cleanup(*LEASE)
    run.add_compensation(leftover("AgentUpgrade", version), steps.ROLL_BACK_AGENTS, **before, wanted=version)
    arguments = {"location": run.facts["location"], "wanted": version}
    yield from run.call(steps.UPGRADE_AGENTS, attempts=RELEASE_ATTEMPTS, **arguments)
    run.mark_changed()
    yield from run.poll(steps.POLL_AGENTS, POLL_AGENTS, timeout_code=Code.AGENTS_NOT_READY, identityIssued=True)
    run.set_detail(f"upgraded from {release['version']} to {version}")
