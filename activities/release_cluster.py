"""release_cluster: releases the cluster's Lease."""

from activities.cluster_session import open_access
from activities.step import Call
from arcway.cluster.access import lease
from arcway.cluster.access.api import cluster_api
from arcway.domain.request import AnyRequest
from arcway.domain.steps import Done
from arcway.settings import settings


def release_cluster(call: Call[AnyRequest]) -> Done:
    """Does nothing if the Lease is not this run's."""
    with cluster_api(open_access(call)) as api:
        lease.release(api, settings().installation, call.payload["runId"])
    return {}
