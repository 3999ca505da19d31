"""release_cluster: releases the cluster's Lease."""

from activities.step import Call, Json
from activities.targets import access_to
from arcway.cluster.access import lease
from arcway.cluster.access.api import cluster_api
from arcway.domain.request import AnyRequest
from arcway.settings import settings


def release_cluster(call: Call[AnyRequest]) -> Json:
    """Does nothing if the Lease is not this run's."""
    with cluster_api(access_to(call)) as api:
        lease.release(api, settings().installation, call.given["runId"])
    return {}
