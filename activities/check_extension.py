"""check_extension: reads the connected cluster and its extension, whether it may be changed, and what would change."""

from typing import Any

from activities.extension_checks import missing_in_group, not_offered, provider_states, unusable
from activities.extension_settings import read_protected_settings
from activities.shared_reads import checked_by, resource_of
from activities.step import Call
from arcway.azure import extensions
from arcway.azure.extensions import EXTENSIONS, FLUX_TYPE
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS
from arcway.azure.onboard_findings import permission_findings, registrations
from arcway.azure.providers import REGISTERED
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import not_connected
from arcway.domain.errors import ArcError
from arcway.domain.extension_changes import changes_of, conflicts, lost_settings
from arcway.domain.extension_request import DeleteExtensionRequest, ExtensionRequest
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.steps import Checked, Facts
from arcway.domain.text import listed

_NAMED = 10


def check_extension(call: Call[ExtensionRequest]) -> Checked:
    """Findings and facts; changes nothing."""
    return checked_by(call, _check)


def _check(call: Call[ExtensionRequest], *, shared: bool) -> Checked:
    request = call.request
    cluster = resource_of(call, shared=shared)
    if (findings := unusable(call, cluster)) or cluster is None:
        return {"findings": findings}
    installed = EXTENSIONS.list_in(call.installation.azure, request.cluster)
    name = request.extension.name.lower()
    resource = next((item for item in installed if item["name"].lower() == name), None)
    facts: Facts = {
        "extensionExists": resource is not None,
        "extensionNamespace": extensions.release_namespace(resource),
    }
    if isinstance(request, DeleteExtensionRequest):
        facts["extensionChanges"] = ["extension"] if resource else []
        return {"findings": _findings_of_deletion(call, cluster, resource, shared=shared), "facts": facts}
    others = [item for item in installed if item is not resource]
    findings, facts["extensionChanges"] = _changes(call, cluster, resource, others)
    states = provider_states(call)
    facts["toRegister"] = [name for name, state in states.items() if state != REGISTERED]
    if facts["extensionChanges"]:
        missing = missing_in_group(call, (EXTENSIONS.action("write"), *registrations(states)), shared=shared)
        findings += permission_findings(request.subscription_id, states, missing)
    return {"findings": findings, "facts": facts}


def _changes(call: Call[Any], cluster: Json, resource: Json | None, others: list[Json]) -> tuple[list[Json], list[str]]:
    """Findings, and the names of what differs."""
    extension = call.request.extension
    findings = not_connected(cluster) + conflicts(extension, resource, others)
    try:
        written = read_protected_settings(call, extension.protected_settings).written
    except ArcError as error:
        if error.retryable:
            raise
        return [*findings, finding(error.code, error.message)], []
    changes = changes_of(extension, resource, written)
    if changes:
        findings += lost_settings(extension, resource)
    if {"extension", "version", "releaseTrain"}.intersection(changes):
        findings += not_offered(call, extension, cluster, resource)
    return findings, changes


def _findings_of_deletion(call: Call[Any], cluster: Json, resource: Json | None, *, shared: bool) -> list[Json]:
    if resource is None:
        return []
    findings = [] if call.request.force else not_connected(cluster)
    if str(resource["properties"].get("extensionType")).lower() == FLUX_TYPE:
        findings += _used_by(call, resource["name"])
    missing = missing_in_group(call, (EXTENSIONS.action("delete"),), shared=shared)
    return findings + permission_findings(call.request.subscription_id, {}, missing)


def _used_by(call: Call[Any], name: str) -> list[Json]:
    """Flux configurations, whose objects could not be removed any more without the extension."""
    configurations = FLUX_CONFIGURATIONS.list_in(call.installation.azure, call.request.cluster)
    names = sorted(item["name"] for item in configurations)
    if not names:
        return []
    message = f"Extension {name} has Flux configurations: {listed(names, _NAMED)}."
    return [finding(Code.EXTENSION_IN_USE, message)]
