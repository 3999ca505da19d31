"""The extensions of a connected cluster, and which types and versions of extensions a location offers.

https://learn.microsoft.com/rest/api/kubernetesconfiguration/extensions
"""

from typing import Any

from arcway.azure.clients import AzureClients
from arcway.azure.kubernetes_configuration import NAMESPACE, Collection
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

EXTENSIONS = Collection("extensions", "2025-03-01", "an extension")
FLUX_TYPE = "microsoft.flux"
_TYPES_API = "2024-11-01-preview"
_MOST_PAGES = 100


def offered_versions(azure: AzureClients, subscription_id: str, location: str, kind: str, train: str) -> list[str]:
    """The versions of an extension type that the location offers in a release train; empty if it has not the type.

    Raises `ArcError`; the API is a preview, which not every cloud has.
    """
    path = f"/subscriptions/{subscription_id}/providers/{NAMESPACE}/locations/{location}/extensionTypes/{kind}"
    url, versions = f"{path}/versions?api-version={_TYPES_API}&releaseTrain={train}", list[str]()
    for _ in range(_MOST_PAGES):
        try:
            page, _headers = azure.get(url)
        except ArcError as error:
            if error.code != Code.CONNECTED_CLUSTER_NOT_FOUND:
                raise
            return []
        items = page.get("value")
        versions += [_version_of(item) for item in (items if isinstance(items, list) else [])]
        if not (url := page.get("nextLink") or ""):
            break
    return versions


def flux_extension(installed: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The extension microsoft.flux of a connected cluster, whatever its name; None if it has none."""
    return next((item for item in installed if str(item["properties"].get("extensionType")).lower() == FLUX_TYPE), None)


def release_namespace(resource: dict[str, Any] | None) -> str | None:
    """The namespace of the extension's release; None if it is not known yet."""
    scope = (resource or {}).get("properties", {}).get("scope") or {}
    for kind, name in (("cluster", "releaseNamespace"), ("namespace", "targetNamespace")):
        place = scope.get(kind)
        if isinstance(place, dict) and isinstance(place.get(name), str):
            return str(place[name])
    return None


def _version_of(item: object) -> str:
    properties = item.get("properties") if isinstance(item, dict) else None
    version = properties.get("version") if isinstance(properties, dict) else None
    if not isinstance(version, str):
        raise ArcError(Code.AZURE_RESPONSE_INVALID, "Azure returned a version of an extension type without a version.")
    return version
