"""The resource types of provider namespaces, with their api-versions and locations, as the public cloud has them.

There are those that onboarding, GitOps and policies meet.
"""

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
_EXTENSIONS = [
    "2025-03-01",
    "2024-11-01",
    "2023-05-01",
    "2022-11-01",
    "2022-07-01",
    "2022-03-01",
    "2021-09-01",
]
_FLUX = ["2025-04-01", "2024-11-01", "2024-04-01-preview", "2023-05-01", "2022-11-01", "2022-07-01", "2022-03-01"]
_PRIVATE_LINKS = ["2024-11-01-preview", "2022-04-02-preview"]
_OPERATIONS = ["2025-04-01", "2024-11-01", "2023-05-01", "2022-11-01", "2022-03-01", "2021-03-01"]
_SOURCE_CONTROL = ["2023-05-01", "2022-11-01", "2022-07-01", "2022-03-01", "2021-03-01", "2019-11-01-preview"]
_EXTENSION_TYPES = ["2024-11-01-preview", "2023-05-01-preview", "2022-01-15-preview"]
_LOCATIONS_API = ["2021-08-31-preview", "2021-08-15", "2021-03-15-preview", "2020-07-15-privatepreview"]
_MACHINES = [
    "2025-02-19-preview",
    "2025-01-13",
    "2024-07-10",
    "2024-05-20-preview",
    "2023-10-03-preview",
    "2022-12-27",
    "2022-03-10",
    "2021-05-20",
]
# Of subscriptions, groups and what else is Resource Manager's own.
RESOURCES = [
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
_PERMISSIONS = ["2022-05-01-preview", "2022-04-01", "2020-10-01", "2018-07-01", "2015-07-01"]
_POLICIES = [
    "2026-06-01",
    "2025-11-01",
    "2025-03-01",
    "2025-01-01",
    "2024-05-01",
    "2024-04-01",
    "2023-04-01",
    "2022-06-01",
    "2021-06-01",
    "2020-09-01",
    "2019-09-01",
    "2018-05-01",
]
_POLICY_STATES = ["2024-10-01", "2019-10-01", "2018-07-01-preview"]
_REMEDIATIONS = ["2024-10-01", "2021-10-01", "2019-07-01"]
_RESTRICTIONS = ["2024-10-01", "2023-03-01", "2022-03-01", "2020-07-01"]

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
            "fluxConfigurations": _FLUX,
            "extensionTypes": _EXTENSION_TYPES,
            "locations/extensionTypes": _EXTENSION_TYPES,
            "locations/extensionTypes/versions": _EXTENSION_TYPES,
            "privateLinkScopes": _PRIVATE_LINKS,
            "privateLinkScopes/privateEndpointConnections": _PRIVATE_LINKS,
            "privateLinkScopes/privateEndpointConnectionProxies": _PRIVATE_LINKS,
            "namespaces": _EXTENSION_TYPES,
            "operations": _OPERATIONS,
            "locations": _OPERATIONS,
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
    "microsoft.policyinsights": (
        "Microsoft.PolicyInsights",
        {
            "policyEvents": _POLICY_STATES,
            "policyStates": _POLICY_STATES,
            "policyTrackedResources": ["2018-07-01-preview"],
            "policyMetadata": ["2024-10-01", "2019-10-01"],
            "componentPolicyStates": ["2024-10-01", "2022-04-01"],
            "remediations": _REMEDIATIONS,
            "attestations": ["2024-10-01", "2022-09-01", "2021-01-01"],
            "checkPolicyRestrictions": _RESTRICTIONS,
            "operations": _POLICY_STATES,
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
            "settings": _MACHINES,
            "locations": _MACHINES,
            "operations": _MACHINES,
        },
    ),
}
# Namespaces of Resource Manager itself, which need no registration and are not listed here.
BUILT_IN: dict[str, tuple[str, dict[str, list[str]]]] = {
    "microsoft.authorization": (
        "Microsoft.Authorization",
        {"permissions": _PERMISSIONS, "policyAssignments": _POLICIES, "policyDefinitions": _POLICIES},
    ),
}
TRACKED = {"connectedClusters", "customLocations", "machines", "gateways", "licenses", "privateLinkScopes"}
