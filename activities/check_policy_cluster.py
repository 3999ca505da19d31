"""check_policy_cluster: checks that the kubeconfig leads to the connected cluster, which has no other Gatekeeper."""

from activities.check_extension_cluster import owner_findings
from activities.cluster_session import open_cluster
from activities.step import Call
from activities.wanted_extension import extension_name
from arcway.cluster.checks import gatekeeper
from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.policy_request import EnablePolicyRequest
from arcway.domain.steps import Checked
from arcway.domain.text import listed

_NAMED = 10


def check_policy_cluster(call: Call[EnablePolicyRequest]) -> Checked:
    """Findings; changes nothing. The extension fails, or two Gatekeepers answer the same requests, beside another."""
    with open_cluster(call) as api:
        if findings := owner_findings(api, call.request.cluster):
            return {"findings": findings}
        objects = gatekeeper.of_others(api, extension_name(call))
    if not objects:
        return {"findings": []}
    message = f"The cluster has a Gatekeeper that is not part of Azure Policy: {listed(objects, _NAMED)}."
    return {"findings": [finding(Code.GATEKEEPER_OF_OTHERS, message)]}
