"""Deletes an extension or a Flux configuration in Azure; called again until there is none."""

from typing import Any

from activities.absence import believe_absent
from activities.step import Call
from arcway.azure.connected_clusters import operation_state
from arcway.azure.kubernetes_configuration import Collection
from arcway.domain.managed_states import state_of
from arcway.domain.steps import Polled

_IN_PROGRESS: Polled = {"done": False, "detail": "being deleted"}


def delete_resource_of(call: Call[Any], collection: Collection, name: str, item: str, *, force: bool) -> Polled:
    """Done when it does not exist; asks for deletion unless Azure is deleting it already. `operation` is to follow.

    `item` is what it is called. With `force` it is deleted in Azure only. Raises `ArcError`.
    """
    azure, cluster = call.installation.azure, call.request.cluster
    status, wait = "", None
    if operation := call.payload.get("operation"):
        status, wait, _error = operation_state(azure, operation)
        if status not in ("", "Succeeded", "Failed", "Canceled"):
            return {**_IN_PROGRESS, "retryAfter": wait}
    resource = collection.get(azure, cluster, name)
    if resource is None:
        if status != "Succeeded":
            believe_absent(call, item)
        return {"done": True, "detail": "deleted"}
    if status == "Succeeded" or (state_of(resource) == "deleting" and not force):
        return _IN_PROGRESS
    return {**_IN_PROGRESS, "operation": collection.delete(azure, cluster, name, force=force)}
