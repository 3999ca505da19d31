"""The addresses that the agents need in this cloud and location, from the cloud's own metadata.

Purposes: https://learn.microsoft.com/azure/azure-arc/kubernetes/network-requirements. The hosts of Service Bus that the
agents connect to are named to them by the notification service alone, so they are not here.
"""

from typing import NamedTuple
from urllib.parse import urlsplit

from arcway.azure import data_plane
from arcway.azure.clients import AzureClients
from arcway.azure.cloud import Cloud

_GITOPS = "github.com:9418"
_PUBLIC = "azurecloud"


class Address(NamedTuple):
    """A host and port, and its purpose; the agents work without an `optional` one."""

    address: str
    purpose: str
    optional: bool = False


def required_endpoints(azure: AzureClients, location: str, train: str) -> list[Address]:
    """Return the addresses, each once. Raises `ArcError` if the cloud or its data plane does not respond."""
    current_cloud = azure.cloud
    registry = data_plane.latest_chart(azure, location, train).partition("/")[0]
    required = (
        (current_cloud.arm, "Resource Manager"),
        (current_cloud.login, "sign-in"),
        (current_cloud.data_plane_of(location), "the agents' settings and status"),
        (_identity_service(current_cloud), "the agents' identity"),
        (_notification_service(current_cloud), "notifications about connections to the cluster"),
        (f"https://{registry}", "the agents' images"),
    )
    purposes: dict[str, list[str]] = {}
    for url, purpose in required:
        purposes.setdefault(_host_and_port(url), []).append(purpose)
    addresses = [Address(address, ", ".join(texts)) for address, texts in purposes.items()]
    return [*addresses, Address(_GITOPS, "GitOps with git:// repositories", optional=True)]


def policy_endpoints(azure: AzureClients) -> list[Address]:
    """What Azure Policy's extension needs besides the agents' addresses. Raises `ArcError` as the metadata's read does.

    Sources: https://learn.microsoft.com/azure/governance/policy/concepts/policy-for-kubernetes and, for other clouds,
    https://learn.microsoft.com/azure/aks/outbound-rules-control-egress.
    """
    cloud = azure.cloud
    is_public = cloud.name.lower() == _PUBLIC
    domain = "policy.core.windows.net" if is_public else f"policy.azure.{cloud.domain}"
    return [
        Address(f"data.{domain}:443", "assignments and results of Azure Policy"),
        Address(f"store.{domain}:443", "templates of Azure Policy"),
        Address("login.windows.net:443" if is_public else _host_and_port(cloud.login), "sign-in"),
        Address("dc.services.visualstudio.com:443", "telemetry of Azure Policy", optional=True),
    ]


def _identity_service(current_cloud: Cloud) -> str:
    return current_cloud.identity_service or f"https://gbl.his.arc.azure.{current_cloud.domain}"


def _notification_service(current_cloud: Cloud) -> str:
    return current_cloud.notification_service or f"https://guestnotificationservice.azure.{current_cloud.domain}"


def _host_and_port(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 443}"
