"""The ARM resource Microsoft.Kubernetes/connectedClusters: read, put, change, follow, delete, list.

Long-running operations are started here and followed one read at a time, without sleeping. Wire facts: PUT answers 200
or 201, and 201 carries Azure-AsyncOperation (no Location, usually no Retry-After).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from typing import Any, cast

from azure.core.exceptions import ResourceNotFoundError
from azure.core.polling import PollingMethod

from arcway.azure.budget import POLL
from arcway.azure.clients import AzureClients
from arcway.azure.errors import azure_errors
from arcway.azure.listings import Listed
from arcway.azure.resource_change import PATCHABLE, Change, applied
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.retry_after import retry_after

RESOURCE_TYPE = "Microsoft.Kubernetes/connectedClusters"
DELETE_ACTIONS = ("Microsoft.Kubernetes/connectedClusters/delete",)
WRITE_ACTIONS = ("Microsoft.Kubernetes/connectedClusters/read", "Microsoft.Kubernetes/connectedClusters/write")
_SUCCEEDED = "Succeeded"
_MOST_PAGES = 1000


def get(azure: AzureClients, cluster: ClusterId) -> dict[str, Any] | None:
    """Return the resource as Azure has it, with `resourceGroup` added as `az` does; None if it does not exist."""
    resource = _read(azure, cluster)
    return _with_group(resource.as_dict()) if resource is not None else None


def update(azure: AzureClients, cluster: ClusterId, change: Change) -> tuple[bool, str | None]:
    """Change the resource if anything differs: whether it did, and the URL to follow if Azure is not done at once.

    A PATCH where it can say all; else a PUT of the resource as it is with what differs, so that everything else stays,
    the public key above all. Raises `ArcError` ARC-4012 when the resource does not exist.
    """
    resource = _read(azure, cluster)
    if resource is None:
        raise ArcError(Code.CONNECTED_CLUSTER_NOT_FOUND, f"Connected cluster {cluster.resource_id} does not exist.")
    differing = change.differing(resource.as_dict())
    if not differing:
        return False, None
    if differing.keys() <= PATCHABLE:
        return True, _patch(azure, cluster, applied({}, differing))
    return True, put(azure, cluster, applied(_writable(resource), differing))


def desired(resource: dict[str, Any], change: Change) -> dict[str, Any]:
    """`resource`, as `get` returned it, as it will be after the change: what a check asks the data plane about."""
    return applied(resource, change.differing(resource))


def replace(azure: AzureClients, cluster: ClusterId, resource: dict[str, Any], change: Change) -> str | None:
    """Put `resource`, as `get` returned it, with what `change` wants; returns the URL to follow.

    Everything that Azure lets one write is in the body, because a PUT takes away what it leaves out.
    """
    model = _model_of({name: value for name, value in resource.items() if name != "resourceGroup"})
    return put(azure, cluster, applied(_writable(model), change.differing(resource)))


def put(azure: AzureClients, cluster: ClusterId, body: dict[str, Any]) -> str | None:
    """Create or replace the resource; returns the URL to follow, None when Azure was done at once."""
    with _written(azure, cluster), azure_errors():
        result: Any = azure.connected_kubernetes(cluster.subscription_id).connected_cluster.begin_create_or_replace(
            cluster.resource_group, cluster.name, cast("Any", body), polling=_Followed()
        )
    return _operation_url(result)


def _patch(azure: AzureClients, cluster: ClusterId, body: dict[str, Any]) -> str | None:
    with _written(azure, cluster), azure_errors():
        result: Any = azure.connected_kubernetes(cluster.subscription_id).connected_cluster.begin_update_async(
            cluster.resource_group, cluster.name, cast("Any", body), polling=_Followed()
        )
    return _operation_url(result)


def delete(azure: AzureClients, cluster: ClusterId) -> str | None:
    """Start deleting the resource. Returns the URL to follow, or None if it does not exist."""
    with _written(azure, cluster), azure_errors():
        try:
            result: Any = azure.connected_kubernetes(cluster.subscription_id).connected_cluster.begin_delete(
                cluster.resource_group, cluster.name, polling=_Followed()
            )
        except ResourceNotFoundError:
            return None
    return _operation_url(result)


def operation_state(azure: AzureClients, url: str) -> tuple[str, float | None, dict[str, Any] | None]:
    """Read a long-running operation once: its status, the seconds Azure asks to wait, its error.

    The address may be of either form: `Azure-AsyncOperation` answers with a status, `Location` with 202 as long as the
    operation lasts (https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations). The status
    is empty when Azure does not know the operation: not yet, or not any more.
    """
    answered, body, headers = azure.follow(url)
    if answered == HTTPStatus.NOT_FOUND:
        return "", None, None
    retry_header = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    status = body.get("status") or (body.get("properties") or {}).get("provisioningState")
    if not isinstance(status, str):
        status = "InProgress" if answered == HTTPStatus.ACCEPTED else _SUCCEEDED
    state = next((word for word in (_SUCCEEDED, "Failed", "Canceled") if word.lower() == status.lower()), status)
    return state, retry_after(retry_header, datetime.now(UTC)), body.get("error")


def list_in(azure: AzureClients, subscription_id: str, resource_group: str | None = None) -> list[dict[str, Any]]:
    """Return all connected clusters of the subscription, or of one of its resource groups."""
    return _listed(azure, subscription_id, resource_group)


def list_by_key(
    azure: AzureClients, subscription_id: str, resource_group: str | None = None
) -> dict[str, dict[str, Any]]:
    """The same by resource id in lower case; none where the resource group does not exist."""
    try:
        resources = list_in(azure, subscription_id, resource_group)
    except ArcError as error:
        if error.code != Code.RESOURCE_GROUP_NOT_FOUND:
            raise
        resources = []
    return {str(resource["id"]).lower(): resource for resource in resources}


def look(azure: AzureClients, cluster: ClusterId, run: str, *, waits: bool) -> Listed:
    """What a listing that the runs in the cluster's resource group share says of it, or a read for this run alone.

    `waits` says whether the run waits for a change. Raises `ArcError` as `get`, and ARC-4007 when Azure throttles.
    """
    options = {POLL: True}
    return azure.listings.look(
        cluster,
        run,
        lambda: _listed(azure, cluster.subscription_id, cluster.resource_group, **options),
        lambda: get(azure, cluster),
        waits=waits,
    )


def leave(azure: AzureClients, cluster: ClusterId, run: str) -> None:
    """The run has seen of its cluster what it waited for: others that look do not count on it."""
    azure.listings.leave(cluster, run)


def _listed(
    azure: AzureClients, subscription_id: str, resource_group: str | None, **options: Any
) -> list[dict[str, Any]]:
    operations = azure.connected_kubernetes(subscription_id).connected_cluster
    with azure_errors():
        resources = (
            operations.list_by_resource_group(resource_group, **options)
            if resource_group
            else operations.list_by_subscription(**options)
        )
        items = [item for page in islice(resources.by_page(), _MOST_PAGES) for item in page]
    return [_with_group(item.as_dict()) for item in items]


@contextmanager
def _written(azure: AzureClients, cluster: ClusterId) -> Iterator[None]:
    """Around a write: what was known of the cluster is not known any more, nor of its group if Azure refuses."""
    try:
        yield
    except ArcError as error:
        if error.code != Code.AZURE_THROTTLED:
            azure.constants.forget(cluster.subscription_id)
        raise
    finally:
        azure.listings.wrote(cluster)


def create(azure: AzureClients, cluster: ClusterId, location: str, change: Change) -> str | None:
    """Put a resource that has only what `change` wants; returns the URL to follow, None when Azure was done at once.

    The service has no default of its own for what a new resource must have: its tags and its auto-upgrade.
    """
    new = {"location": location, "identity": {"type": "SystemAssigned"}, "tags": {}, "properties": {}}
    default = Change(auto_upgrade=True).differing({})
    return put(azure, cluster, applied(new, {**default, **change.differing({})}))


def _read(azure: AzureClients, cluster: ClusterId) -> Any:
    with azure_errors():
        try:
            return azure.connected_kubernetes(cluster.subscription_id).connected_cluster.get(
                cluster.resource_group, cluster.name
            )
        except ResourceNotFoundError as error:
            if error.error is not None and error.error.code == "SubscriptionNotFound":
                raise
            return None


def _model_of(resource: dict[str, Any]) -> Any:
    """The SDK's model of a connected cluster as Azure returned it; it has the read-only properties, too."""
    from azure.mgmt.hybridkubernetes.models import ConnectedCluster

    return ConnectedCluster(resource)


def _writable(value: Any) -> dict[str, Any]:
    """The resource without what only Azure writes; the SDK's models do not mark all of it as read-only."""
    body: dict[str, Any] = value.as_dict(exclude_readonly=True)
    body["properties"].pop("provisioningState", None)
    (body["properties"].get("arcAgentProfile") or {}).pop("agentErrors", None)
    return body


class _Followed(PollingMethod[Any]):
    """Follows nothing and keeps the first answer; the client itself reads a body where there need not be one."""

    def initialize(self, client: Any, initial_response: Any, deserialization_callback: Any) -> None:
        """Called by the client with the first answer."""
        self.first = initial_response.http_response

    def run(self) -> None:
        """Does not wait."""

    def status(self) -> str:
        """Not asked for."""
        return "Started"

    def finished(self) -> bool:
        """So that the client starts no thread."""
        return True

    def resource(self) -> Any:
        """Not asked for."""
        return None


def _operation_url(poller: Any) -> str | None:
    """The URL to follow. An answer that says that all is done must show it: the resource in JSON.

    Raises `ArcError` ARC-4011 when it does not.
    """
    first = poller.polling_method().first
    if first.request.method != "DELETE" and first.status_code != HTTPStatus.ACCEPTED:
        with azure_errors():
            resource = first.json()
        if not isinstance(resource, dict):
            raise ArcError(Code.AZURE_RESPONSE_INVALID, "Azure returned no resource in response to a write.")
    headers: Mapping[str, str] = first.headers
    return headers.get("Azure-AsyncOperation") or headers.get("Location")


def _with_group(resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "resourceGroup": resource["id"].split("/")[4]}
