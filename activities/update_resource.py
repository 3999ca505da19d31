"""update_resource: changes what an update names in the connected cluster."""

from activities.absence import believe_absent
from activities.step import Call, Json
from activities.targets import change_of
from arcway.azure import connected_clusters
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.request import UpdateRequest


def update_resource(call: Call[UpdateRequest]) -> Json:
    """Write only what differs; `operation` is the URL to follow."""
    try:
        changed, operation = connected_clusters.update(call.request.cluster, change_of(call.request))
    except ArcError as error:
        if error.code == Code.CONNECTED_CLUSTER_NOT_FOUND:
            believe_absent(call, f"connected cluster {call.request.name}")
        raise
    return {"changed": changed, "operation": operation}
