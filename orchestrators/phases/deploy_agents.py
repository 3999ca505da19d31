"""deployAgents: create the key pair in the cluster, install the release without waiting, then wait for the agents."""

from arcway.domain.codes import Code
from arcway.domain.phases import POLL_AGENTS

from orchestrators.run import LEASE, RELEASE_ATTEMPTS, Run, Work


def deploy_agents(run: Run) -> Work[None]:
    """Ends when everything is Ready that can be before Azure has issued the cluster's identity."""
    yield from ensure_key_pair(run)
    given = {name: run.facts[name] for name in ("tenantId", "publicKey")} | {"facts": run.facts["cluster"]}
    seen = yield from run.call("deploy_agents", attempts=RELEASE_ATTEMPTS, **given)
    if seen["created"]:
        run.created("release azure-arc", "uninstall_agents")
    elif seen["changed"]:
        run.changed()
    run.facts["chart"] = seen["chart"]
    yield from run.poll("poll_agents", POLL_AGENTS, late=Code.AGENTS_NOT_READY, identityIssued=False)


def ensure_key_pair(run: Run) -> Work[None]:
    """Learn the public key that belongs to the private key in the cluster, making the pair when there is none."""
    if "publicKey" not in run.facts:
        run.temporary(*LEASE)
        yield from run.poll("await_removal", POLL_AGENTS, late=Code.NAMESPACE_TERMINATING)
        seen = yield from run.call("ensure_key_pair")
        run.facts["publicKey"] = seen["publicKey"]
        if seen["created"]:
            run.created("key pair in namespace azure-arc", "uninstall_agents")
