"""check_resource: reads whether the connected cluster is in Azure, and whether it may be deleted."""

from activities.shared_reads import checked_by, resource_of
from activities.step import Call
from arcway.azure import connected_clusters, subscriptions
from arcway.azure.extensions import EXTENSIONS
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import managed_elsewhere, not_connected, serves_another, taken
from arcway.domain.errors import ArcError
from arcway.domain.findings import finding, not_allowed
from arcway.domain.request import OffboardRequest
from arcway.domain.steps import Checked, Facts

_TO_DELETE_EXTENSIONS = (EXTENSIONS.action("delete"), FLUX_CONFIGURATIONS.action("delete"))


def check_resource(call: Call[OffboardRequest]) -> Checked:
    """Findings and facts of the connected cluster; changes nothing.

    With azureOnly nothing is known of the cluster, and the caller says that the resource is to be deleted in any case.
    """
    return checked_by(call, _check)


def _check(call: Call[OffboardRequest], *, shared: bool) -> Checked:
    request = call.request
    resource = resource_of(call, shared=shared)
    if resource is None:
        return {"findings": [], "facts": {"resourceExists": False, "extensions": []}}
    extensions = _extensions(call)
    missing = subscriptions.missing_actions(
        call.installation.azure,
        request.subscription_id,
        request.resource_group,
        (*connected_clusters.DELETE_ACTIONS, *(_TO_DELETE_EXTENSIONS if extensions else ())),
        shared=shared,
    )
    findings = managed_elsewhere(resource) + not_allowed(missing)
    if not request.azure_only and serves_another(resource, call.payload.get("publicKey")):
        findings.append(finding(Code.CONNECTED_CLUSTER_TAKEN, taken(resource)))
    facts: Facts = {
        "resourceExists": True,
        "extensions": extensions,
        "isConnected": not not_connected(resource),
    }
    return {"findings": findings, "facts": facts}


def _extensions(call: Call[OffboardRequest]) -> list[str]:
    """The names of the extensions of the connected cluster; Flux configurations are parts of one of them."""
    try:
        return sorted(str(item["name"]) for item in EXTENSIONS.list_in(call.installation.azure, call.request.cluster))
    except ArcError as error:
        if error.code != Code.CONNECTED_CLUSTER_NOT_FOUND:
            raise
        return []
