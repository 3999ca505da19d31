"""Flux configurations as the resource provider answers, without a cluster whose agents would act."""

import base64
from typing import Any

import httpx
import pytest

from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_extensions import error_of, put_cluster

KEY = base64.b64encode(b"hidden").decode()
GIT = {"url": "https://git.example/fleet", "repositoryRef": {"branch": "main"}}
APPS = {"infra": {"path": "./infra", "prune": True}, "apps": {"dependsOn": ["infra"]}}


@pytest.fixture
def configurations(azure: Azure) -> str:
    """The address of a connected cluster's Flux configurations."""
    return f"{put_cluster(azure)}/providers/Microsoft.KubernetesConfiguration/fluxConfigurations"


def git(source: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    content = {"sourceKind": "GitRepository", "gitRepository": {**GIT, **(source or {})}, "kustomizations": APPS}
    return {"properties": {**content, **properties}}


def put(azure: Azure, configurations: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
    response = azure.http.put(f"{configurations}/fleet", json=content or git())
    assert response.status_code in (200, 201), response.text
    properties: dict[str, Any] = response.json()["properties"]
    return properties


def test_put_returns_201_with_defaults_and_an_operation_in_progress(azure: Azure, configurations: str) -> None:
    response = azure.http.put(f"{configurations}/fleet", json=git())
    assert response.status_code == 201
    record = response.json()
    properties = record["properties"]
    assert (record["name"], record["type"]) == ("fleet", "Microsoft.KubernetesConfiguration/fluxConfigurations")
    assert (properties["scope"], properties["namespace"]) == ("cluster", "default")
    assert (properties["provisioningState"], properties["complianceState"]) == ("Creating", "Pending")
    repository = properties["gitRepository"]
    assert (repository["timeoutInSeconds"], repository["syncIntervalInSeconds"]) == (600, 600)
    assert (properties["bucket"], properties["azureBlob"], properties["ociRepository"]) == (None, None, None)
    apps = properties["kustomizations"]["apps"]
    assert (apps["name"], apps["path"], apps["prune"], apps["force"], apps["wait"]) == ("apps", "", False, False, True)
    url = response.headers["Azure-AsyncOperation"]
    assert "/ConnectedClusters/" in url
    assert "/fluxConfigurations/fleet/operations/" in url
    assert azure.http.get(url).json()["status"] == "Creating"
    unsigned = azure.http.get(httpx.URL(url).copy_remove_param("s"))
    assert error_of(unsigned) == (403, "InvalidSignature")


def test_missing_configuration_is_404(azure: Azure, configurations: str) -> None:
    assert error_of(azure.http.get(f"{configurations}/fleet")) == (404, "ResourceNotFound")
    response = azure.http.patch(f"{configurations}/fleet", json={"properties": {}})
    assert error_of(response) == (404, "ResourceNotFound")
    assert azure.http.delete(f"{configurations}/fleet").status_code == 204
    elsewhere = configurations.replace("/one/", "/other/")
    assert error_of(azure.http.get(f"{elsewhere}/fleet")) == (404, "ResourceNotFound")


def test_put_replaces_what_it_leaves_out(azure: Azure, configurations: str) -> None:
    put(azure, configurations, git(suspend=True))
    second = azure.http.put(f"{configurations}/fleet", json=git(kustomizations={"only": {}}))
    assert second.status_code == 200
    properties = second.json()["properties"]
    assert (properties["suspend"], list(properties["kustomizations"])) == (False, ["only"])
    assert properties["provisioningState"] == "Updating"


def test_protected_settings_are_write_only(azure: Azure, configurations: str) -> None:
    protected = {"configurationProtectedSettings": {"httpsKey": KEY}}
    response = azure.http.put(f"{configurations}/fleet", json=git({"httpsUser": "reader"}, **protected))
    assert response.status_code == 201
    for text in (response.text, azure.http.get(f"{configurations}/fleet").text, azure.http.get(configurations).text):
        assert KEY not in text
    shown = azure.http.get(f"{configurations}/fleet").json()["properties"]["configurationProtectedSettings"]
    assert shown == {"httpsKey": ""}
    blob = {"url": "https://store.example", "containerName": "fleet", "accountKey": "hidden key"}
    azure.http.put(f"{configurations}/blob", json={"properties": {"sourceKind": "AzureBlob", "azureBlob": blob}})
    record = azure.http.get(f"{configurations}/blob")
    assert "hidden key" not in record.text
    assert record.json()["properties"]["azureBlob"]["accountKey"] is None


def test_patch_merges_and_null_removes(azure: Azure, configurations: str) -> None:
    put(azure, configurations)
    changes = {
        "suspend": True,
        "gitRepository": {"syncIntervalInSeconds": 60, "repositoryRef": {"tag": "v1"}},
        "kustomizations": {"apps": None, "infra": {"path": "./other"}, "new": {"dependsOn": ["infra"]}},
    }
    response = azure.http.patch(f"{configurations}/fleet", json={"properties": changes})
    assert response.status_code == 202
    properties = azure.http.get(f"{configurations}/fleet").json()["properties"]
    assert (properties["suspend"], properties["provisioningState"]) == (True, "Updating")
    repository = properties["gitRepository"]
    assert (repository["url"], repository["syncIntervalInSeconds"]) == (GIT["url"], 60)
    assert {name: value for name, value in repository["repositoryRef"].items() if value} == {"tag": "v1"}
    infra = properties["kustomizations"]["infra"]
    assert (sorted(properties["kustomizations"]), infra["path"], infra["prune"]) == (["infra", "new"], "./other", True)


def test_patch_of_the_source_kind_replaces_the_source(azure: Azure, configurations: str) -> None:
    protected = {"configurationProtectedSettings": {"httpsKey": KEY}}
    put(azure, configurations, git({"httpsUser": "reader"}, **protected))
    bucket = {"url": "https://store.example", "bucketName": "fleet"}
    changes = {"sourceKind": "Bucket", "bucket": bucket}
    both = azure.http.patch(f"{configurations}/fleet", json={"properties": changes})
    assert error_of(both) == (400, "InvalidRequest")
    response = azure.http.patch(f"{configurations}/fleet", json={"properties": {**changes, "gitRepository": None}})
    assert response.status_code == 202
    properties = response.json()["properties"]
    assert (properties["gitRepository"], properties["configurationProtectedSettings"]) == (None, {})


def test_patch_keeps_protected_settings_that_it_does_not_name(azure: Azure, configurations: str) -> None:
    protected = {"configurationProtectedSettings": {"httpsKey": KEY}}
    put(azure, configurations, git({"httpsUser": "reader"}, **protected))
    response = azure.http.patch(f"{configurations}/fleet", json={"properties": {"suspend": True}})
    assert response.status_code == 202
    assert response.json()["properties"]["configurationProtectedSettings"] == {"httpsKey": ""}


def test_scope_and_namespace_cannot_be_changed(azure: Azure, configurations: str) -> None:
    put(azure, configurations, git(namespace="fleet"))
    for content in (git(namespace="other"), git(scope="namespace", namespace="fleet")):
        response = azure.http.put(f"{configurations}/fleet", json=content)
        assert error_of(response) == (400, "InvalidRequest")
    response = azure.http.patch(f"{configurations}/fleet", json={"properties": {"namespace": "other"}})
    assert error_of(response) == (400, "InvalidRequest")
    assert azure.http.get(f"{configurations}/fleet").json()["properties"]["namespace"] == "fleet"


INVALID: list[dict[str, Any]] = [
    {"properties": {}},
    {"properties": "text"},
    git(sourceKind="Other"),
    git(sourceKind="Bucket"),
    git(bucket={"url": "https://store.example", "bucketName": "fleet"}),
    git({"url": "ftp://git.example/fleet"}),
    git({"url": 1}),
    git({"repositoryRef": {}}),
    git({"repositoryRef": {"branch": "main", "tag": "v1"}}),
    git({"repositoryRef": {"tag": "v1", "commit": "a1"}}),
    git({"timeoutInSeconds": 0}),
    git({"timeoutInSeconds": True}),
    git({"provider": "GitLab"}),
    git({"httpsUser": "reader"}),
    git({"sshKnownHosts": KEY}),
    git({"httpsCACert": "not base64"}),
    git({"localAuthRef": "own"}, configurationProtectedSettings={"httpsKey": KEY}),
    git({"httpsUser": "reader"}, configurationProtectedSettings={"httpsKey": "not base64"}),
    git({"httpsUser": "reader"}, configurationProtectedSettings={"httpsKey": 1}),
    git(configurationProtectedSettings={"sshPrivateKey": KEY}),
    git({"url": "ssh://git@git.example/fleet"}, configurationProtectedSettings={"bucketSecretKey": KEY}),
    git({"url": "git@git.example:fleet", "httpsUser": "reader"}, configurationProtectedSettings={"httpsKey": KEY}),
    git(configurationProtectedSettings={"other": KEY}),
    git(scope="other"),
    git(namespace="Upper"),
    git(kustomizations={"Upper": {}}),
    git(kustomizations={"k" * 60: {}}),
    git(kustomizations={"apps": {"dependsOn": ["missing"]}}),
    git(kustomizations={"apps": {"dependsOn": ["apps"]}}),
    git(kustomizations={"apps": "text"}),
    git(kustomizations={"apps": {"postBuild": {"substituteFrom": [{"kind": "Pod", "name": "a"}]}}}),
    git(waitForReconciliation=True, reconciliationWaitDuration="half an hour"),
    {"properties": {"sourceKind": "Bucket", "bucket": {"url": "https://store.example"}}},
    {
        "properties": {
            "sourceKind": "AzureBlob",
            "azureBlob": {"url": "https://a.example", "containerName": "a", "accountKey": "k", "sasToken": "s"},
        }
    },
    {"properties": {"sourceKind": "OCIRepository", "ociRepository": {"url": "https://registry.example/fleet"}}},
]


def test_invalid_configurations_are_refused(azure: Azure, configurations: str) -> None:
    for content in INVALID:
        response = azure.http.put(f"{configurations}/fleet", json=content)
        assert response.status_code == 400, content
        assert response.json()["error"]["code"] in ("InvalidRequest", "InvalidRequestContent"), content
    assert azure.http.get(configurations).json()["value"] == []
    for name in ("Upper", "under_score", "n" * 64):
        response = azure.http.put(f"{configurations}/{name}", json=git())
        assert error_of(response) == (400, "InvalidResourceName")


VALID: list[dict[str, Any]] = [
    git({"repositoryRef": {"branch": "main", "commit": "a1"}}),
    git({"repositoryRef": {"semver": ">=1.0.0"}}),
    git({"url": "git@git.example:team/fleet"}, configurationProtectedSettings={"sshPrivateKey": KEY}),
    git({"url": "ssh://git@git.example/fleet", "sshKnownHosts": KEY}),
    git({"localAuthRef": "own"}, kustomizations=None),
    git(waitForReconciliation=True, reconciliationWaitDuration="PT1H30M"),
    {
        "properties": {
            "sourceKind": "Bucket",
            "bucket": {"url": "https://store.example", "bucketName": "fleet", "accessKey": "id"},
            "configurationProtectedSettings": {"bucketSecretKey": KEY},
        }
    },
    {"properties": {"sourceKind": "OCIRepository", "ociRepository": {"url": "oci://registry.example/fleet"}}},
]


def test_valid_configurations_are_accepted(azure: Azure, configurations: str) -> None:
    for number, content in enumerate(VALID):
        response = azure.http.put(f"{configurations}/c{number}", json=content)
        assert response.status_code == 201, (content, response.text)


def test_delete_waits_for_agents_and_with_force_does_not(azure: Azure, configurations: str) -> None:
    put(azure, configurations)
    response = azure.http.delete(f"{configurations}/fleet")
    assert response.status_code == 202
    assert azure.http.get(response.headers["Azure-AsyncOperation"]).json()["status"] == "Deleting"
    assert error_of(azure.http.put(f"{configurations}/fleet", json=git())) == (409, "Conflict")
    forced = azure.http.delete(f"{configurations}/fleet", params={"forceDelete": "true"})
    assert (forced.status_code, "id" in forced.json()) == (200, False)
    assert error_of(azure.http.get(f"{configurations}/fleet")) == (404, "ResourceNotFound")


def test_list_is_paged(azure: Azure, configurations: str) -> None:
    assert azure.http.get(configurations).json() == {"value": [], "nextLink": None}
    for number in range(101):
        azure.http.put(f"{configurations}/c{number:03}", json=git()).raise_for_status()
    first = azure.http.get(configurations).json()
    assert len(first["value"]) == 100
    second = azure.anonymous.get(first["nextLink"], headers=dict(azure.http.headers)).json()
    assert ([item["name"] for item in second["value"]], second["nextLink"]) == (["c100"], None)
    broken = azure.http.get(configurations, params={"$skiptoken": "broken"})
    assert error_of(broken) == (400, "InvalidSkipToken")


def test_configurations_go_with_their_cluster_at_once(azure: Azure, configurations: str) -> None:
    put(azure, configurations)
    azure.control("paces", {"deletion": {"reads": 1000}})
    cluster = configurations.partition("/providers/Microsoft.KubernetesConfiguration")[0]
    assert azure.http.delete(cluster).status_code == 202
    assert azure.http.get(cluster).json()["properties"]["provisioningState"] == "Deleting"
    assert error_of(azure.http.get(f"{configurations}/fleet")) == (404, "ResourceNotFound")
    assert error_of(azure.http.put(f"{configurations}/fleet", json=git())) == (409, "Conflict")


@pytest.mark.parametrize("version", ["2024-11-01", "2023-05-01"])
def test_older_api_versions_are_served(azure: Azure, configurations: str, version: str) -> None:
    response = azure.http.put(f"{configurations}/fleet", json=git(), params={"api-version": version})
    assert response.status_code == 201
    assert f"api-version={version}" in response.headers["Azure-AsyncOperation"]


@pytest.mark.parametrize("version", ["2025-03-01", "2026-05-01", "2099-01-01"])
def test_unknown_api_version_is_refused(azure: Azure, configurations: str, version: str) -> None:
    response = azure.http.get(configurations, params={"api-version": version})
    assert error_of(response) == (400, "NoRegisteredProviderFound")


def test_permission_of_each_action_is_asked_for(azure: Azure, configurations: str) -> None:
    put(azure, configurations)
    actions = ["Microsoft.Kubernetes/*", "Microsoft.KubernetesConfiguration/extensions/*"]
    azure.control(f"subscriptions/{azure.ready['subscriptionId']}", {"actions": actions})
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        response = azure.http.request(method, f"{configurations}/fleet", json=git())
        assert error_of(response) == (403, "AuthorizationFailed")


def test_order_that_is_not_an_object_is_refused(azure: Azure, configurations: str) -> None:
    for order in ("text", None, {"condition": "text"}):
        response = azure.anonymous.put("/control/flux-failures", json={f"{configurations}/fleet": order})
        assert error_of(response) == (400, "BadControl")


def test_state_of_a_configuration_can_be_ordered(azure: Azure, configurations: str) -> None:
    put(azure, configurations)
    azure.control("flux-configurations", {f"{configurations}/fleet": {"complianceState": "Non-Compliant"}})
    assert azure.http.get(f"{configurations}/fleet").json()["properties"]["complianceState"] == "Non-Compliant"
    azure.control("flux-configurations", {f"{configurations}/fleet": None})
    assert azure.http.get(f"{configurations}/fleet").status_code == 404
