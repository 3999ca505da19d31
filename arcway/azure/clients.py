"""The official clients of one installation's Azure, built so that they neither wait nor retry nor register providers.

The neighbouring modules send the requests; each of their functions takes these clients first.
"""

from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from arcway.azure.budget import POLL, Budget
from arcway.azure.cloud import Cloud, read_cloud
from arcway.azure.constants import Constants
from arcway.azure.errors import azure_errors
from arcway.azure.listings import Listings
from arcway.azure.pipeline import Pipeline, json_object
from arcway.azure.providers import Providers
from arcway.settings import Settings

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient
    from azure.mgmt.hybridkubernetes import ConnectedKubernetesClient
    from azure.mgmt.resource.resources import ResourceManagementClient

# One for each subscription in use; a caller who may start runs may name any number of them.
_SUBSCRIPTIONS = 64


class AzureClients:
    """Resource Manager, its cloud, and the key vaults; each client is made when it is first asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.budget = Budget(settings.arm_limits)
        self.pipeline = Pipeline(settings.identity, settings.ca_file, self.budget)
        self.connected_kubernetes = lru_cache(_SUBSCRIPTIONS)(self._connected_kubernetes)
        self.resources = lru_cache(_SUBSCRIPTIONS)(self._resources)
        self.vault = lru_cache(None)(self._vault)
        self.providers = Providers(self.resources)
        self.constants = Constants()
        self.listings = Listings()

    @cached_property
    def cloud(self) -> Cloud:
        """The cloud that ARCWAY_ARM_ENDPOINT belongs to; asked once. Raises `ArcError`."""
        return read_cloud(self.pipeline, self._settings.arm_endpoint)

    def get(self, url: str) -> tuple[dict[str, Any], dict[str, str]]:
        """GET a Resource Manager URL that no SDK method covers; returns body and headers. Raises `ArcError`."""
        response = self.pipeline.send(self.cloud.arm, self.cloud.scope, "GET", url)
        return json_object(response), dict(response.headers)

    def follow(self, url: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Read the status URL of a long-running operation once: status, body (empty if there is none) and headers.

        Raises `ArcError` for every failure but 404.
        """
        response = self.pipeline.request(self.cloud.arm, self.cloud.scope, "GET", url, **{POLL: True})
        if response.status_code != HTTPStatus.NOT_FOUND:
            with azure_errors():
                response.raise_for_status()
        has_body = response.status_code != HTTPStatus.NOT_FOUND and bool(response.content.strip(b" \r\n\t"))
        return response.status_code, json_object(response, or_null=True) if has_body else {}, dict(response.headers)

    def _connected_kubernetes(self, subscription_id: str) -> "ConnectedKubernetesClient":
        """Client of Microsoft.Kubernetes for one subscription."""
        from azure.mgmt.hybridkubernetes import ConnectedKubernetesClient

        return ConnectedKubernetesClient(self.pipeline.credential, subscription_id, **self._arm_options())

    def _resources(self, subscription_id: str) -> "ResourceManagementClient":
        """Client of Microsoft.Resources for one subscription."""
        from azure.mgmt.resource.resources import ResourceManagementClient

        return ResourceManagementClient(self.pipeline.credential, subscription_id, **self._arm_options())

    def _arm_options(self) -> dict[str, Any]:
        return {
            "base_url": self.cloud.arm,
            "credential_scopes": [self.cloud.scope],
            "policies": self.pipeline.policies(self.cloud.scope),
            **self.pipeline.transport_options(),
        }

    def _vault(self, address: str) -> "SecretClient":
        from azure.keyvault.secrets import SecretClient

        return SecretClient(
            address,
            self.pipeline.credential,
            retry_total=0,
            # A vault on loopback is not under a vault domain, so its challenge can be verified only in Azure.
            verify_challenge_resource=not self._settings.local,
            **self.pipeline.transport_options(),
        )
