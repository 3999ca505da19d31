"""wait_for_metadata: reads once whether the cluster has reported to Azure."""

from activities.absence import believe_absent
from activities.shared_reads import listed, looks_until_done, own_read
from activities.step import Call
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import has_key
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.request import OnboardRequest, UpgradeRequest
from arcway.domain.steps import MetadataPolled

_FILLED_IN = ("kubernetesVersion", "totalNodeCount", "agentVersion")


@looks_until_done
def wait_for_metadata(call: Call[OnboardRequest | UpgradeRequest]) -> MetadataPolled:
    """Done when the cluster is Connected and its metadata are filled in; the resource comes along then.

    With an `agentVersion` they must be those of these agents.
    """
    item = listed(call)
    if item is not None and not item.is_current:
        return {"done": False, "detail": "connectivity is not known yet", "retryAfter": item.next_in}
    if item is not None and item.resource is not None:
        polled = _polled(call, item.resource)
        if not polled["done"]:
            return {**polled, "retryAfter": item.next_in}
    resource = own_read(call, item)
    if resource is None:
        believe_absent(call, f"connected cluster {call.request.name}")
        raise ArcError(
            Code.CONNECTED_CLUSTER_NOT_FOUND, "The connected cluster was deleted while it was being connected."
        )
    return _polled(call, resource)


def _polled(call: Call[OnboardRequest | UpgradeRequest], resource: Json) -> MetadataPolled:
    properties, version = resource["properties"], call.payload.get("agentVersion")
    missing = [name for name in _FILLED_IN if not properties.get(name)]
    if version and properties.get("agentVersion") not in (version, None):
        missing.append(f"agentVersion {version}")
    status = properties.get("connectivityStatus")
    # Another cluster's heartbeat says nothing of this one; Azure may also still answer with what was there before.
    if (key := call.payload.get("publicKey")) and not has_key(resource, key):
        return {"done": False, "detail": f"connectivity is {status}, but for a cluster with another key"}
    if status == "Connected" and not missing:
        return {"done": True, "detail": "Connected", "resource": resource}
    detail = f"connectivity is {status}" + (f", {', '.join(missing)} not reported yet" if missing else "")
    return {"done": False, "detail": detail}
