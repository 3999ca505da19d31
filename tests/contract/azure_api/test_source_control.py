"""Legacy source control configurations (Flux v1), which clients list, show and delete."""

from typing import Any

import pytest

from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_extensions import error_of, put_cluster
from tests.contract.azure_api.test_flux_configurations import git

LEGACY: dict[str, Any] = {
    "properties": {
        "repositoryUrl": "https://git.example/fleet",
        "configurationProtectedSettings": {"sshPrivateKey": "hidden"},
    }
}


@pytest.fixture
def namespace(azure: Azure) -> str:
    """The address of Microsoft.KubernetesConfiguration below a connected cluster."""
    return f"{put_cluster(azure)}/providers/Microsoft.KubernetesConfiguration"


def test_put_takes_effect_at_once_without_an_operation(azure: Azure, namespace: str) -> None:
    url = f"{namespace}/sourceControlConfigurations/fleet"
    assert error_of(azure.http.get(url)) == (404, "ResourceNotFound")
    response = azure.http.put(url, json=LEGACY)
    assert (response.status_code, "Azure-AsyncOperation" in response.headers) == (201, False)
    properties = response.json()["properties"]
    assert (properties["provisioningState"], properties["operatorType"]) == ("Succeeded", "Flux")
    assert properties["complianceStatus"]["complianceState"] == "Pending"
    assert properties["configurationProtectedSettings"] == {"sshPrivateKey": ""}
    assert azure.http.put(url, json=LEGACY).status_code == 200
    listed = azure.http.get(f"{namespace}/sourceControlConfigurations").json()
    assert [item["name"] for item in listed["value"]] == ["fleet"]
    assert azure.http.delete(url).status_code == 200
    assert azure.http.delete(url).status_code == 204
    assert azure.http.get(f"{namespace}/sourceControlConfigurations").json() == {"value": [], "nextLink": None}


def test_configuration_without_a_repository_is_refused(azure: Azure, namespace: str) -> None:
    invalid: list[dict[str, Any]] = [{}, {"properties": []}, {"properties": {"repositoryUrl": ""}}]
    for content in invalid:
        response = azure.http.put(f"{namespace}/sourceControlConfigurations/fleet", json=content)
        assert error_of(response) == (400, "InvalidRequest")


def test_flux_configuration_beside_a_legacy_one_is_refused(azure: Azure, namespace: str) -> None:
    legacy = f"{namespace}/sourceControlConfigurations/fleet"
    azure.http.put(legacy, json=LEGACY).raise_for_status()
    response = azure.http.put(f"{namespace}/fluxConfigurations/fleet", json=git())
    assert error_of(response) == (409, "Conflict")
    azure.http.delete(legacy).raise_for_status()
    assert azure.http.put(f"{namespace}/fluxConfigurations/fleet", json=git()).status_code == 201


def test_unknown_api_version_is_refused(azure: Azure, namespace: str) -> None:
    url = f"{namespace}/sourceControlConfigurations"
    response = azure.http.get(url, params={"api-version": "2025-04-01"})
    assert error_of(response) == (400, "NoRegisteredProviderFound")
