"""create_resource: the connected cluster is in Azure with the cluster's public key."""

from activities.step import Call, Json
from arcway.azure import connected_clusters
from arcway.domain.connected_cluster import serves_another, taken
from arcway.domain.errors import ArcError

_DONE = "Succeeded"
_ENDED_BADLY = ("Failed", "Canceled")


def create_resource(call: Call) -> Json:
    """PUT unless the resource is as asked; `operation` is the URL to follow.

    A resource that is as asked and younger than the run was made by an attempt of this run that was cut off: nobody
    else has this cluster's key.
    """
    request, facts = call.request, call.given["facts"]
    body = connected_clusters.desired(
        request.location,
        request.tags,
        call.given["publicKey"],
        request.distribution or facts["distribution"],
        request.infrastructure or facts["infrastructure"],
        request.agents.auto_upgrade,
    )
    existing = connected_clusters.get(request.cluster)
    # The check looked before the agents were deployed; the key that it saw may have been replaced since.
    if existing and not request.take_over and serves_another(existing, call.given["publicKey"], facts.get("publicKey")):
        raise ArcError("ARC-4016", taken(existing))
    if existing and connected_clusters.is_as_desired(existing, body):
        state = existing["properties"].get("provisioningState")
        if state not in _ENDED_BADLY:
            created = (existing.get("systemData") or {}).get("createdAt", "") >= call.given["createdAt"]
            return {"created": created, "changed": created, "operation": None, "done": state == _DONE}
    operation = connected_clusters.put(request.cluster, body)
    return {"created": existing is None, "changed": True, "operation": operation, "done": operation is None}
