"""configure_agents: gives the release the data plane's settings for the connected cluster, if any differs."""

from activities.absence import believe_absent
from activities.step import Call, Json
from activities.targets import cluster_of, values_of
from arcway.azure import connected_clusters, data_plane
from arcway.cluster.agents import release
from arcway.cluster.agents.change import train_of
from arcway.cluster.agents.marks import Marks, mark_pods
from arcway.cluster.agents.release import Chart
from arcway.cluster.agents.values import deep_merge, from_dotted
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.settings import settings


def configure_agents(call: Call) -> Json:
    """Upgrade the release if a setting differs; returns without waiting for the agents."""
    request = call.request
    resource = connected_clusters.get(request.cluster)
    if resource is None:
        believe_absent(call, f"connected cluster {request.name}")
        raise ArcError(
            Code.CONNECTED_CLUSTER_NOT_FOUND, "The connected cluster was deleted while it was being connected."
        )
    with cluster_of(call) as target:
        found, again = release.current(target)
        if found is None:
            raise ArcError(Code.HELM_FAILED, "Release azure-arc was removed while the cluster was being connected.")
        train = request.agents.train or train_of(found.values)
        path, dotted = data_plane.helm_settings(request.location, train, resource)
        chart = Chart.parse(path, found.chart_version, settings().registries)
        values = deep_merge(values_of(call, call.given["facts"], resource, found.values, chart), from_dotted(dotted))
        differed = release.upgrade_if_changed(target, found, chart, values, redo=again)
        mark_pods(target.api, Marks.of(request))
    return {"changed": bool(differed), "differing": len(differed)}
