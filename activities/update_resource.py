"""update_resource: the connected cluster is as the update wants it."""

from activities.step import Call, Json
from activities.targets import change_of
from arcway.azure import connected_clusters
from arcway.domain.request import UpdateRequest


def update_resource(call: Call[UpdateRequest]) -> Json:
    """Write only what differs; `operation` is the URL to follow."""
    changed, operation = connected_clusters.update(call.request.cluster, change_of(call.request))
    return {"changed": changed, "operation": operation}
