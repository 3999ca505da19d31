"""delete_resource: the connected cluster is gone from Azure. Also undoes create_resource."""

from activities.step import Call, Json
from arcway.azure import connected_clusters
from arcway.domain.connected_cluster import serves_another, taken
from arcway.domain.errors import ArcError
from arcway.domain.request import AnyRequest, OffboardRequest


def delete_resource(call: Call[AnyRequest]) -> Json:
    """Done when there is no such resource; asks for deletion unless Azure is deleting it already.

    Raises `ArcError` ARC-4016 when another cluster is connected by it by now.
    """
    resource = connected_clusters.get(call.request.cluster)
    if resource is None:
        return {"done": True, "detail": "deleted"}
    if resource["properties"].get("provisioningState") != "Deleting":
        whoever = isinstance(call.request, OffboardRequest) and call.request.azure_only
        if not whoever and serves_another(resource, call.given.get("publicKey")):
            raise ArcError("ARC-4016", taken(resource))
        connected_clusters.delete(call.request.cluster)
    return {"done": False, "detail": "being deleted"}
