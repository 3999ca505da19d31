"""update_resource: changes what an update names in the connected cluster."""

from activities.absence import believe_absent
from activities.step import Call
from arcway.azure import connected_clusters
from arcway.azure.requested_changes import before_linking, update_change
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.request import UpdateRequest
from arcway.domain.steps import ResourceUpdated


def update_resource(call: Call[UpdateRequest]) -> ResourceUpdated:
    """Write only what differs; `operation` is the URL to follow."""
    try:
        changed, operation = connected_clusters.update(
            call.installation.azure, call.request.cluster, before_linking(update_change(call.request))
        )
    except ArcError as error:
        if error.code == Code.CONNECTED_CLUSTER_NOT_FOUND:
            believe_absent(call, f"connected cluster {call.request.name}")
        raise
    return {"changed": changed, "operation": operation}
