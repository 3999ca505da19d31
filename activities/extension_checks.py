"""What the checks of extensions and of Azure Policy have in common: what the region offers, providers, permissions."""

from typing import Any

from activities.absence import believe_absent
from activities.shared_reads import is_member
from activities.step import Call
from arcway.azure import extensions, subscriptions
from arcway.azure.providers import needed_namespaces
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import is_being_deleted
from arcway.domain.errors import ArcError
from arcway.domain.extension_request import Extension
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.text import listed

_NAMED = 10


def unusable(call: Call[Any], cluster: Json | None) -> list[Json]:
    """The finding that there is no connected cluster, or that it is being deleted. Raises `ArcError` ARC-4018."""
    if cluster is None:
        believe_absent(call, f"connected cluster {call.request.name}")
        message = f"Connected cluster {call.request.cluster.resource_id} does not exist."
        return [finding(Code.CONNECTED_CLUSTER_NOT_FOUND, message)]
    if is_being_deleted(cluster):
        message = f"Connected cluster {call.request.cluster.resource_id} is being deleted."
        return [finding(Code.CONNECTED_CLUSTER_DELETING, message)]
    return []


def refuse(findings: list[Json]) -> None:
    """Raises the first finding as `ArcError`: a write looks once more for what its check looked for."""
    for item in findings:
        raise ArcError(item["code"], item["message"])


def not_offered(call: Call[Any], extension: Extension, cluster: Json, resource: Json | None) -> list[Json]:
    """Type, train and version that the region does not have, where Azure tells: the API is a preview."""
    before = (resource or {}).get("properties") or {}
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


def provider_states(call: Call[Any]) -> dict[str, str]:
    """The registration states of the provider namespaces that the request needs."""
    providers, shared = call.installation.azure.providers, is_member(call)
    names = needed_namespaces(call.request)
    return {name: providers.state(call.request.subscription_id, name, shared=shared) for name in names}


def missing_in_group(call: Call[Any], actions: tuple[str, ...], *, shared: bool) -> list[str]:
    """Those of the actions that Arcway's identity lacks in the resource group of the connected cluster."""
    azure, request = call.installation.azure, call.request
    return subscriptions.missing_actions(azure, request.subscription_id, request.resource_group, actions, shared=shared)
