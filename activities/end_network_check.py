"""end_network_check: deletes the Job of the network check, with its namespace."""

from activities.cluster_session import open_cluster
from activities.step import Call
from arcway.cluster.checks import network_check
from arcway.domain.policy_request import EnablePolicyRequest
from arcway.domain.steps import Done


def end_network_check(call: Call | Call[EnablePolicyRequest]) -> Done:
    """Does nothing if it does not exist; Kubernetes finishes the deletion."""
    with open_cluster(call) as api:
        network_check.remove(api, call.payload["runId"])
    return {}
