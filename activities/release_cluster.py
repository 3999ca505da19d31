"""release_cluster: releases the cluster's Lease."""

from activities.cluster_session import open_cluster
from activities.step import Call
from arcway.cluster.access import lease
from arcway.domain.request import AnyRequest
from arcway.domain.steps import Done


def release_cluster(call: Call[AnyRequest]) -> Done:
    """Does nothing if the Lease is not this run's."""
    with open_cluster(call) as api:
        lease.release(api, call.installation.settings.installation_name, call.payload["runId"])
    return {}
