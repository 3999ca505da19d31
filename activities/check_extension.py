"""check_extension: reads the connected cluster and its extension, whether it may be changed, and what would change."""

from typing import Any

from activities.absence import believe_absent
from activities.extension_settings import read_protected_settings
from activities.shared_reads import checked_by, is_member, resource_of
from activities.step import Call
from arcway.azure import extensions, subscriptions
from arcway.azure.extensions import EXTENSIONS, FLUX_TYPE
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS
from arcway.azure.onboard_findings import permission_findings, registrations
from arcway.azure.providers import REGISTERED, needed_namespaces
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import is_being_deleted, not_connected
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
    if cluster is None:
        believe_absent(call, f"connected cluster {request.name}")
        message = f"Connected cluster {request.cluster.resource_id} does not exist."
        return {"findings": [finding(Code.CONNECTED_CLUSTER_NOT_FOUND, message)]}
    if is_being_deleted(cluster):
        message = f"Connected cluster {request.cluster.resource_id} is being deleted."
        return {"findings": [finding(Code.CONNECTED_CLUSTER_DELETING, message)]}
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
    states = _states(call)
    facts["toRegister"] = [name for name, state in states.items() if state != REGISTERED]
    if facts["extensionChanges"]:
        missing = _missing(call, (EXTENSIONS.action("write"), *registrations(states)), shared=shared)
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
        findings += _not_offered(call, cluster, resource)
    return findings, changes


def _not_offered(call: Call[Any], cluster: Json, resource: Json | None) -> list[Json]:
    """Type, train and version that the region does not have, where Azure tells: the API is a preview."""
    extension, before = call.request.extension, (resource or {}).get("properties") or {}
    kind = extension.type or str(before.get("extensionType") or "")
    train = extension.release_train or str(before.get("releaseTrain") or "stable")
    if not kind:
        return []
    location = str(cluster["location"]).replace(" ", "").lower()
    azure, subscription = call.installation.azure, call.request.subscription_id
    try:
        versions = extensions.offered_versions(azure, subscription, location, kind, train)
    except ArcError as error:
        if error.retryable:
            raise
        message = f"Azure does not return which versions of {kind} it offers in {location}: {error.message}"
        return [finding(Code.EXTENSION_VERSION_NOT_OFFERED, message, "info")]
    if extension.version in versions or (versions and extension.version is None):
        return []
    version = f" version {extension.version}" if extension.version else ""
    offered = f" It offers {listed(versions, _NAMED)}." if versions else ""
    message = f"{location} does not offer {kind}{version} in release train {train}.{offered}"
    return [finding(Code.EXTENSION_VERSION_NOT_OFFERED, message)]


def _states(call: Call[ExtensionRequest]) -> dict[str, str]:
    providers, shared = call.installation.azure.providers, is_member(call)
    names = needed_namespaces(call.request)
    return {name: providers.state(call.request.subscription_id, name, shared=shared) for name in names}


def _findings_of_deletion(call: Call[Any], cluster: Json, resource: Json | None, *, shared: bool) -> list[Json]:
    if resource is None:
        return []
    findings = [] if call.request.force else not_connected(cluster)
    if str(resource["properties"].get("extensionType")).lower() == FLUX_TYPE:
        findings += _used_by(call, resource["name"])
    missing = _missing(call, (EXTENSIONS.action("delete"),), shared=shared)
    return findings + permission_findings(call.request.subscription_id, {}, missing)


def _used_by(call: Call[Any], name: str) -> list[Json]:
    """Flux configurations, whose objects could not be removed any more without the extension."""
    configurations = FLUX_CONFIGURATIONS.list_in(call.installation.azure, call.request.cluster)
    names = sorted(item["name"] for item in configurations)
    if not names:
        return []
    message = f"Extension {name} has Flux configurations: {listed(names, _NAMED)}."
    return [finding(Code.EXTENSION_IN_USE, message)]


def _missing(call: Call[ExtensionRequest], actions: tuple[str, ...], *, shared: bool) -> list[str]:
    azure, request = call.installation.azure, call.request
    return subscriptions.missing_actions(azure, request.subscription_id, request.resource_group, actions, shared=shared)
