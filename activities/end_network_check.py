"""end_network_check: deletes the Job of the network check, with its namespace."""

from activities.cluster_session import open_access
from activities.step import Call
from arcway.cluster.access.api import cluster_api
from arcway.cluster.checks import network_check
from arcway.domain.steps import Done


def end_network_check(call: Call) -> Done:
    """Does nothing if it does not exist; Kubernetes finishes the deletion."""
    with cluster_api(open_access(call)) as api:
        network_check.remove(api, call.payload["runId"])
    return {}
