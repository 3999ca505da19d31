"""check_cluster: checks what the cluster must fulfil before anything is changed in it."""

from activities.cluster_session import read_only_cluster
from activities.release_values import bypass_list, data_plane_values, named_values, read_proxy_credentials
from activities.shared_reads import resource_of
from activities.step import Call
from arcway.azure import connected_clusters
from arcway.azure.requested_changes import onboard_change
from arcway.cluster.agents import change
from arcway.cluster.agents.change import Deployed
from arcway.cluster.agents.release import Target
from arcway.cluster.agents.values import Values, changed_keys, deep_merge
from arcway.cluster.checks import preflight
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.feature_findings import agent_findings
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
            custom_locations=request.features is not None and request.features.uses_custom_locations,
        )
        findings += _credentials(call)
        has_errors = any(finding["level"] == "error" for finding in findings)
        deployed = _release(call, target) if facts["releaseDeployed"] and not has_errors else None
        current = deployed.latest.values if deployed else {}
        findings += agent_findings(request.features, current, facts["architectures"])
        changes = _changes(call, deployed, facts) if deployed and _is_planned(call) else []
    if proxy is not None and (addresses := bypass_list(call.installation.azure, proxy, facts)):
        findings.append(
            finding(Code.PROXY_BYPASS, f"The agents connect directly (without the proxy) to: {addresses}.", "info")
        )
    learned: Facts = {"cluster": facts, "releaseDeployed": facts["releaseDeployed"], "agentChanges": changes}
    return {"findings": findings, "facts": learned}


def _is_planned(call: Call) -> bool:
    """Whether the changes are shown, or compared with those that were."""
    return call.request.operation == "check" or "planned" in call.payload


def _release(call: Call, target: Target) -> Deployed | None:
    """The release, for those alone who compare something with it: reading it takes Helm."""
    return change.deployed(target) if _is_planned(call) or call.request.features else None


def _changes(call: Call, deployed: Deployed, facts: Json) -> list[str]:
    """What the request names that agents which are there do not have; the names alone, values may be secret."""
    version, current = call.request.agents.version, deployed.latest.values
    values = deep_merge(named_values(call, current, facts), _of_data_plane(call, deployed, facts))
    changes = changed_keys(current, values)
    return changes + (["chart version"] if version not in (None, deployed.version) else [])


def _of_data_plane(call: Call, deployed: Deployed, facts: Json) -> Values:
    """What the data plane will give the agents for the features, once the connected cluster has them."""
    request = call.request
    resource = resource_of(call, may_be_new=True) if request.features else None
    if resource is not None:
        resource = connected_clusters.desired(resource, onboard_change(request, resource, facts["publicKey"], facts))
    train = request.agents.train or deployed.train
    return data_plane_values(call.installation.azure, request.features, resource, request.location, train)


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
