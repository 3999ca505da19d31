"""What a PUT and a PATCH of a connected cluster leave of it, as Resource Manager has it."""

from typing import Any

from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_onboarding_sequence import body, register, with_group

WRITTEN = {
    "azureHybridBenefit": "True",
    "distributionVersion": "1.2",
    "privateLinkState": "Enabled",
    "privateLinkScopeResourceId": "/subscriptions/s/scope",
    "gateway": {"enabled": True},
    "oidcIssuerProfile": {"enabled": True},
    "securityProfile": {"workloadIdentity": {"enabled": True}},
    "aadProfile": {"enableAzureRBAC": True},
    "arcAgentProfile": {"agentAutoUpgrade": "Disabled", "desiredAgentVersion": "1.36.2"},
    "arcAgentryConfigurations": [
        {"feature": "proxy", "settings": {"a": "b"}, "protectedSettings": {"https_proxy": "hidden"}}
    ],
}


def url_of(azure: Azure) -> str:
    register(azure)
    return f"{with_group(azure)}/providers/Microsoft.Kubernetes/connectedClusters/one"


def test_a_put_replaces_what_clients_write_and_keeps_what_the_service_writes(azure: Azure) -> None:
    url = url_of(azure)
    full = body(**WRITTEN)
    first = azure.http.put(url, json={**full, "tags": {"cost": "42"}, "kind": "AWS"}).json()
    assert (first["kind"], first["tags"], first["properties"]["gateway"]) == ("AWS", {"cost": "42"}, {"enabled": True})
    assert "hidden" not in str(first)
    azure.control("clusters", {url: {"connectivityStatus": "Connected", "agentVersion": "1.36.2"}})
    minimal = {**full, "properties": {"agentPublicKeyCertificate": full["properties"]["agentPublicKeyCertificate"]}}
    del minimal["tags"]
    second = azure.http.put(url, json=minimal).json()
    assert second["properties"] == {
        **minimal["properties"],
        "privateLinkState": "Disabled",
        "azureHybridBenefit": "NotApplicable",
        "connectivityStatus": "Connected",
        "agentVersion": "1.36.2",
        "provisioningState": "Accepted",
    }
    assert second["tags"] == {}
    assert "kind" not in second
    assert second["identity"] == first["identity"]
    created = ("createdAt", "createdBy", "createdByType")
    assert [second["systemData"][name] for name in created] == [first["systemData"][name] for name in created]


def test_what_only_the_service_writes_is_not_taken_from_a_body(azure: Azure) -> None:
    url = url_of(azure)
    sent = body(
        connectivityStatus="Connected",
        agentVersion="9",
        arcAgentProfile={"agentAutoUpgrade": "Enabled", "agentState": "Succeeded"},
        oidcIssuerProfile={"enabled": True, "issuerUrl": "https://mine"},
    )
    response = azure.http.put(url, json=sent).json()["properties"]
    assert response["connectivityStatus"] == "Connecting"
    assert "agentVersion" not in response
    assert response["arcAgentProfile"] == {"agentAutoUpgrade": "Enabled"}
    assert response["oidcIssuerProfile"] == {"enabled": True}


def test_system_data_is_complete_and_moves(azure: Azure) -> None:
    url = url_of(azure)
    first: dict[str, Any] = azure.http.put(url, json=body()).json()["systemData"]
    assert (first["createdByType"], first["lastModifiedByType"]) == ("Application", "Application")
    assert first["createdBy"] == first["lastModifiedBy"] == "system"
    second = azure.http.patch(url, json={"tags": {"a": "b"}}).json()["systemData"]
    assert second["createdAt"] == first["createdAt"]
    assert second["lastModifiedAt"] > first["lastModifiedAt"]


def test_a_record_that_is_being_deleted_takes_no_put_and_goes(azure: Azure) -> None:
    url = url_of(azure)
    assert azure.http.put(url, json=body()).status_code == 201
    azure.control("clusters", {url: {"provisioningState": "Deleting", "gone": {"reads": 2}}})
    assert azure.http.get(url).json()["properties"]["provisioningState"] == "Deleting"
    refused = azure.http.put(url, json=body())
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "Conflict")
    assert azure.http.get(url).status_code == 404
    assert azure.http.put(url, json=body()).status_code == 201
