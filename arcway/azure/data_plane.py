"""The Arc data plane: its health, the current chart, and the settings for the agents of a resource.

Wire facts: POST with an empty body or the connected cluster as ARM returned it; `repositoryPath` is
`host/path/chart:version` and `helmValuesContent` a flat map of dotted keys to strings. A short client of our own,
because no SDK covers it.
"""

from typing import Any

from arcway.azure.agent_endpoints import aad_endpoint
from arcway.azure.clients import AzureClients
from arcway.azure.pipeline import json_object
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

_HEALTH_API = "2024-07-01-preview"
_CHART_API = "2019-11-01-preview"


def check_health(azure: AzureClients, location: str) -> None:
    """Check the data plane of the location. Raises `ArcError` ARC-3004 if it is not healthy or cannot be reached."""
    _post(azure, location, f"healthCheck?api-version={_HEALTH_API}")


def latest_chart(azure: AzureClients, location: str, train: str) -> str:
    """Return the path of the current chart of the release train, `host/path/chart:version`."""
    response = _post(azure, location, f"GetLatestHelmPackagePath?api-version={_CHART_API}&releaseTrain={train}")
    return _path(json_object(response))


def helm_settings(
    azure: AzureClients, location: str, train: str, resource: dict[str, Any]
) -> tuple[str, dict[str, str]]:
    """The chart's path and the values that the agents of this connected cluster should have, as dotted keys."""
    body = {key: value for key, value in resource.items() if key != "resourceGroup"}
    response = json_object(
        _post(azure, location, f"GetHelmSettings?api-version={_HEALTH_API}&releaseTrain={train}", body)
    )
    values = response.get("helmValuesContent") or {}
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise ArcError(
            Code.AZURE_RESPONSE_INVALID, "The data plane's Helm settings are not a map of strings to strings."
        )
    return _path(response), {**values, **aad_endpoint(azure.cloud, resource)}


def _post(azure: AzureClients, location: str, path: str, body: Any = None) -> Any:
    endpoint = azure.cloud.data_plane_of(location)
    try:
        return azure.pipeline.send(endpoint, azure.cloud.scope, "POST", f"/azure-arc-k8sagents/{path}", body)
    except ArcError as error:
        if error.code in (Code.AZURE_UNREACHABLE, Code.AZURE_SERVER_ERROR, Code.CONNECTED_CLUSTER_NOT_FOUND):
            raise ArcError(Code.DATA_PLANE_UNREACHABLE, error.message, retry_after=error.retry_after) from error
        raise


def _path(release: dict[str, Any]) -> str:
    path = release.get("repositoryPath")
    if not isinstance(path, str) or ":" not in path:
        raise ArcError(Code.AZURE_RESPONSE_INVALID, "The data plane returned no chart.")
    return path
