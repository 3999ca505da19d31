"""Read-only questions that triggers may ask about Azure and clusters. Must not change anything nor know HTTP."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from arcway.azure import connected_clusters, policies
from arcway.azure.extensions import EXTENSIONS
from arcway.azure.fleet_forecasts import forecasts_by_lists
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS
from arcway.cluster.access.api import cluster_api
from arcway.cluster.agents import agent_status, key_pair, release_values
from arcway.cluster.checks import permissions
from arcway.cluster.ownership import owner
from arcway.domain import gitops_status
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import serves_another, taken, with_ages
from arcway.domain.errors import ArcError
from arcway.domain.extensions import with_failures
from arcway.domain.feature_reports import features_of_agents
from arcway.domain.fleets.plan import Forecast
from arcway.domain.ids import ClusterId
from arcway.domain.observations import observe
from arcway.domain.owners import SecretUser
from arcway.domain.policy_request import is_policy_extension
from arcway.domain.references import KubeconfigReference
from arcway.domain.request import AnyRequest
from arcway.domain.secret_names import SecretKind
from arcway.domain.secrets_held import hold_always
from arcway.domain.text import presentable
from arcway.installation import Installation
from arcway.kubeconfig_upload import open_kubeconfig, stored_text

CERTIFICATE_DAYS = 30
"""A certificate of agents with fewer days left is worth a line in the log."""


def connected_cluster(installation: Installation, cluster: ClusterId) -> dict[str, Any]:
    """The connected cluster as Azure has it now, with the age of its heartbeat. Raises `ArcError` ARC-4012."""
    resource = connected_clusters.get(installation.azure, cluster)
    if resource is None:
        raise ArcError(Code.CONNECTED_CLUSTER_NOT_FOUND, f"Connected cluster {cluster.resource_id} does not exist.")
    document: dict[str, Any] = presentable(with_ages(resource, datetime.now(UTC)))
    _note_certificate(document)
    return document


def connected_clusters_in(
    installation: Installation, subscription_id: str, resource_group: str | None
) -> list[dict[str, Any]]:
    """All connected clusters of a subscription or of one resource group, by name."""
    now = datetime.now(UTC)
    listed = connected_clusters.list_in(installation.azure, subscription_id, resource_group)
    documents = [presentable(with_ages(item, now)) for item in listed]
    for document in documents:
        _note_certificate(document)
    return sorted(documents, key=lambda item: str(item["id"]).lower())


def _note_certificate(document: dict[str, Any]) -> None:
    """Say whose agents have not renewed their certificate: they do so long before its end."""
    days = document["certificateDaysLeft"]
    if days is not None and days <= CERTIFICATE_DAYS:
        observe("certificate", cluster=str(document["id"]).lower(), days=days)


def extension(installation: Installation, cluster: ClusterId, name: str) -> dict[str, Any]:
    """An extension of a connected cluster as Azure has it now, with its failures. Raises `ArcError` ARC-4028."""
    resource = EXTENSIONS.get(installation.azure, cluster, name)
    if resource is None:
        message = f"Connected cluster {cluster.resource_id} has no extension {name}, or does not exist."
        raise ArcError(Code.EXTENSION_NOT_FOUND, message)
    document: dict[str, Any] = presentable(with_failures(resource))
    return document


def extensions_in(installation: Installation, cluster: ClusterId) -> list[dict[str, Any]]:
    """All extensions of a connected cluster, by name. Raises `ArcError` ARC-4012."""
    documents = [presentable(with_failures(item)) for item in EXTENSIONS.list_in(installation.azure, cluster)]
    return sorted(documents, key=lambda item: str(item["name"]).lower())


def flux_configuration(installation: Installation, cluster: ClusterId, name: str) -> dict[str, Any]:
    """A Flux configuration as Azure has it now, with the cause if it does not comply. Raises `ArcError` ARC-4040."""
    resource = FLUX_CONFIGURATIONS.get(installation.azure, cluster, name)
    if resource is None:
        message = f"Connected cluster {cluster.resource_id} has no Flux configuration {name}, or does not exist."
        raise ArcError(Code.GITOPS_NOT_FOUND, message)
    document: dict[str, Any] = presentable(gitops_status.with_failures(resource))
    return document


def flux_configurations_in(installation: Installation, cluster: ClusterId) -> list[dict[str, Any]]:
    """All Flux configurations of a connected cluster, by name. Raises `ArcError` ARC-4012."""
    listed = FLUX_CONFIGURATIONS.list_in(installation.azure, cluster)
    documents = [presentable(gitops_status.with_failures(item)) for item in listed]
    return sorted(documents, key=lambda item: str(item["name"]).lower())


def policy_of(installation: Installation, cluster: ClusterId) -> dict[str, Any]:
    """The extension of Azure Policy, None without one, and the assignments that apply to the cluster, by name.

    Raises `ArcError` ARC-4012.
    """
    resource = next(
        (item for item in EXTENSIONS.list_in(installation.azure, cluster) if is_policy_extension(item)), None
    )
    assignments = policies.assignments_at(installation.azure, cluster.resource_id)
    document: dict[str, Any] = presentable(
        {
            "extension": with_failures(resource) if resource else None,
            "assignments": sorted(assignments, key=lambda item: str(item.get("name")).lower()),
        }
    )
    return document


def fleet_forecasts(installation: Installation, requests: Sequence[AnyRequest]) -> dict[str, Forecast]:
    """What one operation would do with each cluster by Azure's lists alone, by resource id in lower case.

    Raises `ArcError` for what may pass, such as ARC-4007.
    """
    return forecasts_by_lists(installation.azure, requests)


def agents_of(
    installation: Installation, cluster: ClusterId, kubeconfig: KubeconfigReference, user: SecretUser
) -> dict[str, Any]:
    """The agents of a connected cluster as its own API server shows them to `user`; takes no Lease.

    Raises `ArcError`: ARC-2001 to ARC-2007 when the kubeconfig does not lead there, ARC-5012 when there are no agents,
    ARC-2011 or ARC-4016 when they are another connected cluster's: by what they say themselves, or by their key.
    """
    resource = connected_clusters.get(installation.azure, cluster)
    with cluster_api(installation.connections, open_kubeconfig(installation, kubeconfig, user)) as api:
        served = owner(api)
        if served is None:
            raise ArcError(Code.AGENTS_NOT_INSTALLED, "The cluster has no agents.")
        if served.key != cluster.key:
            raise ArcError(
                Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER,
                "The agents in the cluster belong to another connected cluster.",
            )
        key = None if permissions.missing(api, (permissions.GET_KEY,)) else key_pair.public_key(api)
        if resource is not None and key is not None and serves_another(resource, key):
            raise ArcError(Code.CONNECTED_CLUSTER_TAKEN, taken(resource))
        values = None if permissions.missing(api, (permissions.LIST_RECORDS,)) else release_values.deployed_values(api)
        return {**agent_status.read(api), "features": None if values is None else features_of_agents(values)}


def check_secret(installation: Installation, reference: KubeconfigReference, user: SecretUser) -> None:
    """Raises `ArcError` as `stored_text` if `user` has no such secret; its value is discarded."""
    stored_text(installation, reference, user)


def secret_of_page(installation: Installation, name: str) -> str:
    """The client secret or the session keys of the page. Raises `ArcError` ARC-2001 when it cannot be read."""
    value = installation.secrets.read(name, SecretKind.PAGE, user=None)
    hold_always(value, *value.splitlines())
    return value


def resource_manager_answers(installation: Installation) -> str:
    """The name of the cloud that Resource Manager says it is. Raises `ArcError`."""
    return installation.azure.cloud.name
