"""check_cluster: what the cluster must be before anything is changed in it."""

from activities.step import Call, Json
from activities.targets import access_to
from arcway.cluster import preflight
from arcway.cluster.api import cluster_api
from arcway.settings import settings


def check_cluster(call: Call) -> Json:
    """Findings and facts of the cluster; changes nothing, so it does not take the Lease either."""
    with cluster_api(access_to(call.request)) as api:
        findings, facts = preflight.inspect(api, settings().installation)
    return {"findings": findings, "facts": {"cluster": facts, "releaseDeployed": facts["releaseDeployed"]}}
