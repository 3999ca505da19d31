"""delete_extension: deletes an extension in Azure; its agents then remove its release from the cluster."""

from activities.absence import believe_absent
from activities.extension_target import extension_name
from activities.step import Call
from arcway.azure.connected_clusters import operation_state
from arcway.azure.extensions import EXTENSIONS
from arcway.domain.extension_changes import state_of
from arcway.domain.extension_request import DeleteExtensionRequest
from arcway.domain.policy_request import DisablePolicyRequest, is_policy_extension
from arcway.domain.steps import Polled

_IN_PROGRESS: Polled = {"done": False, "detail": "being deleted"}


def delete_extension(call: Call[DeleteExtensionRequest] | Call[DisablePolicyRequest]) -> Polled:
    """Done when it does not exist; asks for deletion unless Azure is deleting it already. `operation` is to follow."""
    azure, request, name = call.installation.azure, call.request, extension_name(call)
    status, wait = "", None
    if operation := call.payload.get("operation"):
        status, wait, _error = operation_state(azure, operation)
        if status not in ("", "Succeeded", "Failed", "Canceled"):
            return {**_IN_PROGRESS, "retryAfter": wait}
    resource = EXTENSIONS.get(azure, request.cluster, name)
    if resource is None:
        if status != "Succeeded":
            believe_absent(call, f"extension {name}")
        return {"done": True, "detail": "deleted"}
    if isinstance(request, DisablePolicyRequest) and not is_policy_extension(resource):
        # Created by others under the name since the check.
        return {"done": True, "detail": "deleted"}
    if status == "Succeeded" or (state_of(resource) == "deleting" and not request.force):
        return _IN_PROGRESS
    url = EXTENSIONS.delete(azure, request.cluster, name, force=request.force)
    return {**_IN_PROGRESS, "operation": url}
