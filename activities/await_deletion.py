"""await_deletion: reads once whether a connected cluster that Azure is deleting is gone."""

from activities.absence import believe_absent
from activities.step import Call
from arcway.azure import connected_clusters
from arcway.domain.connected_cluster import is_being_deleted
from arcway.domain.request import OnboardRequest
from arcway.domain.steps import Polled


def await_deletion(call: Call[OnboardRequest]) -> Polled:
    """Done when Azure is no longer deleting it, whether it was deleted or not."""
    resource = connected_clusters.get(call.installation.azure, call.request.cluster)
    if resource is not None and is_being_deleted(resource):
        return {"done": False, "detail": "an earlier connected cluster of this name is being deleted"}
    if resource is None:
        believe_absent(call, f"connected cluster {call.request.name}")
    return {"done": True}
