"""delete_resource: deletes the connected cluster from Azure. Also undoes create_resource."""

from activities.absence import believe_absent
from activities.step import Call, Json
from arcway.azure import connected_clusters
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import is_being_deleted, serves_another, taken
from arcway.domain.errors import ArcError
from arcway.domain.request import AnyRequest, OffboardRequest

_IN_PROGRESS = {"done": False, "detail": "being deleted"}


def delete_resource(call: Call[AnyRequest]) -> Json:
    """Done when the resource does not exist; asks for deletion unless Azure is deleting it already.

    `operation` is the URL to follow: once Azure has said that it deleted the resource, its absence is believed. Raises
    `ArcError` ARC-4016 when another cluster is connected by it by now.
    """
    status = _status(call.payload.get("operation"))
    if status.get("done") is False:
        return status
    resource = connected_clusters.get(call.request.cluster)
    if resource is None:
        if not status.get("done"):
            believe_absent(call, f"connected cluster {call.request.name}")
        return {"done": True, "detail": "deleted"}
    if is_being_deleted(resource) or status.get("done"):
        return _IN_PROGRESS
    is_azure_only = isinstance(call.request, OffboardRequest) and call.request.azure_only
    if not is_azure_only and serves_another(resource, call.payload.get("publicKey")):
        raise ArcError(Code.CONNECTED_CLUSTER_TAKEN, taken(resource))
    return {**_IN_PROGRESS, "operation": connected_clusters.delete(call.request.cluster)}


def _status(operation: str | None) -> Json:
    """What Azure says of the deletion that was asked for: `done`, or nothing if it ended badly or is not known."""
    if operation is None:
        return {}
    status, wait, _error = connected_clusters.operation_state(operation)
    if status in ("", "Failed", "Canceled"):
        return {}
    return {"done": True} if status == "Succeeded" else {**_IN_PROGRESS, "retryAfter": wait}
