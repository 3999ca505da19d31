"""check_cluster: what the cluster must be before anything is changed in it."""

from activities.step import Call, Json
from activities.targets import api_of
from arcway.cluster import preflight


def check_cluster(call: Call) -> Json:
    """Findings and facts of the cluster; changes nothing."""
    with api_of(call.request) as api:
        findings, facts = preflight.inspect(api, call.request.cluster)
    return {"findings": findings, "facts": {"cluster": facts, "releaseDeployed": facts["releaseDeployed"]}}
