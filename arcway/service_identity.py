"""The identity as which the service calls Azure: managed, or a workload's where a federated token file is set.

Both without a secret. On one machine the simulated Azure serves the managed identity's endpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


@dataclass(frozen=True, slots=True)
class ServiceIdentity:
    """What names the identity: of a managed one its client id, none for the system-assigned; of a workload all four."""

    client_id: str | None = None
    """AZURE_CLIENT_ID."""
    token_file: str | None = None
    """AZURE_FEDERATED_TOKEN_FILE: the projected token of a Kubernetes ServiceAccount that Entra ID trusts."""
    tenant_id: str | None = None
    """AZURE_TENANT_ID."""
    authority: str | None = None
    """AZURE_AUTHORITY_HOST: another cloud's sign-in address."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "ServiceIdentity":
        """What the environment says, as the webhook of workload identity sets it."""
        return cls(
            environment.get("AZURE_CLIENT_ID") or None,
            environment.get("AZURE_FEDERATED_TOKEN_FILE") or None,
            environment.get("AZURE_TENANT_ID") or None,
            environment.get("AZURE_AUTHORITY_HOST") or None,
        )

    @property
    def problem(self) -> str | None:
        """What is missing of a workload's identity; None when nothing is."""
        if self.token_file and not (self.client_id and self.tenant_id):
            return "AZURE_FEDERATED_TOKEN_FILE needs AZURE_CLIENT_ID and AZURE_TENANT_ID"
        return None

    def credential(self, **options: Any) -> "TokenCredential":
        """A credential; `options` are those of Azure's pipelines."""
        from azure.identity import ManagedIdentityCredential, WorkloadIdentityCredential

        if not self.token_file:
            return ManagedIdentityCredential(client_id=self.client_id, **options)
        if self.authority:
            # Only the public authority knows which others there are, and it does not know a private one.
            options |= {"authority": self.authority, "disable_instance_discovery": True}
        return WorkloadIdentityCredential(
            client_id=self.client_id, tenant_id=self.tenant_id, token_file_path=self.token_file, **options
        )
