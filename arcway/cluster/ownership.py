"""Whose agents are in a cluster: the connected cluster that they and their release serve."""

from collections.abc import Mapping
from typing import Any

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.constants import CONFIG
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.text import excerpt

_OWNER = ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_RESOURCE_NAME")


def owner(api: ClusterApi) -> ClusterId | None:
    """The connected cluster that the agents in this cluster serve; None when there are no agents."""
    config = api.get(CONFIG)
    if config is None:
        return None
    data = config.get("data") or {}
    return ClusterId(*(_part_of_id(data.get(name)) for name in _OWNER))


def _part_of_id(value: object) -> str:
    """One part of an ARM id as it may have been written into the ConfigMap; no more than one part."""
    return excerpt(value).replace("/", "\\x2f")


def belongs_to_another(api: ClusterApi, cluster: ClusterId) -> str | None:
    """Why the agents in this cluster are refused: they serve another connected cluster than `cluster`. None if not."""
    current_owner = owner(api)
    if current_owner is None or current_owner.key == cluster.key:
        return None
    return f"The cluster's agents belong to {current_owner.resource_id}."


def refuse_another(values: Mapping[str, Any], cluster: ClusterId) -> None:
    """Check that a release with these values serves no other connected cluster. Raises `ArcError` ARC-2011."""
    global_values = values.get("global") or {}
    names = [str(global_values.get(name) or "") for name in ("subscriptionId", "resourceGroupName", "resourceName")]
    served = ClusterId(*names)
    if all(names) and served.key != cluster.key:
        raise ArcError(
            Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER, f"The cluster's release belongs to {served.resource_id}."
        )
