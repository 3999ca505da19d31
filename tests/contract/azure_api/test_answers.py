"""What else is in Azure's answers: metadata, headers, and the refusals of policy, lock, state and deny assignment."""

from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_onboarding_sequence import body, code, register, with_group


def url_of(azure: Azure, name: str = "one") -> str:
    register(azure)
    return f"{with_group(azure)}/providers/Microsoft.Kubernetes/connectedClusters/{name}"


def test_metadata_have_every_endpoint_that_clients_read(azure: Azure) -> None:
    endpoint = azure.ready["endpoint"]
    metadata = azure.anonymous.get("/metadata/endpoints", params={"api-version": "2022-09-01"}).json()
    data_plane = metadata["dataplaneEndpoints"]
    assert {data_plane[name] for name in ("arcConfigEndpoint", "arcHybridIdentityServiceEndpoint")} == {endpoint}
    assert data_plane["arcGlobalNotificationServiceEndpoint"].startswith("https://")
    for name in ("graph", "graphAudience", "microsoftGraphResourceId", "activeDirectoryDataLake", "gallery", "batch"):
        assert metadata[name] == endpoint
    for name in ("relayEndpointSuffix", "keyVaultDns", "storage", "acrLoginServer"):
        assert metadata["suffixes"][name]


def test_an_answer_has_the_headers_of_resource_manager(azure: Azure) -> None:
    url = url_of(azure)
    response = azure.http.put(url, json=body())
    assert response.headers["ETag"]
    assert int(response.headers["x-ms-ratelimit-remaining-subscription-writes"]) > 0
    first = azure.http.get(url)
    second_response = azure.http.get(url)
    assert first.headers["ETag"] == second_response.headers["ETag"] != response.headers["ETag"]
    reads = [int(answer.headers["x-ms-ratelimit-remaining-subscription-reads"]) for answer in (first, second_response)]
    assert all(0 < remaining <= 250 for remaining in reads)
    missing = azure.http.get(f"{url}x")
    assert (missing.status_code, missing.headers["x-ms-failure-cause"]) == (404, "gateway")
    wrong = azure.http.put(url, json=body(agentPublicKeyCertificate="x"))
    assert (wrong.status_code, wrong.headers["x-ms-failure-cause"]) == (400, "service")


def test_without_a_token_the_answer_says_where_to_get_one(azure: Azure) -> None:
    answer = azure.anonymous.get(azure.subscription, params={"api-version": "2022-12-01"})
    challenge = answer.headers["WWW-Authenticate"]
    assert answer.status_code == 401
    assert f'authorization_uri="{azure.ready["endpoint"]}/{azure.ready["tenantId"]}"' in challenge
    assert 'error="invalid_token"' in challenge


def test_an_operation_names_its_resource_in_its_own_case_and_delete_answers_null(azure: Azure) -> None:
    url = url_of(azure, "MyCluster")
    response = azure.http.put(url, json=body())
    status = azure.http.get(response.headers["Azure-AsyncOperation"]).json()
    assert status["resourceId"] == response.json()["id"]
    assert status["resourceId"].endswith("/MyCluster")
    deleted = azure.http.delete(url)
    assert (deleted.status_code, deleted.text) == (202, "null")


def test_a_distribution_is_written_in_the_services_case_once_provisioned(azure: Azure) -> None:
    url = url_of(azure)
    assert azure.http.put(url, json=body(distribution="aks")).json()["properties"]["distribution"] == "aks"
    assert azure.http.get(url).json()["properties"]["distribution"] == "AKS"


def test_the_tenant_and_its_locations_are_reported(azure: Azure) -> None:
    assert [item["tenantId"] for item in azure.http.get("/tenants").json()["value"]] == [azure.ready["tenantId"]]
    names = {item["name"] for item in azure.http.get(f"{azure.subscription}/locations").json()["value"]}
    assert {"eastus", "westeurope"} <= names


def test_a_provider_tells_all_its_types_with_their_versions(azure: Azure) -> None:
    namespaces = azure.http.get(f"{azure.subscription}/providers").json()["value"]
    kinds = {item["namespace"]: {kind["resourceType"] for kind in item["resourceTypes"]} for item in namespaces}
    assert {"connectedClusters", "locations/operationStatuses", "registeredSubscriptions"} <= kinds[
        "Microsoft.Kubernetes"
    ]
    assert {"extensions", "fluxConfigurations"} <= kinds["Microsoft.KubernetesConfiguration"]
    versions = [kind["apiVersions"] for item in namespaces for kind in item["resourceTypes"]]
    assert all(versions)
    register(azure)
    url = f"{azure.subscription}/providers/Microsoft.Kubernetes"
    azure.control("paces", {"registration": {"reads": 1}})
    assert azure.http.post(f"{url}/unregister").json()["registrationState"] == "Unregistering"
    states = [azure.http.get(url).json()["registrationState"] for _ in range(2)]
    assert states == ["Unregistering", "Unregistered"]


@pytest.mark.parametrize("state", ["Disabled", "Warned"])
def test_a_disabled_subscription_can_be_read_and_no_more(azure: Azure, state: str) -> None:
    url = url_of(azure)
    assert azure.http.put(url, json=body()).status_code == 201
    azure.control(f"subscriptions/{azure.ready['subscriptionId']}", {"state": state})
    assert azure.http.get(azure.subscription).json()["state"] == state
    assert code(azure.http.put(url, json=body())) == (409, "ReadOnlyDisabledSubscription")
    assert azure.http.get(url).status_code == 200


def test_a_group_that_is_being_deleted_takes_nothing_and_goes_with_what_is_in_it(azure: Azure) -> None:
    url = url_of(azure)
    group = f"{azure.subscription}/resourcegroups/AzureArcTest"
    assert azure.http.put(url, json=body()).status_code == 201
    azure.control(f"groups/{azure.ready['subscriptionId']}/azurearctest", {})
    assert azure.http.get(group).json()["properties"]["provisioningState"] == "Deleting"
    assert code(azure.http.put(url, json=body())) == (409, "ResourceGroupBeingDeleted")
    assert code(azure.http.put(group, json={"location": "eastus"})) == (409, "ResourceGroupBeingDeleted")
    azure.control("paces", {"deletion": {"reads": 1}})
    followed = azure.http.delete(group)
    assert followed.status_code == 202
    statuses = [azure.http.get(followed.headers["Location"]).status_code for _ in range(2)]
    assert statuses == [202, 200]
    assert azure.http.put(group, json={"location": "eastus"}).status_code == 201
    assert azure.http.get(url).status_code == 404


def guard(azure: Azure, **guards: Any) -> None:
    azure.control("guards", guards)


def test_a_policy_says_which_it_is(azure: Azure) -> None:
    url = url_of(azure)
    kinds = ["Microsoft.Kubernetes/connectedClusters"]
    policy = {"scope": azure.subscription, "name": "need-cost", "displayName": "Need a cost centre", "types": kinds}
    guard(azure, policies=[{**policy, "requiredTags": ["cost"]}])
    refused = azure.http.put(url, json=body())
    assert code(refused) == (403, "RequestDisallowedByPolicy")
    error = refused.json()["error"]
    assert error["target"] == "one"
    assert "need-cost" in error["message"]
    violation = error["additionalInfo"][0]
    assert violation["type"] == "PolicyViolation"
    assert violation["info"]["policyAssignmentDisplayName"] == "Need a cost centre"
    assert azure.http.put(url, json={**body(), "tags": {"Cost": "1"}}).status_code == 201


def test_a_lock_says_where_it_is(azure: Azure) -> None:
    url = url_of(azure)
    group = f"{azure.subscription}/resourceGroups/AzureArcTest"
    assert azure.http.put(url, json=body()).status_code == 201
    guard(azure, locks=[{"scope": group, "level": "CanNotDelete"}])
    refused = azure.http.delete(url)
    assert code(refused) == (409, "ScopeLocked")
    assert f"locked: '{group}'" in refused.json()["error"]["message"]
    assert azure.http.patch(url, json={"tags": {}}).status_code == 200
    guard(azure, locks=[{"scope": url, "level": "ReadOnly"}])
    assert code(azure.http.patch(url, json={"tags": {}})) == (409, "ScopeLocked")
    assert code(azure.http.delete(f"{azure.subscription}/resourcegroups/AzureArcTest")) == (409, "ScopeLocked")


def test_a_deny_assignment_is_not_a_missing_role(azure: Azure) -> None:
    url = url_of(azure)
    guard(azure, denyAssignments=[{"scope": azure.subscription, "name": "managed", "actions": ["*/write"]}])
    refused = azure.http.put(url, json=body())
    assert code(refused) == (403, "DenyAssignmentAuthorizationFailed")
    assert "deny assignment with name 'managed'" in refused.json()["error"]["message"]


def test_a_patch_may_be_followed_by_its_location_alone(azure: Azure) -> None:
    url = url_of(azure)
    assert azure.http.put(url, json=body()).status_code == 201
    azure.control("patches", {"asynchronous": True})
    azure.control("paces", {"provisioning": {"reads": 1}})
    accepted = azure.http.patch(url, json={"tags": {"a": "b"}})
    assert accepted.status_code == 202
    assert "Azure-AsyncOperation" not in accepted.headers
    assert azure.http.get(accepted.headers["Location"]).status_code == 202
    assert azure.http.get(accepted.headers["Location"]).json()["tags"] == {"a": "b"}


def test_a_fault_may_be_anything(azure: Azure) -> None:
    url = url_of(azure)
    assert azure.http.put(url, json=body()).status_code == 201
    lie = {"path": "/connectedclusters/one$", "method": "GET", "status": 404, "code": "ResourceNotFound", "skip": 1}
    azure.control("faults", [lie])
    assert [azure.http.get(url).status_code for _ in range(3)] == [200, 404, 200]
    azure.control("faults", [{"path": "one", "status": 429, "retryAfterDate": 372, "times": None}])
    for _ in range(3):
        answer = azure.http.get(url)
        assert answer.status_code == 429
        assert parsedate_to_datetime(answer.headers["Retry-After"]).tzinfo
    strange = {"path": "one", "status": 200, "text": "<html>", "headers": {"Content-Type": "text/html", "X-A": "b"}}
    azure.control("faults", [strange])
    answer = azure.http.get(url)
    assert (answer.status_code, answer.text, answer.headers["X-A"]) == (200, "<html>", "b")


def test_agentry_configurations_become_helm_settings(azure: Azure) -> None:
    url = url_of(azure)
    configurations = [
        {"feature": "proxy", "settings": {}},
        {"feature": "logging", "settings": {"level": "debug"}},
    ]
    response = azure.http.put(url, json=body(arcAgentryConfigurations=configurations)).json()
    response["properties"]["arcAgentryConfigurations"][0]["protectedSettings"] = {
        "https_proxy": "redacted:proxy:https_proxy"
    }
    answer = azure.http.post("/azure-arc-k8sagents/GetHelmSettings", json=response).json()["helmValuesContent"]
    assert answer["global.httpsProxy"] == "redacted:proxy:https_proxy"
    assert answer["global.isProxyEnabled"] == "true"
    assert answer["systemDefaultValues.logging.level"] == "debug"
