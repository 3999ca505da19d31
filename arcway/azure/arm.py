"""Azure Resource Manager's official clients, built so that they neither wait nor retry nor register by themselves.

Must not know what is asked for; the neighbouring modules ask.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from arcway.azure.cloud import cloud
from arcway.azure.pipeline import answer, credential, policies, send, transport_options

if TYPE_CHECKING:
    from azure.mgmt.hybridkubernetes import ConnectedKubernetesClient
    from azure.mgmt.resource.resources import ResourceManagementClient

# One for each subscription in use; whoever may start runs may name any number of them.
_CLIENTS = 64


def _options() -> dict[str, Any]:
    here = cloud()
    return {
        "base_url": here.arm,
        "credential_scopes": [here.scope],
        "policies": policies(here.scope),
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


def get(url: str) -> tuple[dict[str, Any], dict[str, str]]:
    """GET a Resource Manager URL that no SDK method covers; returns body and headers. Raises `ArcError`."""
    here = cloud()
    response = send(here.arm, here.scope, "GET", url)
    return answer(response), dict(response.headers)
