"""check_connected_cluster: reads the connected cluster, whether it may be changed, and what an update would change."""

from activities.absence import believe_absent
from activities.shared_reads import checked_by, resource_of
from activities.step import Call
from arcway.azure import connected_clusters, subscriptions
from arcway.azure.requested_changes import update_change
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import has_expired, is_being_deleted, managed_elsewhere
from arcway.domain.findings import finding, not_allowed
from arcway.domain.request import UpdateRequest, UpgradeRequest
from arcway.domain.steps import Checked, Facts


def check_connected_cluster(call: Call[UpdateRequest | UpgradeRequest]) -> Checked:
    """Findings and facts of the connected cluster; changes nothing."""
    return checked_by(call, _check)


def _check(call: Call[UpdateRequest | UpgradeRequest], *, shared: bool) -> Checked:
    request = call.request
    resource = resource_of(call, shared=shared)
    if resource is None:
        believe_absent(call, f"connected cluster {request.name}")
        return {
            "findings": [
                finding(
                    Code.CONNECTED_CLUSTER_NOT_FOUND, f"Connected cluster {request.cluster.resource_id} does not exist."
                )
            ]
        }
    findings = managed_elsewhere(resource)
    if is_being_deleted(resource):
        findings.append(
            finding(
                Code.CONNECTED_CLUSTER_DELETING, f"Connected cluster {request.cluster.resource_id} is being deleted."
            )
        )
    if isinstance(request, UpgradeRequest):
        findings += has_expired(resource)
    changes: list[str] = []
    if isinstance(request, UpdateRequest):
        changes = sorted(update_change(request).differing(resource))
    if changes:
        missing = subscriptions.missing_actions(
            call.installation.azure,
            request.subscription_id,
            request.resource_group,
            connected_clusters.WRITE_ACTIONS,
            shared=shared,
        )
        findings += not_allowed(missing)
    facts: Facts = {"resource": resource, "location": resource["location"], "resourceChanges": changes}
    return {"findings": findings, "facts": facts}
