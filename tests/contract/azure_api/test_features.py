"""Features of a connected cluster as the resource provider answers: reports of the agents, the link to a gateway."""

from typing import Any

import pytest

from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_extensions import error_of, put_cluster
from tests.contract.azure_api.test_onboarding_sequence import body

GATEWAY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/gateways/one"
LINK: dict[str, Any] = {"properties": {"gatewayProperties": {"gatewayResourceId": GATEWAY}}}
OIDC: dict[str, Any] = {"oidcIssuerProfile": {"enabled": True}}


@pytest.fixture
def url(azure: Azure) -> str:
    """The address of a connected cluster whose agents are Connected."""
    address = put_cluster(azure)
    resource_id = azure.http.get(address).json()["id"]
    azure.control("connectivity", {resource_id: "Connected"})
    return address


def put(azure: Azure, url: str, **properties: Any) -> dict[str, Any]:
    """Put features, with the key that is there."""
    key = azure.http.get(url).json()["properties"]["agentPublicKeyCertificate"]
    response = azure.http.put(url, json=body(**properties, agentPublicKeyCertificate=key))
    assert response.status_code == 200, response.text
    record: dict[str, Any] = response.json()["properties"]
    return record


def profile(azure: Azure, url: str) -> dict[str, Any]:
    properties = azure.http.get(url).json()["properties"]
    return {**properties.get("arcAgentProfile", {}), **properties.get("oidcIssuerProfile", {})}


def order(azure: Azure, url: str, report: dict[str, Any]) -> None:
    azure.control("feature-reports", {azure.http.get(url).json()["id"]: report})


def test_issuer_comes_a_pace_after_it_was_asked_for(azure: Azure, url: str) -> None:
    azure.control("paces", {"features": {"reads": 1}})
    assert "agentState" not in put(azure, url, **OIDC).get("arcAgentProfile", {})
    assert profile(azure, url) == {"agentState": "Updating", "enabled": True}
    reported = profile(azure, url)
    assert reported["agentState"] == "Succeeded"
    assert reported["issuerUrl"].startswith("https://eastus.oic.prod-arc.local/")
    assert "issuerUrl" in put(azure, url, **OIDC)["oidcIssuerProfile"]
    assert put(azure, url, oidcIssuerProfile={"enabled": False})["oidcIssuerProfile"] == {"enabled": False}


def test_nothing_is_reported_of_an_offline_cluster(azure: Azure, url: str) -> None:
    azure.control("connectivity", {azure.http.get(url).json()["id"]: "Offline"})
    put(azure, url, **OIDC)
    assert profile(azure, url) == {"enabled": True}


def test_nothing_is_reported_of_a_self_hosted_issuer(azure: Azure, url: str) -> None:
    own = {"enabled": True, "selfHostedIssuerUrl": "https://own.example"}
    put(azure, url, oidcIssuerProfile=own)
    assert profile(azure, url) == own
    put(azure, url, oidcIssuerProfile=own, securityProfile={"workloadIdentity": {"enabled": True}})
    assert profile(azure, url) == {"agentState": "Succeeded", **own}


def test_failure_on_order_has_the_errors_of_the_agents(azure: Azure, url: str) -> None:
    order(azure, url, {"errors": [{"component": "webhook", "message": "cannot start"}]})
    put(azure, url, **OIDC)
    reported = profile(azure, url)
    (error,) = reported["agentErrors"]
    assert (reported["agentState"], error["component"], error["message"]) == ("Failed", "webhook", "cannot start")
    put(azure, url, **OIDC, securityProfile={"workloadIdentity": {"enabled": True}})
    assert profile(azure, url)["agentState"] == "Succeeded"


def test_report_on_order_never_comes(azure: Azure, url: str) -> None:
    order(azure, url, {"hang": True})
    put(azure, url, **OIDC)
    assert [profile(azure, url) for _ in range(3)] == [{"enabled": True}] * 3


def test_gateway_setting_is_a_document_of_the_cluster(azure: Azure, url: str) -> None:
    setting = f"{url}/providers/Microsoft.HybridCompute/settings/default"
    assert error_of(azure.http.get(setting)) == (404, "ResourceNotFound")
    assert error_of(azure.http.put(setting, json=LINK)) == (409, "MissingSubscriptionRegistration")
    provider = f"providers/{azure.ready['subscriptionId']}/Microsoft.HybridCompute"
    azure.control(provider, {"state": "Registered"})
    assert error_of(azure.http.put(setting, json={"properties": {}})) == (400, "InvalidGatewayResourceId")
    assert [azure.http.put(setting, json=LINK).status_code for _ in range(2)] == [201, 200]
    assert azure.http.get(setting).json()["properties"]["gatewayProperties"] == {"gatewayResourceId": GATEWAY}
    assert error_of(azure.http.get(f"{setting}?api-version=2026-05-01")) == (400, "NoRegisteredProviderFound")
    assert azure.http.delete(url).status_code == 202
    assert error_of(azure.http.get(url)) == (404, "ResourceNotFound")
    assert azure.http.put(url, json=body()).status_code == 201
    assert error_of(azure.http.get(setting)) == (404, "ResourceNotFound")


def test_gateway_is_enabled_by_patch(azure: Azure, url: str) -> None:
    on = {"properties": {"gateway": {"enabled": True}}}
    assert azure.http.patch(url, json=on).json()["properties"]["gateway"] == {"enabled": True}
    azure.control("patches", {"asynchronous": True})
    response = azure.http.patch(url, json={"properties": {"gateway": {"enabled": False}}})
    assert response.status_code == 202
    assert azure.http.get(response.headers["Location"]).json()["properties"]["gateway"] == {"enabled": False}


def test_private_link_without_a_scope_is_refused(azure: Azure, url: str) -> None:
    response = azure.http.put(url, json=body(privateLinkState="Enabled"))
    assert error_of(response) == (400, "InvalidPrivateLinkScope")


def test_data_plane_tells_the_agents_of_features(azure: Azure, url: str) -> None:
    resource = azure.http.get(url).json()
    resource["properties"] |= {**OIDC, "gateway": {"enabled": False}}
    response = azure.http.post("/azure-arc-k8sagents/GetHelmSettings", json=resource)
    values = response.json()["helmValuesContent"]
    assert (values["global.enableOidcIssuer"], values["global.enableGateway"]) == ("true", "false")
    assert "global.enableWorkloadIdentity" not in values
