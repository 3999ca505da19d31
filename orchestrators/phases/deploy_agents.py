"""deployAgents: create the key pair in the cluster, install the release without waiting, then wait for the agents."""

from arcway.domain.codes import Code
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_AGENTS

from orchestrators.run_context import LEASE, RELEASE_ATTEMPTS, RunContext, Work

_KEY_PAIR = leftover("Secret", "azure-arc-connect-privatekey", namespace="azure-arc")


def deploy_agents(run: RunContext) -> Work[None]:
    """Ends when everything is Ready that can be before Azure has issued the cluster's identity."""
    yield from ensure_key_pair(run)
    given = {name: run.facts[name] for name in ("tenantId", "publicKey")} | {"facts": run.facts["cluster"]}
    seen = yield from run.call("deploy_agents", attempts=RELEASE_ATTEMPTS, **given)
    if seen["created"]:
        run.created(leftover("HelmRelease", "azure-arc"), "uninstall_agents")
    elif seen["changed"]:
        run.mark_changed()
    run.facts["chart"] = seen["chart"]
    yield from run.poll("poll_agents", POLL_AGENTS, timeout_code=Code.AGENTS_NOT_READY, identityIssued=False)


def ensure_key_pair(run: RunContext) -> Work[None]:
    """Learn the public key that belongs to the private key in the cluster, making the pair when there is none."""
    if "publicKey" not in run.facts:
        run.add_cleanup(*LEASE)
        yield from run.poll("await_removal", POLL_AGENTS, timeout_code=Code.NAMESPACE_TERMINATING)
        seen = yield from run.call("ensure_key_pair")
        run.facts["publicKey"] = seen["publicKey"]
        if seen["created"]:
            run.created(_KEY_PAIR, "uninstall_agents")
