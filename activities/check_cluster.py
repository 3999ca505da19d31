"""check_cluster: checks what the cluster must fulfil before anything is changed in it."""

from activities.cluster_session import read_only_cluster
from activities.release_values import bypass_list, named_values, read_proxy_credentials
from activities.step import Call
from arcway.cluster.agents import change
from arcway.cluster.agents.release import Target
from arcway.cluster.agents.values import changed_keys
from arcway.cluster.checks import preflight
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.steps import Checked, Facts


def check_cluster(call: Call) -> Checked:
    """Findings and facts of the cluster; changes nothing, so it does not take the Lease either."""
    request = call.request
    proxy = request.proxy
    with read_only_cluster(call) as target:
        findings, facts = preflight.inspect(
            target.api,
            target.access,
            call.installation.settings.installation_name,
            proxied=proxy is not None,
            network=request.check_network,
        )
        findings += _credentials(call)
        # Only for a check and for who compares with one: reading a release takes Helm.
        is_planned = (request.operation == "check" or "planned" in call.payload) and facts["releaseDeployed"]
        has_errors = any(finding["level"] == "error" for finding in findings)
        changes = _changes(call, target, facts) if is_planned and not has_errors else []
    if proxy is not None and (addresses := bypass_list(call.installation.azure, proxy, facts)):
        findings.append(
            finding(Code.PROXY_BYPASS, f"The agents connect directly (without the proxy) to: {addresses}.", "info")
        )
    learned: Facts = {"cluster": facts, "releaseDeployed": facts["releaseDeployed"], "agentChanges": changes}
    return {"findings": findings, "facts": learned}


def _changes(call: Call, target: Target, facts: Json) -> list[str]:
    """What the request names that agents which are there do not have; the names alone, values may be secret."""
    deployed, version = change.deployed(target), call.request.agents.version
    current = deployed.latest.values
    changes = changed_keys(current, named_values(call, current, facts))
    return changes + (["chart version"] if version not in (None, deployed.version) else [])


def _credentials(call: Call) -> list[Json]:
    """What is wrong with the proxy's credentials, before anything that needs them is begun."""
    try:
        if call.request.proxy:
            read_proxy_credentials(call.installation.secrets, call.request.proxy, call.user)
    except ArcError as error:
        if error.retryable:
            raise
        return [finding(error.code, error.message)]
    return []
