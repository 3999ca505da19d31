"""Provider namespaces, their resource types and api-versions, and what Resource Manager refuses of them."""

import pytest

from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_extensions import error_of
from tests.contract.azure_api.test_onboarding_sequence import register, with_group

NAMESPACES = {
    "Microsoft.KubernetesConfiguration": {
        "extensions": "2025-03-01",
        "fluxConfigurations": "2025-04-01",
        "sourceControlConfigurations": "2023-05-01",
        "extensionTypes": "2024-11-01-preview",
        "privateLinkScopes": "2024-11-01-preview",
    },
    "Microsoft.PolicyInsights": {"policyStates": "2024-10-01", "remediations": "2024-10-01"},
    "Microsoft.ExtendedLocation": {"customLocations": "2021-08-15"},
    "Microsoft.HybridCompute": {"gateways": "2025-01-13", "privateLinkScopes": "2025-01-13"},
}


@pytest.mark.parametrize("namespace", sorted(NAMESPACES))
def test_namespace_is_registered_and_lists_its_types(azure: Azure, namespace: str) -> None:
    url = f"{azure.subscription}/providers/{namespace}"
    assert azure.http.get(url).json()["registrationState"] == "NotRegistered"
    assert azure.http.post(f"{url}/register").status_code == 200
    document = azure.http.get(url).json()
    assert (document["namespace"], document["registrationState"]) == (namespace, "Registered")
    newest = {item["resourceType"]: item["apiVersions"] for item in document["resourceTypes"]}
    for kind, version in NAMESPACES[namespace].items():
        assert version in newest[kind]


def test_default_api_version_is_not_a_preview(azure: Azure) -> None:
    document = azure.http.get(f"{azure.subscription}/providers/Microsoft.KubernetesConfiguration").json()
    for item in document["resourceTypes"]:
        stable = [version for version in item["apiVersions"] if not version.endswith("preview")]
        assert item["defaultApiVersion"] == (stable or item["apiVersions"])[0]


def test_api_version_is_checked_on_every_route_of_resource_manager(azure: Azure) -> None:
    register(azure)
    group = with_group(azure)
    cluster = f"{group}/providers/Microsoft.Kubernetes/connectedClusters/one"
    configuration = f"{cluster}/providers/Microsoft.KubernetesConfiguration"
    authorization = "providers/Microsoft.Authorization"
    built_in = (
        azure.subscription,
        "/subscriptions",
        "/tenants",
        f"{azure.subscription}/locations",
        f"{azure.subscription}/providers",
        f"{azure.subscription}/providers/Microsoft.Kubernetes",
        f"{azure.subscription}/resourcegroups",
        group,
    )
    of_providers = (
        f"{azure.subscription}/providers/Microsoft.Kubernetes/connectedClusters",
        cluster,
        "/providers/Microsoft.Kubernetes/locations/EASTUS/operationStatuses/one",
        f"{configuration}/extensions",
        f"{configuration}/extensions/flux/operations/one",
        f"{configuration}/fluxConfigurations/fleet",
        f"{configuration}/sourceControlConfigurations/fleet",
        f"{azure.subscription}/providers/Microsoft.KubernetesConfiguration/locations/eastus/extensionTypes",
        f"{group}/{authorization}/permissions",
        f"{cluster}/{authorization}/policyAssignments",
        f"/{authorization}/policyDefinitions",
        # Types that exist and that nothing here serves.
        f"{azure.subscription}/providers/Microsoft.PolicyInsights/remediations/one",
        f"{group}/providers/Microsoft.ExtendedLocation/customLocations/one",
    )
    for path, code in (
        *((path, "InvalidApiVersionParameter") for path in built_in),
        *((path, "NoRegisteredProviderFound") for path in of_providers),
    ):
        assert error_of(azure.http.get(path, params={"api-version": "2099-01-01"})) == (400, code), path
        missing = azure.http.get(path, params={"api-version": ""})
        assert error_of(missing) == (400, "MissingApiVersionParameter"), path


def test_unknown_types_and_namespaces_are_refused(azure: Azure) -> None:
    group = with_group(azure)
    for path in (
        f"{group}/providers/Microsoft.Kubernetes/otherClusters/one",
        f"{group}/providers/Microsoft.Kubernetes/connectedClusters/one/others/two",
        f"{group}/providers/Microsoft.Kubernetes/connectedClusters/one/providers/Microsoft.Authorization/others",
    ):
        assert error_of(azure.http.get(path)) == (404, "InvalidResourceType"), path
    unknown = azure.http.put(f"{group}/providers/Contoso.Other/things/one", json={})
    assert error_of(unknown) == (404, "InvalidResourceNamespace")
    anonymous = azure.anonymous.get(f"{group}/providers/Contoso.Other/things/one?api-version=2024-11-01")
    assert anonymous.status_code == 401
