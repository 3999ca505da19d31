"""delete_resource: the connected cluster is gone from Azure. Also undoes create_resource."""

from activities.step import Call, Json
from arcway.azure import connected_clusters
from arcway.domain.request import AnyRequest


def delete_resource(call: Call[AnyRequest]) -> Json:
    """Done when there is no such resource; asks for deletion unless Azure is deleting it already."""
    resource = connected_clusters.get(call.request.cluster)
    if resource is None:
        return {"done": True, "detail": "deleted"}
    if resource["properties"].get("provisioningState") != "Deleting":
        connected_clusters.delete(call.request.cluster)
    return {"done": False, "detail": "being deleted"}
