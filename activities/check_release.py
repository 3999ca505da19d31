"""check_release: reads the agents' release, whether it may be changed, and what an update or upgrade would change."""

from typing import Any

from activities.cluster_session import read_only_cluster
from activities.release_values import data_plane_values, update_values
from activities.step import Call
from arcway.azure import connected_clusters, data_plane
from arcway.azure.requested_changes import update_change
from arcway.cluster.access.api import ClusterApi
from arcway.cluster.agents import change, key_pair
from arcway.cluster.agents.change import Deployed
from arcway.cluster.agents.release import Chart
from arcway.cluster.agents.values import changed_keys, deep_merge
from arcway.cluster.checks import internal_ranges, nodes
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import serves_another, taken
from arcway.domain.feature_findings import agent_findings
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.request import UpdateRequest, UpgradeRequest
from arcway.domain.steps import Checked, Facts, Release
from arcway.domain.versions import is_older
from arcway.installation import Installation


def check_release(call: Call[UpdateRequest | UpgradeRequest]) -> Checked:
    """Findings and facts of the cluster; changes nothing, so it does not take the Lease either.

    Without a `location` the connected cluster does not exist, and there is nothing to compare with.
    """
    request, location = call.request, call.payload["location"]
    with read_only_cluster(call) as target:
        findings = change.inspect(
            target.api,
            call.installation.settings.installation_name,
            request.cluster,
            custom_locations=_uses_custom_locations(request),
        )
        if findings or location is None:
            return {"findings": findings, "facts": {}}
        key = key_pair.public_key(target.api)
        if (resource := call.payload.get("resource")) and serves_another(resource, key):
            return {"findings": [finding(Code.CONNECTED_CLUSTER_TAKEN, taken(resource))], "facts": {}}
        deployed = change.deployed(target)
        if isinstance(request, UpdateRequest):
            node_list = _nodes(target.api, request)
            inside = internal_ranges.internal_ranges(target.api, node_list) if request.proxy else []
            findings = agent_findings(request.features, deployed.latest.values, nodes.architectures(node_list))
            return {"findings": findings, "facts": {**_update(call, request, deployed, inside), "publicKey": key}}
        findings, version = _upgrade(call.installation, request, deployed, location)
    before: Release = {
        "revision": deployed.revision,
        "version": deployed.version,
        "train": deployed.train,
        "uid": deployed.uid,
    }
    return {"findings": findings, "facts": {"release": before, "wanted": version, "publicKey": key}}


def _update(call: Call[Any], request: UpdateRequest, deployed: Deployed, inside: list[str]) -> Facts:
    current, resource = deployed.latest.values, call.payload.get("resource")
    values = update_values(call.installation, request, call.user, current, inside)
    if resource:
        azure, after = call.installation.azure, connected_clusters.desired(resource, update_change(request))
        given = data_plane_values(azure, request.features, after, call.payload["location"], deployed.train)
        values = deep_merge(given, values)
    return {"inside": inside, "agentChanges": changed_keys(current, values)}


def _uses_custom_locations(request: UpdateRequest | UpgradeRequest) -> bool:
    features = request.features if isinstance(request, UpdateRequest) else None
    return features is not None and features.uses_custom_locations


def _nodes(api: ClusterApi, request: UpdateRequest) -> list[Json]:
    """The nodes, if the update depends on them and they may be listed."""
    is_needed = request.proxy is not None or (request.features is not None and request.features.azure_rbac is not None)
    return api.items("/api/v1/nodes") if is_needed and api.may("list", "nodes", "", "") else []


def _upgrade(
    installation: Installation, request: UpgradeRequest, deployed: Deployed, location: str
) -> tuple[list[Json], str]:
    """Findings, and the version to have; it is the one that is there when there is nothing to do."""
    if deployed.upgrades_itself:
        return [
            finding(Code.AUTO_UPGRADE_ON, f"Auto-upgrade is on; the agents have {deployed.version}.")
        ], deployed.version
    path = data_plane.latest_chart(installation.azure, location, deployed.train)
    newest = Chart.parse(path, None, installation.settings.registries)
    version = request.agent_version or newest.version
    if is_older(version, deployed.version):
        if request.agent_version is None:
            return [], deployed.version
        return [
            finding(
                Code.AGENTS_NEWER_THAN_REQUESTED, f"The agents have {deployed.version}, which is newer than {version}."
            )
        ], deployed.version
    if version != deployed.version:
        installation.helm.digest_of(Chart(newest.repository, version).reference)
    return [], version
