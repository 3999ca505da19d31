"""check_connected_cluster: reads the connected cluster, whether it may be changed, and what an update would change."""

from typing import Any

from activities.absence import believe_absent
from activities.shared_reads import checked_by, resource_of
from activities.step import Call
from arcway.azure import subscriptions
from arcway.azure.onboard_findings import needed_actions, permission_findings
from arcway.azure.providers import REGISTERED, needed_namespaces
from arcway.azure.requested_changes import link_changes, update_change
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import has_expired, is_being_deleted, managed_elsewhere
from arcway.domain.feature_findings import azure_findings
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
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
    facts: Facts = {"resource": resource, "location": resource["location"], "resourceChanges": []}
    if isinstance(request, UpdateRequest):
        of_update, changes = _of_update(call, request, resource, shared=shared)
        findings += of_update
        facts |= changes
    return {"findings": findings, "facts": facts}


def _of_update(call: Call[Any], request: UpdateRequest, resource: Json, *, shared: bool) -> tuple[list[Json], Facts]:
    """What speaks against the update, what it changes in Azure, and which namespaces its features need."""
    azure = call.installation.azure
    properties = resource.get("properties") or {}
    findings = azure_findings(request.features, resource, request.distribution or properties.get("distribution"))
    changes = sorted([*update_change(request).differing(resource), *link_changes(azure, request)])
    states = {
        name: azure.providers.state(request.subscription_id, name, shared=shared) for name in needed_namespaces(request)
    }
    if actions := needed_actions(request, states, writes=bool(changes)):
        missing = subscriptions.missing_actions(
            azure, request.subscription_id, request.resource_group, actions, shared=shared
        )
        findings += permission_findings(request.subscription_id, states, missing)
    facts: Facts = {"resourceChanges": changes}
    if unregistered := [name for name, state in states.items() if state != REGISTERED]:
        facts["toRegister"] = unregistered
    return findings, facts
