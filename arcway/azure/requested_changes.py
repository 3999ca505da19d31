"""The changes that requests make to the connected cluster in Azure."""

from dataclasses import replace

from arcway.azure import gateway_links
from arcway.azure.clients import AzureClients
from arcway.azure.resource_change import Change
from arcway.domain.connected_cluster import has_key
from arcway.domain.features import GATEWAY, GATEWAY_LINK, resource_settings
from arcway.domain.json_values import Json
from arcway.domain.request import OnboardRequest, UpdateRequest

ENABLE_GATEWAY = Change(features={GATEWAY: True})
"""What follows a link to a gateway."""


def onboard_change(request: OnboardRequest, resource: Json | None, public_key: str | None, facts: Json) -> Change:
    """The change of a connect; `resource` is the connected cluster as it is."""
    environment = environment_of(resource, public_key, facts)
    return Change(
        tags=request.tags,
        distribution=request.distribution or environment["distribution"],
        infrastructure=request.infrastructure or environment["infrastructure"],
        auto_upgrade=request.agents.auto_upgrade,
        public_key=public_key,
        features=resource_settings(request.features),
    )


def update_change(request: UpdateRequest) -> Change:
    """The change of an update."""
    return Change(
        tags=request.tags,
        removed_tags=request.remove_tags,
        distribution=request.distribution,
        infrastructure=request.infrastructure,
        hybrid_benefit=request.azure_hybrid_benefit,
        auto_upgrade=request.auto_upgrade,
        features=resource_settings(request.features),
    )


def before_linking(change: Change) -> Change:
    """The part of a change that does not need a link to a gateway, which needs the connected cluster itself."""
    if not change.features.get(GATEWAY):
        return change
    return replace(change, features={name: value for name, value in change.features.items() if name != GATEWAY})


def link_changes(azure: AzureClients, request: OnboardRequest | UpdateRequest) -> list[str]:
    """The name of the link to a gateway, if the request's is another one than an existing connected cluster has."""
    gateway = request.features.gateway_id if request.features else None
    if gateway is None or gateway_links.is_linked(azure, request.cluster, gateway):
        return []
    return [GATEWAY_LINK]


def environment_of(resource: Json | None, public_key: str | None, facts: Json) -> dict[str, str]:
    """Distribution and infrastructure: as the cluster's own resource says, else as detected.

    The resource of a key that this cluster does not have describes another cluster.
    """
    is_own = resource is not None and public_key is not None and has_key(resource, public_key)
    properties = (resource.get("properties") or {}) if resource is not None and is_own else {}
    return {name: properties.get(name) or facts[name] for name in ("distribution", "infrastructure")}
