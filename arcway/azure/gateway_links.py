"""The link of a connected cluster to its Azure Arc gateway: Microsoft.HybridCompute/settings/default of the cluster.

Wire facts: api-version 2025-02-19-preview, body `properties.gatewayProperties.gatewayResourceId`; the link alone does
nothing until the cluster's `gateway.enabled` is true. No SDK covers it.
"""

from http import HTTPStatus
from typing import Any

from arcway.azure.clients import AzureClients
from arcway.azure.errors import azure_errors
from arcway.azure.pipeline import json_object
from arcway.domain.ids import ClusterId

WRITE_ACTIONS = ("Microsoft.HybridCompute/settings/read", "Microsoft.HybridCompute/settings/write")
_API = "2025-02-19-preview"


def linked_gateway(azure: AzureClients, cluster: ClusterId) -> str | None:
    """The resource id of the gateway that the cluster is linked to; None without one. Raises `ArcError`."""
    response = azure.pipeline.request(azure.cloud.arm, azure.cloud.scope, "GET", _url(cluster))
    if response.status_code == HTTPStatus.NOT_FOUND:
        return None
    with azure_errors():
        response.raise_for_status()
    gateway = _object(_object(json_object(response), "properties"), "gatewayProperties").get("gatewayResourceId")
    return gateway if isinstance(gateway, str) and gateway else None


def is_linked(azure: AzureClients, cluster: ClusterId, gateway_id: str) -> bool:
    """Whether the cluster is linked to this gateway. Raises `ArcError`."""
    return (linked_gateway(azure, cluster) or "").lower() == gateway_id.lower()


def link(azure: AzureClients, cluster: ClusterId, gateway_id: str) -> bool:
    """Link the cluster to the gateway unless it is; returns whether that was written. Raises `ArcError`."""
    if is_linked(azure, cluster, gateway_id):
        return False
    body = {"properties": {"gatewayProperties": {"gatewayResourceId": gateway_id}}}
    # An answer that is not the setting in JSON is not Azure's: the write is not believed.
    json_object(azure.pipeline.send(azure.cloud.arm, azure.cloud.scope, "PUT", _url(cluster), body))
    return True


def _url(cluster: ClusterId) -> str:
    return f"{cluster.resource_id}/providers/Microsoft.HybridCompute/settings/default?api-version={_API}"


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}
