"""The request sequence of `az connectedk8s connect`, as its traffic shows it, and the traps that its client sets."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.contract.azure_api.conftest import Azure


def public_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()


def body(**properties: Any) -> dict[str, Any]:
    return {
        "location": "eastus",
        "identity": {"type": "SystemAssigned"},
        "tags": {},
        "properties": {
            "agentPublicKeyCertificate": public_key(),
            "distribution": "kind",
            "infrastructure": "kind",
            **properties,
        },
    }


def register(azure: Azure) -> None:
    for namespace in ("Microsoft.Kubernetes", "Microsoft.KubernetesConfiguration"):
        azure.control(f"providers/{azure.ready['subscriptionId']}/{namespace}", {"state": "Registered"})


def with_group(azure: Azure) -> str:
    group = f"{azure.subscription}/resourcegroups/AzureArcTest"
    assert azure.http.head(group).status_code == 404
    assert azure.http.put(group, json={"location": "eastus"}).status_code == 201
    assert azure.http.head(group).status_code == 204
    return group


def test_the_whole_sequence(azure: Azure) -> None:
    register(azure)
    provider = azure.http.get(f"{azure.subscription}/providers/Microsoft.Kubernetes").json()
    assert provider["registrationState"] == "Registered"
    kinds = {item["resourceType"]: item["locations"] for item in provider["resourceTypes"]}
    assert "East US" in kinds["connectedClusters"]
    metadata = azure.anonymous.get(
        f"{azure.ready['endpoint']}//metadata/endpoints", params={"api-version": "2022-09-01"}
    ).json()
    assert metadata["dataplaneEndpoints"]["arcConfigEndpoint"] == azure.ready["endpoint"]
    group = with_group(azure)
    url = f"{group}/providers/Microsoft.Kubernetes/connectedClusters/one"
    assert azure.http.get(url).json()["error"]["code"] == "ResourceNotFound"
    put = azure.http.put(url, json=body(), headers={"x-ms-azurearc-cli": "true"})
    assert put.status_code == 201
    assert "Location" not in put.headers
    created = put.json()
    assert (created["properties"]["provisioningState"], created["properties"]["connectivityStatus"]) == (
        "Accepted",
        "Connecting",
    )
    assert created["type"] == "microsoft.kubernetes/connectedclusters"
    assert created["identity"]["principalId"]
    assert created["properties"]["privateLinkState"] == "Disabled"
    status = azure.http.get(put.headers["Azure-AsyncOperation"])
    assert "/locations/EASTUS/operationStatuses/" in put.headers["Azure-AsyncOperation"]
    assert status.json()["status"] == "Succeeded"
    assert azure.http.get(url).json()["properties"]["provisioningState"] == "Succeeded"
    assert azure.http.post("/azure-arc-k8sagents/healthCheck").status_code == 200
    settings = azure.http.post(
        "/azure-arc-k8sagents/GetHelmSettings", params={"releaseTrain": "stable"}, json=created
    ).json()
    assert settings["repositoryPath"].startswith(azure.ready["registry"])
    assert all(isinstance(value, str) for value in settings["helmValuesContent"].values())
    latest = azure.http.post("/azure-arc-k8sagents/GetLatestHelmPackagePath").json()
    assert latest["repositoryPath"] == settings["repositoryPath"]


def test_putting_again_is_200_and_deleting_is_202_then_gone(azure: Azure) -> None:
    register(azure)
    url = f"{with_group(azure)}/providers/Microsoft.Kubernetes/connectedClusters/one"
    expected = body()
    assert azure.http.put(url, json=expected).status_code == 201
    assert azure.http.put(url, json=expected).status_code == 200
    assert azure.http.patch(url, json={"tags": {"a": "b"}}).json()["tags"] == {"a": "b"}
    deleted = azure.http.delete(url)
    assert deleted.status_code == 202
    assert azure.http.get(deleted.headers["Location"]).json()["status"] == "Succeeded"
    assert azure.http.get(url).status_code == 404
    assert azure.http.delete(url).status_code == 204


def test_paths_have_no_case_and_only_known_api_versions_are_taken(azure: Azure) -> None:
    register(azure)
    url = f"{with_group(azure)}/providers/Microsoft.Kubernetes/connectedClusters/One"
    assert azure.http.put(url, json=body()).status_code == 201
    for variant in (url.upper(), url.lower(), url.replace("/providers", "//providers")):
        assert azure.http.get(variant, params={"api-version": "2024-01-01"}).json()["name"] == "One"
    unknown = azure.http.get(url, params={"api-version": "2099-01-01-preview"})
    assert code(unknown) == (400, "NoRegisteredProviderFound")
    assert "2026-05-01" in unknown.json()["error"]["message"]
    unknown = azure.http.get(azure.subscription, params={"api-version": "2099-01-01"})
    assert code(unknown) == (400, "InvalidApiVersionParameter")
    unknown = azure.http.post("/azure-arc-k8sagents/healthCheck", params={"api-version": "2099-01-01"})
    assert code(unknown) == (400, "InvalidApiVersionParameter")
    missing = azure.http.get(f"{azure.ready['endpoint']}{url}", params={"api-version": ""})
    assert missing.json()["error"]["code"] == "MissingApiVersionParameter"


def test_correlation_headers_are_echoed(azure: Azure) -> None:
    sent = {"x-ms-correlation-request-id": "c-1", "x-ms-client-request-id": "r-1"}
    answer = azure.http.get(azure.subscription, headers=sent)
    assert {name: answer.headers[name] for name in sent} == sent
    assert answer.headers["x-ms-request-id"]


def test_what_resource_manager_refuses(azure: Azure) -> None:
    group = with_group(azure)
    url = f"{group}/providers/Microsoft.Kubernetes/connectedClusters"
    assert code(azure.http.put(f"{url}/x", json=body())) == (409, "MissingSubscriptionRegistration")
    register(azure)
    assert code(azure.http.put(f"{url}/x", json={**body(), "location": "moon"})) == (
        400,
        "LocationNotAvailableForResourceType",
    )
    assert code(azure.http.put(f"{url}/-x", json=body())) == (400, "InvalidResourceName")
    spki = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    wrong = base64.b64encode(spki.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    assert code(azure.http.put(f"{url}/x", json=body(agentPublicKeyCertificate=wrong)))[0] == 400
    assert code(azure.http.put(f"{url.replace('AzureArcTest', 'nope')}/x", json=body())) == (
        404,
        "ResourceGroupNotFound",
    )
    assert azure.http.put(f"{url}/x", json=body()).status_code == 201
    assert code(azure.http.put(f"{url}/x", json={**body(), "location": "westus"})) == (409, "InvalidResourceLocation")
    second = azure.subscription.replace("1111", "2222")
    assert code(azure.http.get(second)) == (404, "SubscriptionNotFound")


def test_lists_are_paged(azure: Azure) -> None:
    register(azure)
    url = f"{with_group(azure)}/providers/Microsoft.Kubernetes/connectedClusters"
    expected = body()
    for number in range(101):
        assert azure.http.put(f"{url}/c{number:03}", json=expected).status_code == 201
    first = azure.http.get(url).json()
    assert len(first["value"]) == 100
    # As clients do: the link has its own query, and nothing is added to it.
    second = azure.anonymous.get(first["nextLink"], headers=dict(azure.http.headers)).json()
    assert [item["name"] for item in second["value"]] == ["c100"]
    assert "nextLink" not in second


def test_nothing_is_reported_without_a_valid_token(azure: Azure) -> None:
    query = {"api-version": "2024-11-01"}
    for header in ({}, {"Authorization": "Bearer x.y.z"}):
        answer = azure.anonymous.get(azure.subscription, params=query, headers=header)
        assert answer.status_code == 401
    azure.anonymous.post("/control/rotate-key").raise_for_status()
    assert azure.http.get(azure.subscription).status_code == 401


@pytest.mark.parametrize("reads", [0, 2])
def test_registration_takes_as_many_reads_as_asked(azure: Azure, reads: int) -> None:
    azure.control("paces", {"registration": {"reads": reads}})
    url = f"{azure.subscription}/providers/Microsoft.Kubernetes"
    assert azure.http.get(url).json()["registrationState"] == "NotRegistered"
    assert azure.http.post(f"{url}/register").json()["registrationState"] == "Registering"
    states = [azure.http.get(url).json()["registrationState"] for _ in range(reads + 1)]
    assert states == ["Registering"] * reads + ["Registered"]


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]
