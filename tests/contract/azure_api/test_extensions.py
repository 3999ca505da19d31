"""Extensions as the resource provider answers, without a cluster whose agents would act."""

from typing import Any

import httpx
import pytest

from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_onboarding_sequence import body, register, with_group


def put_cluster(azure: Azure) -> str:
    register(azure)
    url = f"{with_group(azure)}/providers/Microsoft.Kubernetes/connectedClusters/one"
    azure.http.put(url, json=body()).raise_for_status()
    return url


@pytest.fixture
def extensions(azure: Azure) -> str:
    """The address of a connected cluster's extensions."""
    return f"{put_cluster(azure)}/providers/Microsoft.KubernetesConfiguration/extensions"


def flux(**properties: Any) -> dict[str, Any]:
    content = {"extensionType": "Microsoft.Flux", "configurationSettings": {"a.b": "1"}, **properties}
    return {"identity": {"type": "SystemAssigned"}, "properties": content}


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_put_answers_201_with_defaults_and_an_operation_in_progress(azure: Azure, extensions: str) -> None:
    response = azure.http.put(f"{extensions}/flux", json=flux())
    assert response.status_code == 201
    record = response.json()
    properties = record["properties"]
    assert (record["name"], record["type"]) == ("flux", "Microsoft.KubernetesConfiguration/extensions")
    assert record["identity"]["principalId"]
    assert properties["extensionType"] == "microsoft.flux"
    assert properties["scope"] == {"cluster": {"releaseNamespace": "flux-system"}}
    assert (properties["releaseTrain"], properties["autoUpgradeMode"]) == ("Stable", "compatible")
    assert (properties["provisioningState"], properties["currentVersion"]) == ("Creating", None)
    operation = azure.http.get(response.headers["Azure-AsyncOperation"]).json()
    assert (operation["status"], operation["error"]) == ("Creating", None)
    assert azure.http.get(f"{extensions}/flux").json()["properties"]["provisioningState"] == "Creating"


def test_operation_url_is_signed_and_on_another_path(azure: Azure, extensions: str) -> None:
    url = azure.http.put(f"{extensions}/flux", json=flux()).headers["Azure-AsyncOperation"]
    assert "/ConnectedClusters/" in url
    address = httpx.URL(url)
    assert set(address.params) == {"api-version", "t", "c", "s", "h"}
    for name in ("t", "c", "s", "h"):
        assert error_of(azure.http.get(address.copy_remove_param(name))) == (403, "InvalidSignature")
    assert azure.http.get(url).status_code == 200


def test_location_names_another_host(azure: Azure, extensions: str) -> None:
    location = httpx.URL(azure.http.put(f"{extensions}/flux", json=flux()).headers["Location"])
    assert location.host == "eastus.rp.kubernetesconfiguration.local"


def test_put_replaces_what_it_leaves_out(azure: Azure, extensions: str) -> None:
    original = flux(configurationProtectedSettings={"password": "hidden"}, releaseTrain="preview")
    created = azure.http.put(f"{extensions}/flux", json=original)
    assert "hidden" not in created.text
    assert created.json()["properties"]["configurationProtectedSettings"] == {"password": ""}
    second = azure.http.put(f"{extensions}/flux", json=flux(configurationSettings={"c": "2"}))
    assert second.status_code == 200
    properties = second.json()["properties"]
    assert properties["configurationSettings"] == {"c": "2"}
    assert properties["configurationProtectedSettings"] == {}
    assert (properties["releaseTrain"], properties["provisioningState"]) == ("Stable", "Updating")
    assert second.json()["identity"] == created.json()["identity"]


def test_second_put_cancels_the_first_operation(azure: Azure, extensions: str) -> None:
    first = azure.http.put(f"{extensions}/flux", json=flux()).headers["Azure-AsyncOperation"]
    azure.http.put(f"{extensions}/flux", json=flux()).raise_for_status()
    assert azure.http.get(first).json()["status"] == "Canceled"


def test_patch_keeps_settings_and_loses_protected_ones_left_out(azure: Azure, extensions: str) -> None:
    azure.http.put(f"{extensions}/flux", json=flux(configurationProtectedSettings={"one": "1", "two": "2"}))
    changes = {"configurationSettings": {"c": "2"}, "configurationProtectedSettings": {"one": "3"}}
    response = azure.http.patch(f"{extensions}/flux", json={"properties": changes})
    assert response.status_code == 202
    properties = response.json()["properties"]
    assert properties["configurationSettings"] == {"a.b": "1", "c": "2"}
    assert properties["configurationProtectedSettings"] == {"one": ""}
    assert azure.http.patch(f"{extensions}/other", json={"properties": {}}).status_code == 404


def test_delete_waits_for_agents_and_with_force_does_not(azure: Azure, extensions: str) -> None:
    azure.http.put(f"{extensions}/flux", json=flux())
    response = azure.http.delete(f"{extensions}/flux")
    assert response.status_code == 202
    assert azure.http.get(response.headers["Azure-AsyncOperation"]).json()["status"] == "Deleting"
    assert error_of(azure.http.put(f"{extensions}/flux", json=flux())) == (409, "Conflict")
    forced = azure.http.delete(f"{extensions}/flux", params={"forceDelete": "true"})
    assert (forced.status_code, "id" in forced.json()) == (200, False)
    assert error_of(azure.http.get(f"{extensions}/flux")) == (404, "ResourceNotFound")
    assert azure.http.delete(f"{extensions}/flux").status_code == 204


def test_list_has_the_extensions_of_one_cluster(azure: Azure, extensions: str) -> None:
    assert azure.http.get(extensions).json() == {"value": [], "nextLink": None}
    for name in ("two", "one"):
        azure.http.put(f"{extensions}/{name}", json=flux())
    assert [item["name"] for item in azure.http.get(extensions).json()["value"]] == ["one", "two"]


def test_extensions_go_with_their_cluster(azure: Azure, extensions: str) -> None:
    azure.http.put(f"{extensions}/flux", json=flux())
    cluster = extensions.partition("/providers/Microsoft.KubernetesConfiguration")[0]
    deletion = azure.http.delete(cluster).headers["Azure-AsyncOperation"]
    assert azure.http.get(deletion).json()["status"] == "Succeeded"
    azure.http.put(cluster, json=body()).raise_for_status()
    assert azure.http.get(extensions).json()["value"] == []


@pytest.mark.parametrize(
    "properties",
    [
        {"extensionType": ""},
        {"version": "1.17.3"},
        {"scope": {"cluster": {}, "namespace": {"targetNamespace": "a"}}},
        {"scope": {"namespace": {}}},
        {"scope": {"namespace": {"targetNamespace": "flux does not support it"}}},
        {"configurationSettings": {"number": 1}},
        {"configurationProtectedSettings": ["list"]},
    ],
)
def test_invalid_extension_is_refused(azure: Azure, extensions: str, properties: dict[str, Any]) -> None:
    assert error_of(azure.http.put(f"{extensions}/flux", json=flux(**properties))) == (400, "InvalidRequest")
    assert azure.http.get(f"{extensions}/flux").status_code == 404


def test_scope_and_type_cannot_be_changed(azure: Azure, extensions: str) -> None:
    azure.http.put(f"{extensions}/flux", json=flux()).raise_for_status()
    moved = flux(scope={"cluster": {"releaseNamespace": "elsewhere"}})
    assert error_of(azure.http.put(f"{extensions}/flux", json=moved)) == (400, "InvalidRequest")
    other = flux(extensionType="microsoft.policyinsights", scope={"cluster": {"releaseNamespace": "flux-system"}})
    assert error_of(azure.http.put(f"{extensions}/flux", json=other)) == (400, "InvalidRequest")


@pytest.mark.parametrize("version", ["2025-04-01", "2026-05-01", "2099-01-01"])
def test_unknown_api_version_is_refused(azure: Azure, extensions: str, version: str) -> None:
    response = azure.http.get(extensions, params={"api-version": version})
    assert error_of(response) == (400, "NoRegisteredProviderFound")


def test_permission_of_each_action_is_asked_for(azure: Azure, extensions: str) -> None:
    azure.http.put(f"{extensions}/flux", json=flux())
    azure.control(f"subscriptions/{azure.ready['subscriptionId']}", {"actions": ["Microsoft.Kubernetes/*"]})
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        response = azure.http.request(method, f"{extensions}/flux", json=flux())
        assert error_of(response) == (403, "AuthorizationFailed")


def test_provider_must_be_registered(azure: Azure, extensions: str) -> None:
    path = f"providers/{azure.ready['subscriptionId']}/Microsoft.KubernetesConfiguration"
    azure.control(path, {"state": "NotRegistered"})
    response = azure.http.put(f"{extensions}/flux", json=flux())
    assert error_of(response) == (409, "MissingSubscriptionRegistration")


def test_extension_types_and_versions_differ_by_location(azure: Azure) -> None:
    locations = f"{azure.subscription}/providers/Microsoft.KubernetesConfiguration/locations"
    types = azure.http.get(f"{locations}/brazilsouth/extensionTypes").json()["value"]
    assert "microsoft.azuredefender.kubernetes" not in {item["name"] for item in types}
    missing = azure.http.get(f"{locations}/brazilsouth/extensionTypes/microsoft.azuredefender.kubernetes")
    assert error_of(missing) == (404, "ExtensionTypeNotFound")
    flux_type = azure.http.get(f"{locations}/eastus/extensionTypes/Microsoft.Flux").json()
    assert flux_type["properties"]["supportedScopes"]["defaultScope"] == "cluster"
    url = f"{locations}/eastus/extensionTypes/microsoft.flux/versions"

    def versions(**query: str) -> list[str]:
        return [item["name"] for item in azure.http.get(url, params=query).json()["value"]]

    assert versions(releaseTrain="stable") == ["1.18.2", "1.17.3", "1.16.11"]
    assert versions(releaseTrain="preview") == ["1.19.0-preview"]
    assert versions(releaseTrain="stable", showLatest="true") == ["1.18.2"]
    assert versions(releaseTrain="stable", majorVersion="2") == []


def test_name_of_an_extension_is_checked(azure: Azure, extensions: str) -> None:
    assert error_of(azure.http.put(f"{extensions}/not_a_name", json=flux())) == (400, "InvalidResourceName")


def test_state_of_an_extension_can_be_ordered(azure: Azure, extensions: str) -> None:
    azure.http.put(f"{extensions}/flux", json=flux())
    azure.control("extensions", {f"{extensions}/flux": {"provisioningState": "Failed"}})
    assert azure.http.get(f"{extensions}/flux").json()["properties"]["provisioningState"] == "Failed"
    azure.control("extensions", {f"{extensions}/flux": None})
    assert azure.http.get(f"{extensions}/flux").status_code == 404
