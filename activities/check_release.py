"""check_release: reads the agents' release, whether it may be changed, and what an update or upgrade would change."""

from typing import Any

from activities.cluster_session import read_only_cluster
from activities.release_values import update_values
from activities.step import Call
from arcway.azure import data_plane
from arcway.cluster.access.api import ClusterApi
from arcway.cluster.agents import change, key_pair
from arcway.cluster.agents.change import Deployed
from arcway.cluster.agents.release import Chart
from arcway.cluster.agents.values import changed_keys
from arcway.cluster.checks import internal_ranges
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import serves_another, taken
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
        findings = change.inspect(target.api, call.installation.settings.installation_name, request.cluster)
        if findings or location is None:
            return {"findings": findings, "facts": {}}
        key = key_pair.public_key(target.api)
        if (resource := call.payload.get("resource")) and serves_another(resource, key):
            return {"findings": [finding(Code.CONNECTED_CLUSTER_TAKEN, taken(resource))], "facts": {}}
        deployed = change.deployed(target)
        if isinstance(request, UpdateRequest):
            facts = _update(call, request, deployed, _inside(target.api, request))
            return {"findings": [], "facts": {**facts, "publicKey": key}}
        findings, version = _upgrade(call.installation, request, deployed, location)
    before: Release = {
        "revision": deployed.revision,
        "version": deployed.version,
        "train": deployed.train,
        "uid": deployed.uid,
    }
    return {"findings": findings, "facts": {"release": before, "wanted": version, "publicKey": key}}


def _update(call: Call[Any], request: UpdateRequest, deployed: Deployed, inside: list[str]) -> Facts:
    values = update_values(call.installation, request, call.user, deployed.latest.values, inside)
    return {"inside": inside, "agentChanges": changed_keys(deployed.latest.values, values)}


def _inside(api: ClusterApi, request: UpdateRequest) -> list[str]:
    if request.proxy is None:
        return []
    nodes = api.items("/api/v1/nodes") if api.may("list", "nodes", "", "") else []
    return internal_ranges.internal_ranges(api, nodes)


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
