"""wait_for_metadata: one look at whether the cluster has reported to Azure."""

from activities.step import Call, Json
from arcway.azure import connected_clusters
from arcway.domain.errors import ArcError

_FILLED_IN = ("kubernetesVersion", "totalNodeCount", "agentVersion")


def wait_for_metadata(call: Call) -> Json:
    """Done when the cluster is Connected and its metadata are filled in; the resource comes along then."""
    resource = connected_clusters.get(call.request.cluster)
    if resource is None:
        raise ArcError("ARC-4012", "The connected cluster was deleted while it was being connected.")
    properties = resource["properties"]
    missing = [name for name in _FILLED_IN if not properties.get(name)]
    status = properties.get("connectivityStatus")
    if status == "Connected" and not missing:
        return {"done": True, "detail": "Connected", "resource": resource}
    detail = f"connectivity is {status}" + (f", {', '.join(missing)} not reported yet" if missing else "")
    return {"done": False, "detail": detail}
