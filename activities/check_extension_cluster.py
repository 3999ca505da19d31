"""check_extension_cluster: checks that the kubeconfig leads to the connected cluster that the extension is for."""

from activities.cluster_session import open_cluster
from activities.step import Call
from arcway.cluster.ownership import owner
from arcway.domain.codes import Code
from arcway.domain.extension_request import ExtensionRequest
from arcway.domain.findings import finding
from arcway.domain.steps import Checked


def check_extension_cluster(call: Call[ExtensionRequest]) -> Checked:
    """Findings; changes nothing. What another cluster shows would say nothing of the extension."""
    with open_cluster(call) as api:
        current_owner = owner(api)
    if current_owner is None:
        return {"findings": [finding(Code.AGENTS_NOT_INSTALLED, "The cluster of the kubeconfig has no agents.")]}
    if current_owner.key != call.request.cluster.key:
        message = f"The agents of the kubeconfig's cluster belong to {current_owner.resource_id}."
        return {"findings": [finding(Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER, message)]}
    return {"findings": []}
