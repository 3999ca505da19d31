"""deployAgents: create the key pair in the cluster, install the release without waiting, then wait for the agents."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_AGENTS

from orchestrators.run_context import LEASE, RELEASE_ATTEMPTS, RunContext, Work

_KEY_PAIR = leftover("Secret", "azure-arc-connect-privatekey", namespace="azure-arc")


def deploy_agents(run: RunContext) -> Work[None]:
    """Ends when everything is Ready that can be before Azure has issued the cluster's identity."""
    yield from ensure_key_pair(run)
    facts = run.facts
    arguments = {"tenantId": facts["tenantId"], "publicKey": facts["publicKey"], "facts": facts["cluster"]}
    outcome = yield from run.call(steps.DEPLOY_AGENTS, attempts=RELEASE_ATTEMPTS, **arguments)
    if outcome["created"]:
        run.created(leftover("HelmRelease", "azure-arc"), steps.UNINSTALL_AGENTS)
    elif outcome["changed"]:
        run.mark_changed()
    run.facts["chart"] = outcome["chart"]
    yield from run.poll(steps.POLL_AGENTS, POLL_AGENTS, timeout_code=Code.AGENTS_NOT_READY, identityIssued=False)


def ensure_key_pair(run: RunContext) -> Work[None]:
    """Learn the public key that belongs to the private key in the cluster, making the pair when there is none."""
    if "publicKey" not in run.facts:
        run.add_cleanup(*LEASE)
        yield from run.poll(steps.AWAIT_REMOVAL, POLL_AGENTS, timeout_code=Code.NAMESPACE_TERMINATING)
        outcome = yield from run.call(steps.ENSURE_KEY_PAIR)
        run.facts["publicKey"] = outcome["publicKey"]
        if outcome["created"]:
            run.created(_KEY_PAIR, steps.UNINSTALL_AGENTS)
