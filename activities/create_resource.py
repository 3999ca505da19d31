"""create_resource: creates or updates the connected cluster in Azure with the cluster's public key."""

from activities.absence import believe_absent
from activities.step import Call
from arcway.azure import connected_clusters
from arcway.azure.requested_changes import before_linking, onboard_change
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import has_key, is_being_deleted, serves_another, taken
from arcway.domain.errors import ArcError
from arcway.domain.steps import ResourceWritten

_DONE = "Succeeded"
_ENDED_BADLY = ("Failed", "Canceled")


def create_resource(call: Call) -> ResourceWritten:
    """PUT unless the resource is as asked; `operation` is the URL to follow. What is not asked for stays as it is.

    One that is being deleted is left alone, and said to be.

    A resource that has this cluster's key and is younger than the run was made by an attempt of this run that was cut
    off: no other cluster has the key.
    """
    request, facts = call.request, call.payload["facts"]
    existing = connected_clusters.get(call.installation.azure, request.cluster)
    # The check looked before the agents were deployed; the key that it saw may have been replaced since.
    if (
        existing
        and not request.take_over
        and serves_another(existing, call.payload["publicKey"], facts.get("publicKey"))
    ):
        raise ArcError(Code.CONNECTED_CLUSTER_TAKEN, taken(existing))
    change = before_linking(onboard_change(request, existing, call.payload["publicKey"], facts))
    if existing is not None and is_being_deleted(existing):
        return {"beingDeleted": True}
    if existing is None:
        if call.payload.get("resourceExists"):
            believe_absent(call, f"connected cluster {request.name}")
        operation = connected_clusters.create(call.installation.azure, request.cluster, request.location, change)
        return {"created": True, "changed": True, "operation": operation, "done": operation is None}
    created_at = (existing.get("systemData") or {}).get("createdAt") or ""
    created = has_key(existing, call.payload["publicKey"]) and created_at >= call.payload["createdAt"]
    state = existing["properties"].get("provisioningState")
    if not change.differing(existing) and state not in _ENDED_BADLY:
        return {"created": created, "changed": created, "operation": None, "done": state == _DONE}
    operation = connected_clusters.replace(call.installation.azure, request.cluster, existing, change)
    return {"created": created, "changed": True, "operation": operation, "done": operation is None}
