"""configure_agents: gives the release the data plane's settings for the connected cluster, if any differs."""

from activities.absence import believe_absent
from activities.cluster_session import locked_cluster
from activities.release_values import onboard_values
from activities.shared_reads import resource_of
from activities.step import Call
from arcway.azure import data_plane
from arcway.cluster.agents import release
from arcway.cluster.agents.change import train_of
from arcway.cluster.agents.marks import Marks, mark_pods
from arcway.cluster.agents.release import Chart
from arcway.cluster.agents.values import deep_merge, from_dotted
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import has_key, is_provisioned
from arcway.domain.errors import ArcError
from arcway.domain.steps import SettingsChanged


def configure_agents(call: Call) -> SettingsChanged:
    """Upgrade the release if a setting differs; returns without waiting for the agents."""
    request = call.request
    key = call.payload["publicKey"]
    resource = resource_of(call, is_good=lambda item: is_provisioned(item) and has_key(item, key))
    if resource is None:
        believe_absent(call, f"connected cluster {request.name}")
        raise ArcError(
            Code.CONNECTED_CLUSTER_NOT_FOUND, "The connected cluster was deleted while it was being connected."
        )
    with locked_cluster(call) as target:
        deployed, redo = release.current(target)
        if deployed is None:
            raise ArcError(Code.HELM_FAILED, "Release azure-arc was removed while the cluster was being connected.")
        train = request.agents.train or train_of(deployed.values)
        path, dotted = data_plane.helm_settings(call.installation.azure, request.location, train, resource)
        chart = Chart.parse(path, deployed.chart_version, call.installation.settings.registries)
        values = deep_merge(
            onboard_values(call, call.payload["facts"], resource, deployed.values, chart), from_dotted(dotted)
        )
        changed_keys = release.upgrade_if_changed(target, deployed, chart, values, redo=redo)
        mark_pods(target.api, Marks.of(request))
    return {"changed": bool(changed_keys), "differing": len(changed_keys)}
