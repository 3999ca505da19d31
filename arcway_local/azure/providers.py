"""Provider namespaces as Resource Manager shows them: their resource types, locations and api-versions.

The types and versions are those of the public cloud, as far as onboarding meets them; a version that a namespace does
not have is refused.
"""

from typing import Any

from arcway_local.azure.refusals import Refusal

LOCATIONS = [
    "East US",
    "West Europe",
    "West Central US",
    "South Central US",
    "Southeast Asia",
    "UK South",
    "East US 2",
    "West US 2",
    "Australia East",
    "North Europe",
    "France Central",
    "Central US",
    "West US",
    "North Central US",
    "Korea Central",
    "Japan East",
    "East Asia",
    "West US 3",
    "Canada Central",
    "Sweden Central",
    "Brazil South",
]
_CLUSTERS = [
    "2026-05-01",
    "2025-12-01-preview",
    "2025-08-01-preview",
    "2024-12-01-preview",
    "2024-07-15-preview",
    "2024-07-01-preview",
    "2024-06-01-preview",
    "2024-02-01-preview",
    "2024-01-01",
    "2023-11-01-preview",
    "2022-10-01-preview",
    "2022-05-01-preview",
    "2021-10-01",
    "2021-04-01-preview",
    "2021-03-01",
    "2020-01-01-preview",
]
_CONFIGURATIONS = [
    "2025-04-01",
    "2024-11-01",
    "2023-05-01",
    "2022-11-01",
    "2022-07-01",
    "2022-03-01",
    "2021-09-01",
    "2021-03-01",
]
_EXTENSIONS = [
    "2025-03-01",
    "2024-11-01",
    "2023-05-01",
    "2022-11-01",
    "2022-07-01",
    "2022-03-01",
    "2021-09-01",
]
_SOURCE_CONTROL = ["2023-05-01", "2022-11-01", "2022-07-01", "2022-03-01", "2021-03-01", "2019-11-01-preview"]
_EXTENSION_TYPES = ["2024-11-01-preview", "2023-05-01-preview", "2022-01-15-preview"]
_LOCATIONS_API = ["2021-08-31-preview", "2021-08-15", "2021-03-15-preview", "2020-07-15-privatepreview"]
_MACHINES = [
    "2025-01-13",
    "2024-07-10",
    "2024-05-20-preview",
    "2023-10-03-preview",
    "2022-12-27",
    "2022-03-10",
    "2021-05-20",
]
_RESOURCES = [
    "2025-04-01",
    "2025-03-01",
    "2024-11-01",
    "2024-07-01",
    "2024-03-01",
    "2023-07-01",
    "2022-12-01",
    "2022-09-01",
    "2022-06-01",
    "2022-01-01",
    "2021-04-01",
    "2021-01-01",
    "2020-10-01",
    "2020-08-01",
    "2020-06-01",
    "2020-01-01",
    "2019-11-01",
    "2019-10-01",
    "2019-08-01",
    "2019-06-01",
    "2019-05-10",
    "2019-05-01",
    "2018-05-01",
    "2018-02-01",
    "2017-05-10",
    "2016-09-01",
    "2016-06-01",
    "2016-02-01",
    "2015-11-01",
    "2015-01-01",
]
_AUTHORIZATION = ["2022-05-01-preview", "2022-04-01", "2020-10-01", "2018-07-01", "2015-07-01"]

# By namespace in lower case: its name, and the api-versions of each of its types.
PROVIDERS: dict[str, tuple[str, dict[str, list[str]]]] = {
    "microsoft.kubernetes": (
        "Microsoft.Kubernetes",
        {
            "connectedClusters": _CLUSTERS,
            "locations": _CLUSTERS,
            "locations/operationStatuses": _CLUSTERS,
            "registeredSubscriptions": _CLUSTERS,
            "operations": _CLUSTERS,
        },
    ),
    "microsoft.kubernetesconfiguration": (
        "Microsoft.KubernetesConfiguration",
        {
            "sourceControlConfigurations": _SOURCE_CONTROL,
            "extensions": _EXTENSIONS,
            "fluxConfigurations": _CONFIGURATIONS,
            "extensionTypes": _EXTENSION_TYPES,
            "locations/extensionTypes": _EXTENSION_TYPES,
            "locations/extensionTypes/versions": _EXTENSION_TYPES,
            "privateLinkScopes": _CONFIGURATIONS,
            "privateLinkScopes/privateEndpointConnections": _CONFIGURATIONS,
            "operations": _CONFIGURATIONS,
        },
    ),
    "microsoft.extendedlocation": (
        "Microsoft.ExtendedLocation",
        {
            "locations": _LOCATIONS_API,
            "customLocations": _LOCATIONS_API,
            "customLocations/enabledResourceTypes": _LOCATIONS_API,
            "customLocations/resourceSyncRules": _LOCATIONS_API,
            "operations": _LOCATIONS_API,
        },
    ),
    "microsoft.hybridcompute": (
        "Microsoft.HybridCompute",
        {
            "machines": _MACHINES,
            "machines/extensions": _MACHINES,
            "gateways": _MACHINES,
            "licenses": _MACHINES,
            "privateLinkScopes": _MACHINES,
            "settings": ["2025-02-19-preview", *_MACHINES],
            "locations": _MACHINES,
            "operations": _MACHINES,
        },
    ),
}
# Namespaces that need no registration; nothing but what onboarding meets is served of them.
_BUILT_IN = {"microsoft.resources": _RESOURCES, "microsoft.authorization": _AUTHORIZATION}
_TRACKED = {"connectedClusters", "customLocations", "machines", "gateways", "licenses", "privateLinkScopes"}


def describe(subscription_id: str, namespace: str, state: str) -> dict[str, Any]:
    """The namespace as a GET shows it."""
    name, types = PROVIDERS[namespace]
    return {
        "id": f"/subscriptions/{subscription_id}/providers/{name}",
        "namespace": name,
        "authorizations": [],
        "resourceTypes": [_describe_type(kind, versions) for kind, versions in types.items()],
        "registrationState": state,
        "registrationPolicy": "RegistrationRequired",
    }


def _describe_type(kind: str, versions: list[str]) -> dict[str, Any]:
    tracked = kind in _TRACKED
    system_identity = "SystemAssignedResourceIdentity, " if kind in ("connectedClusters", "machines") else ""
    return {
        "resourceType": kind,
        "locations": [] if kind in ("operations", "locations") else LOCATIONS,
        "apiVersions": versions,
        "defaultApiVersion": next((version for version in versions if not version.endswith("preview")), versions[0]),
        "capabilities": f"{system_identity}SupportsTags, SupportsLocation" if tracked else "None",
    }


def check_version(namespace: str, kind: str, version: str) -> None:
    """Refuse an api-version that is missing (400 MissingApiVersionParameter) or that the type does not have (400)."""
    if not version:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise Refusal(400, "MissingApiVersionParameter", message)
    if built_in := _BUILT_IN.get(namespace):
        if version not in built_in:
            message = f"The api-version '{version}' is invalid. The supported versions are '{','.join(built_in)}'."
            raise Refusal(400, "InvalidApiVersionParameter", message)
        return
    name, types = PROVIDERS[namespace]
    versions = types[kind]
    if version not in versions:
        message = (
            f"No registered resource provider found for API version '{version}' for type '{kind}' in the namespace "
            f"'{name}'. The supported api-versions are '{', '.join(versions)}'."
        )
        raise Refusal(400, "NoRegisteredProviderFound", message)
