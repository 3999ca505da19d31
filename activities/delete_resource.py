"""delete_resource: deletes the connected cluster from Azure. Also undoes create_resource."""

from activities.absence import believe_absent
from activities.shared_reads import listed, looks_until_done
from activities.step import Call
from arcway.azure import connected_clusters
from arcway.azure.listings import Listed
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import is_being_deleted, serves_another, taken
from arcway.domain.errors import ArcError
from arcway.domain.request import AnyRequest, OffboardRequest
from arcway.domain.steps import Polled

_IN_PROGRESS: Polled = {"done": False, "detail": "being deleted"}


@looks_until_done
def delete_resource(call: Call[AnyRequest]) -> Polled:
    """Done when the resource does not exist; asks for deletion unless Azure is deleting it already.

    `operation` is the URL to follow: once Azure has said that it deleted the resource, its absence is believed. Raises
    `ArcError` ARC-4016 when another cluster is connected by it by now.
    """
    is_azure_only = isinstance(call.request, OffboardRequest) and call.request.azure_only
    is_asked_for, is_first = bool(call.payload.get("operation")), "operation" not in call.payload
    item = listed(call) if is_asked_for or (is_first and is_azure_only) else None
    if item is not None and is_asked_for and _is_on_its_way(item):
        return {**_IN_PROGRESS, "retryAfter": item.next_in}
    deletion = _poll_deletion(call)
    if deletion is not None and not deletion["done"]:
        return deletion
    is_deleted = deletion is not None
    if is_deleted and item is not None and item.is_current and item.resource is None:
        return {"done": True, "detail": "deleted"}
    if is_first and item is not None and _is_there(item):
        # With azureOnly it is to be deleted whatever it has become since.
        return _deletion_of(call)
    resource = connected_clusters.get(call.installation.azure, call.request.cluster)
    if resource is None:
        if not is_deleted:
            believe_absent(call, f"connected cluster {call.request.name}")
        return {"done": True, "detail": "deleted"}
    if is_being_deleted(resource) or is_deleted:
        return _IN_PROGRESS
    if not is_azure_only and serves_another(resource, call.payload.get("publicKey")):
        raise ArcError(Code.CONNECTED_CLUSTER_TAKEN, taken(resource))
    return _deletion_of(call)


def _deletion_of(call: Call[AnyRequest]) -> Polled:
    return {**_IN_PROGRESS, "operation": connected_clusters.delete(call.installation.azure, call.request.cluster)}


def _is_there(item: Listed) -> bool:
    return item.is_current and item.resource is not None and not is_being_deleted(item.resource)


def _is_on_its_way(item: Listed) -> bool:
    """Whether the listing that a fleet's members share began before the deletion, or shows that Azure is at it."""
    return not item.is_current or (item.resource is not None and is_being_deleted(item.resource))


def _poll_deletion(call: Call[AnyRequest]) -> Polled | None:
    """What Azure says of the deletion that was asked for; None if it ended otherwise or is not known."""
    if (status_url := call.payload.get("operation")) is None:
        return None
    status, retry_after, _error = connected_clusters.operation_state(call.installation.azure, status_url)
    if status in ("", "Failed", "Canceled"):
        return None
    return {"done": True} if status == "Succeeded" else {**_IN_PROGRESS, "retryAfter": retry_after}
