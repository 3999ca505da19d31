"""The ARM resource Microsoft.Kubernetes/connectedClusters: read, put, follow, delete, list.

Long-running operations are started here and followed one look at a time; nobody sleeps. Wire facts: PUT answers 200
or 201, and 201 carries Azure-AsyncOperation (no Location, usually no Retry-After).
"""

from collections.abc import Mapping
from typing import Any, cast

from azure.core.exceptions import ResourceNotFoundError

from arcway.azure import arm
from arcway.azure.errors import azure_errors
from arcway.domain.ids import ClusterId

RESOURCE_TYPE = "Microsoft.Kubernetes/connectedClusters"
DELETE_ACTIONS = ("Microsoft.Kubernetes/connectedClusters/delete",)
WRITE_ACTIONS = ("Microsoft.Kubernetes/connectedClusters/read", "Microsoft.Kubernetes/connectedClusters/write")


def get(cluster: ClusterId) -> dict[str, Any] | None:
    """The resource as Azure returns it, with `resourceGroup` added as `az` does; None when there is none."""
    with azure_errors():
        try:
            found = arm.connected_kubernetes(cluster.subscription_id).connected_cluster.get(
                cluster.resource_group, cluster.name
            )
        except ResourceNotFoundError as error:
            if error.error is not None and error.error.code == "SubscriptionNotFound":
                raise
            return None
    return _with_group(found.as_dict())


def put(cluster: ClusterId, body: dict[str, Any]) -> str | None:
    """Create or replace the resource; returns the URL to follow, None when Azure was done at once."""
    with azure_errors():
        result: Any = arm.connected_kubernetes(cluster.subscription_id).connected_cluster.begin_create_or_replace(
            cluster.resource_group, cluster.name, cast("Any", body), polling=False, cls=_operation_url
        )
    url: str | None = result.polling_method().resource()
    return url


def delete(cluster: ClusterId) -> str | None:
    """Start deleting the resource; returns the URL to follow, None when it is gone already."""
    with azure_errors():
        try:
            result: Any = arm.connected_kubernetes(cluster.subscription_id).connected_cluster.begin_delete(
                cluster.resource_group, cluster.name, polling=False, cls=_operation_url
            )
        except ResourceNotFoundError:
            return None
    url: str | None = result.polling_method().resource()
    return url


def operation_state(url: str) -> tuple[str, float | None, dict[str, Any] | None]:
    """One look at a long-running operation: its status, the seconds Azure asks to wait, its error."""
    body, headers = arm.get(url)
    wait = headers.get("Retry-After") or headers.get("retry-after") or ""
    return str(body.get("status", "")), float(wait) if wait.isdecimal() else None, body.get("error")


def list_in(subscription_id: str, resource_group: str | None = None) -> list[dict[str, Any]]:
    """All connected clusters of the subscription, or of one of its resource groups."""
    operations = arm.connected_kubernetes(subscription_id).connected_cluster
    with azure_errors():
        found = (
            operations.list_by_resource_group(resource_group) if resource_group else operations.list_by_subscription()
        )
        return [_with_group(item.as_dict()) for item in found]


def desired(
    location: str,
    tags: dict[str, str],
    public_key: str,
    distribution: str,
    infrastructure: str,
    auto_upgrade: bool,
) -> dict[str, Any]:
    """The body of the PUT."""
    return {
        "location": location,
        "identity": {"type": "SystemAssigned"},
        "tags": tags,
        "properties": {
            "agentPublicKeyCertificate": public_key,
            "distribution": distribution,
            "infrastructure": infrastructure,
            "arcAgentProfile": {"agentAutoUpgrade": "Enabled" if auto_upgrade else "Disabled"},
        },
    }


def is_as_desired(existing: dict[str, Any], body: dict[str, Any]) -> bool:
    """Whether a PUT of `body` would change nothing. The service changes the case of what it is sent (`kind`, `AKS`)."""
    properties, wanted = existing.get("properties", {}), body["properties"]
    return bool(
        properties.get("agentPublicKeyCertificate") == wanted["agentPublicKeyCertificate"]
        and str(properties.get("distribution")).lower() == wanted["distribution"].lower()
        and str(properties.get("infrastructure")).lower() == wanted["infrastructure"].lower()
        and (properties.get("arcAgentProfile") or {}).get("agentAutoUpgrade")
        == wanted["arcAgentProfile"]["agentAutoUpgrade"]
        and (existing.get("tags") or {}) == body["tags"]
    )


def _operation_url(pipeline_response: Any, model: Any, headers: Any) -> str | None:
    sent: Mapping[str, str] = pipeline_response.http_response.headers
    return sent.get("Azure-AsyncOperation") or sent.get("Location")


def _with_group(resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "resourceGroup": resource["id"].split("/")[4]}
