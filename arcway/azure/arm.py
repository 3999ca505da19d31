"""Azure Resource Manager's official clients, built so that they neither wait nor retry nor register providers.

The neighbouring modules send the requests.
"""

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from arcway.azure.cloud import cloud
from arcway.azure.errors import azure_errors
from arcway.azure.pipeline import credential, json_object, policies, request, send, transport_options

if TYPE_CHECKING:
    from azure.mgmt.hybridkubernetes import ConnectedKubernetesClient
    from azure.mgmt.resource.resources import ResourceManagementClient

# One for each subscription in use; a caller who may start runs may name any number of them.
_CLIENTS = 64


def _options() -> dict[str, Any]:
    current_cloud = cloud()
    return {
        "base_url": current_cloud.arm,
        "credential_scopes": [current_cloud.scope],
        "policies": policies(current_cloud.scope),
        **transport_options(),
    }


@lru_cache(_CLIENTS)
def connected_kubernetes(subscription_id: str) -> "ConnectedKubernetesClient":
    """Client of Microsoft.Kubernetes for one subscription."""
    from azure.mgmt.hybridkubernetes import ConnectedKubernetesClient

    return ConnectedKubernetesClient(credential(), subscription_id, **_options())


@lru_cache(_CLIENTS)
def resources(subscription_id: str) -> "ResourceManagementClient":
    """Client of Microsoft.Resources for one subscription."""
    from azure.mgmt.resource.resources import ResourceManagementClient

    return ResourceManagementClient(credential(), subscription_id, **_options())


def connected_cluster(resource: dict[str, Any]) -> Any:
    """The client's model of a connected cluster as Azure returned it; it has the read-only properties, too."""
    from azure.mgmt.hybridkubernetes.models import ConnectedCluster

    return ConnectedCluster(resource)


def get(url: str) -> tuple[dict[str, Any], dict[str, str]]:
    """GET a Resource Manager URL that no SDK method covers; returns body and headers. Raises `ArcError`."""
    current_cloud = cloud()
    response = send(current_cloud.arm, current_cloud.scope, "GET", url)
    return json_object(response), dict(response.headers)


def follow(url: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Read the status URL of a long-running operation once: status, body (empty if there is none) and headers.

    Raises `ArcError` for every failure but 404.
    """
    current_cloud = cloud()
    response = request(current_cloud.arm, current_cloud.scope, "GET", url)
    if response.status_code != HTTPStatus.NOT_FOUND:
        with azure_errors():
            response.raise_for_status()
    has_body = response.status_code != HTTPStatus.NOT_FOUND and bool(response.content.strip(b" \r\n\t"))
    return response.status_code, json_object(response, or_null=True) if has_body else {}, dict(response.headers)
