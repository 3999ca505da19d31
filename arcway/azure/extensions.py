"""The extensions of a connected cluster (Microsoft.KubernetesConfiguration/extensions): read one, list all.

https://learn.microsoft.com/rest/api/kubernetesconfiguration/extensions
"""

from http import HTTPStatus
from typing import Any

from arcway.azure.clients import AzureClients
from arcway.azure.errors import azure_errors
from arcway.azure.pipeline import json_object
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId

RESOURCE_TYPE = "Microsoft.KubernetesConfiguration/extensions"
_API = "2025-03-01"
_MOST_PAGES = 100
# What a 404 is about: anything else that Azure does not find is the extension.
_NOT_THE_EXTENSION = ("SubscriptionNotFound", "ResourceGroupNotFound", "ParentResourceNotFound")


def get(azure: AzureClients, cluster: ClusterId, name: str) -> dict[str, Any] | None:
    """Return the extension as Azure has it; None if it or its connected cluster does not exist. Raises `ArcError`."""
    url = f"{_collection(cluster)}/{name}?api-version={_API}"
    response = azure.pipeline.request(azure.cloud.arm, azure.cloud.scope, "GET", url)
    if response.status_code == HTTPStatus.NOT_FOUND and _code_of(json_object(response)) not in _NOT_THE_EXTENSION:
        return None
    with azure_errors():
        response.raise_for_status()
    return _resource(json_object(response))


def list_in(azure: AzureClients, cluster: ClusterId) -> list[dict[str, Any]]:
    """Return all extensions of the connected cluster.

    Raises `ArcError`: ARC-4012 when it does not exist, ARC-4011 when Azure's list is not one or has no end.
    """
    url, resources = f"{_collection(cluster)}?api-version={_API}", []
    for _ in range(_MOST_PAGES):
        page, _headers = azure.get(url)
        items = page.get("value")
        if not isinstance(items, list):
            raise ArcError(Code.AZURE_RESPONSE_INVALID, "Azure's list of extensions has no value.")
        resources += [_resource(item) for item in items]
        if not (url := page.get("nextLink") or ""):
            return resources
    raise ArcError(Code.AZURE_RESPONSE_INVALID, f"Azure's list of extensions has more than {_MOST_PAGES} pages.")


def _collection(cluster: ClusterId) -> str:
    return f"{cluster.resource_id}/providers/{RESOURCE_TYPE}"


def _code_of(body: dict[str, Any]) -> str:
    error = body.get("error")
    return str(error.get("code")) if isinstance(error, dict) else ""


def _resource(item: object) -> dict[str, Any]:
    """An extension in Azure's form. Raises `ArcError` ARC-4011 when it is not one."""
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise ArcError(Code.AZURE_RESPONSE_INVALID, "Azure returned an extension without a name.")
    if not isinstance(item.get("properties"), dict):
        raise ArcError(Code.AZURE_RESPONSE_INVALID, "Azure returned an extension without properties.")
    return item
