"""check_policy: reads the extension of Azure Policy, the assignment and its definition, and what would change."""

from activities.extension_checks import missing_in_group, not_offered, provider_states, unusable
from activities.shared_reads import checked_by, resource_of
from activities.step import Call
from arcway.azure import extensions, policies
from arcway.azure.extensions import EXTENSIONS
from arcway.azure.onboard_findings import permission_findings, registrations
from arcway.azure.providers import REGISTERED
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import not_connected
from arcway.domain.errors import ArcError
from arcway.domain.extension_changes import changes_of, conflicts, lost_settings
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.policy_assignment import assignment_changes, assignment_conflicts
from arcway.domain.policy_findings import definition_findings, not_assigned
from arcway.domain.policy_request import (
    EXTENSION_NAME,
    Assignment,
    DisablePolicyRequest,
    EnablePolicyRequest,
    PolicyRequest,
    is_policy_extension,
)
from arcway.domain.steps import Checked, Facts


def check_policy(call: Call[PolicyRequest]) -> Checked:
    """Findings and facts; changes nothing."""
    return checked_by(call, _check)


def _check(call: Call[PolicyRequest], *, shared: bool) -> Checked:
    request = call.request
    cluster = resource_of(call, shared=shared)
    if (findings := unusable(call, cluster)) or cluster is None:
        return {"findings": findings}
    installed = EXTENSIONS.list_in(call.installation.azure, request.cluster)
    resource = next((item for item in installed if is_policy_extension(item)), None)
    if isinstance(request, DisablePolicyRequest):
        return _check_disabling(call, request, cluster, resource, installed, shared=shared)
    return _check_enabling(call, request, cluster, resource, installed, shared=shared)


def _facts(resource: Json | None, name: str) -> Facts:
    return {
        "extensionExists": resource is not None,
        "extensionName": resource["name"] if resource else name,
        "extensionNamespace": extensions.release_namespace(resource),
    }


def _check_enabling(
    call: Call[PolicyRequest],
    request: EnablePolicyRequest,
    cluster: Json,
    resource: Json | None,
    installed: list[Json],
    *,
    shared: bool,
) -> Checked:
    facts = _facts(resource, request.extension.name)
    extension = request.wanted_extension(facts["extensionName"])
    other = _of_another_type(installed, extension.name) if resource is None else None
    findings = not_connected(cluster) + conflicts(extension, resource or other, [])
    facts["extensionChanges"] = changes_of(extension, resource, {})
    if facts["extensionChanges"]:
        findings += lost_settings(extension, resource)
    if {"extension", "version", "releaseTrain"}.intersection(facts["extensionChanges"]):
        findings += not_offered(call, extension, cluster, resource)
    if resource is not None and extension.name.lower() != request.extension.name.lower():
        message = f"The connected cluster has Azure Policy as extension {extension.name}, which is used as it is."
        findings.append(finding(Code.POLICY_EXTENSION_HAS_ANOTHER_NAME, message, "info"))
    states = provider_states(call)
    facts["toRegister"] = [name for name, state in states.items() if state != REGISTERED]
    findings += _assignment_findings(call, request, facts)
    actions = (
        *((EXTENSIONS.action("write"),) if facts["extensionChanges"] else ()),
        *((policies.assignment_action("write"),) if facts["assignmentChanges"] else ()),
    )
    if actions:
        missing = missing_in_group(call, (*actions, *registrations(states)), shared=shared)
        findings += permission_findings(request.subscription_id, states, missing)
    return {"findings": findings, "facts": facts}


def _assignment_findings(call: Call[PolicyRequest], request: EnablePolicyRequest, facts: Facts) -> list[Json]:
    """Findings about the assignment; adds the facts about it."""
    facts["assignmentChanges"] = []
    assignment, azure = request.assignment, call.installation.azure
    if assignment is None:
        return [not_assigned()]
    resource = policies.get_assignment(azure, assignment.resource_id(request.cluster))
    facts["assignmentExists"] = resource is not None
    facts["assignmentChanges"] = assignment_changes(assignment, resource)
    if findings := assignment_conflicts(assignment, resource):
        return findings
    return _definition_findings(call, assignment, resource)


def _definition_findings(call: Call[PolicyRequest], assignment: Assignment, resource: Json | None) -> list[Json]:
    azure = call.installation.azure
    try:
        definition = policies.get_definition(azure, assignment.definition_id)
        members = policies.get_members(azure, definition) if definition and assignment.is_initiative else []
    except ArcError as error:
        if error.code != Code.AZURE_PERMISSION_MISSING:
            raise
        # Azure itself checks the assignment; a definition that cannot be read only says less before.
        message = f"The definition cannot be read, so it is not checked: {error.message}"
        return [finding(Code.AZURE_PERMISSION_MISSING, message, "warning")]
    if definition is None:
        message = f"Policy definition {assignment.definition_id} does not exist."
        return [finding(Code.POLICY_DEFINITION_NOT_FOUND, message)]
    return definition_findings(assignment, definition, members, resource)


def _check_disabling(
    call: Call[PolicyRequest],
    request: DisablePolicyRequest,
    cluster: Json,
    resource: Json | None,
    installed: list[Json],
    *,
    shared: bool,
) -> Checked:
    facts = _facts(resource, EXTENSION_NAME)
    facts["extensionChanges"] = ["extension"] if resource else []
    facts["assignmentChanges"] = []
    findings = not_connected(cluster) if resource and not request.force else []
    if resource is None and (other := _of_another_type(installed, EXTENSION_NAME)):
        kind = other["properties"].get("extensionType")
        message = f"Extension {EXTENSION_NAME} has type {kind}, so it is not that of Azure Policy."
        findings.append(finding(Code.EXTENSION_CHANGE_NOT_POSSIBLE, message))
    actions: tuple[str, ...] = (EXTENSIONS.action("delete"),) if resource else ()
    if request.assignment is not None:
        assignment = policies.get_assignment(call.installation.azure, request.assignment.resource_id(request.cluster))
        facts["assignmentExists"] = assignment is not None
        facts["assignmentChanges"] = ["assignment"] if assignment else []
        actions += (policies.assignment_action("delete"),) if assignment else ()
    if actions:
        missing = missing_in_group(call, actions, shared=shared)
        findings += permission_findings(request.subscription_id, {}, missing)
    return {"findings": findings, "facts": facts}


def _of_another_type(installed: list[Json], name: str) -> Json | None:
    """The extension that has the name and is not that of Azure Policy."""
    return next((item for item in installed if item["name"].lower() == name.lower()), None)
