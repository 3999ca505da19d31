"""Read-only questions that triggers may ask about Azure. Must not change anything nor know HTTP."""

from typing import Any

from arcway.azure import connected_clusters
from arcway.azure.cloud import cloud
from arcway.azure.secrets import read_secret
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId


def connected_cluster(cluster: ClusterId) -> dict[str, Any]:
    """The connected cluster as Azure has it now. Raises `ArcError` ARC-4012 when there is none."""
    found = connected_clusters.get(cluster)
    if found is None:
        raise ArcError("ARC-4012", f"There is no connected cluster {cluster.resource_id}.")
    return found


def connected_clusters_in(subscription_id: str, resource_group: str | None) -> list[dict[str, Any]]:
    """All connected clusters of a subscription or of one resource group, by name."""
    return sorted(connected_clusters.list_in(subscription_id, resource_group), key=lambda item: item["id"].lower())


def check_secret(name: str) -> None:
    """Raises `ArcError` ARC-2001 when there is no such secret that may be used; its value goes nowhere."""
    read_secret(name)


def resource_manager_answers() -> str:
    """The name of the cloud that Resource Manager says it is. Raises `ArcError`."""
    return cloud().name
