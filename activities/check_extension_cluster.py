"""check_extension_cluster: checks that the kubeconfig leads to the connected cluster that the extension is for."""

from activities.cluster_session import open_cluster
from activities.step import Call
from arcway.cluster.access.api import ClusterApi
from arcway.cluster.ownership import owner
from arcway.domain.codes import Code
from arcway.domain.extension_request import ExtensionRequest
from arcway.domain.findings import finding
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.policy_request import PolicyRequest
from arcway.domain.steps import Checked


def check_extension_cluster(call: Call[ExtensionRequest] | Call[PolicyRequest]) -> Checked:
    """Findings; changes nothing. What another cluster shows would say nothing of the extension."""
    with open_cluster(call) as api:
        return {"findings": owner_findings(api, call.request.cluster)}


def owner_findings(api: ClusterApi, cluster: ClusterId) -> list[Json]:
    """What shows that the kubeconfig leads elsewhere than to the connected cluster."""
    current_owner = owner(api)
    if current_owner is None:
        return [finding(Code.AGENTS_NOT_INSTALLED, "The cluster of the kubeconfig has no agents.")]
    if current_owner.key != cluster.key:
        message = f"The agents of the kubeconfig's cluster belong to {current_owner.resource_id}."
        return [finding(Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER, message)]
    return []
