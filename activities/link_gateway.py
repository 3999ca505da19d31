"""link_gateway: links the connected cluster to the gateway of the request, and has the cluster use it."""

from activities.absence import believe_absent
from activities.step import Call
from arcway.azure import connected_clusters, gateway_links
from arcway.azure.requested_changes import ENABLE_GATEWAY
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.request import OnboardRequest, UpdateRequest
from arcway.domain.steps import ResourceUpdated


def link_gateway(call: Call[OnboardRequest | UpdateRequest]) -> ResourceUpdated:
    """Write only what differs; `operation` is the URL to follow. A link that is missing is written first."""
    request, azure = call.request, call.installation.azure
    gateway = request.features.gateway_id if request.features else None
    if gateway is None:
        return {"changed": False, "operation": None}
    try:
        is_linked_now = gateway_links.link(azure, request.cluster, gateway)
        changed, operation = connected_clusters.update(azure, request.cluster, ENABLE_GATEWAY)
    except ArcError as error:
        if error.code == Code.CONNECTED_CLUSTER_NOT_FOUND:
            believe_absent(call, f"connected cluster {request.name}")
        raise
    return {"changed": changed or is_linked_now, "operation": operation}
