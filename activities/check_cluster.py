"""check_cluster: what the cluster must be before anything is changed in it."""

from activities.step import Call, Json
from activities.targets import access_to, credentials_of, skip_range
from arcway.cluster import preflight
from arcway.cluster.api import cluster_api
from arcway.domain.errors import ArcError
from arcway.domain.findings import finding
from arcway.settings import settings


def check_cluster(call: Call) -> Json:
    """Findings and facts of the cluster; changes nothing, so it does not take the Lease either."""
    request = call.request
    proxy, access = request.proxy, access_to(call)
    with cluster_api(access) as api:
        findings, facts = preflight.inspect(
            api, access, settings().installation, proxied=proxy is not None, network=request.check_network
        )
    if proxy is not None and (skipped := skip_range(proxy, facts)):
        findings.append(finding("ARC-2016", f"Without the proxy the agents reach: {skipped}.", "info"))
    findings += _credentials(call)
    return {"findings": findings, "facts": {"cluster": facts, "releaseDeployed": facts["releaseDeployed"]}}


def _credentials(call: Call) -> list[Json]:
    """What is wrong with the proxy's credentials, before anything that needs them is begun."""
    try:
        if call.request.proxy:
            credentials_of(call.request.proxy, call.user)
    except ArcError as error:
        if error.retryable:
            raise
        return [finding(error.code, error.message)]
    return []
