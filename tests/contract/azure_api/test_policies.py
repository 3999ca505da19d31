"""Policy assignments and built-in definitions, at subscriptions, groups and connected clusters."""

from typing import Any

import pytest

from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_extensions import error_of, put_cluster

INSTALL = "0adc5395-9169-4b9b-8687-af838d69410a"
PRIVILEGED = "95edb821-ddaf-4404-9732-666045e056b4"
IMAGES = "febd0533-8e55-448f-b837-bd0e06f16469"
_ASSIGNMENTS = "providers/Microsoft.Authorization/policyAssignments"
_DEFINITIONS = "/providers/Microsoft.Authorization/policyDefinitions"


@pytest.fixture
def cluster(azure: Azure) -> str:
    return put_cluster(azure)


def assignment(definition: str = PRIVILEGED, **parameters: Any) -> dict[str, Any]:
    values = {name: {"value": value} for name, value in parameters.items()}
    return {"properties": {"policyDefinitionId": f"{_DEFINITIONS}/{definition}", "parameters": values}}


def scopes_of(cluster: str) -> tuple[str, str, str]:
    """Subscription, group and cluster."""
    group = cluster.partition("/providers/")[0]
    return group.partition("/resourcegroups/")[0], group, cluster


def test_built_in_definitions_are_readable(azure: Azure) -> None:
    for prefix in ("", azure.subscription):
        definition = azure.http.get(f"{prefix}{_DEFINITIONS}/{INSTALL}").json()
        assert (definition["name"], definition["properties"]["policyType"]) == (INSTALL, "BuiltIn")
        assert "DeployIfNotExists" in definition["properties"]["parameters"]["effect"]["allowedValues"]
        assert len(azure.http.get(f"{prefix}{_DEFINITIONS}").json()["value"]) >= 6
    privileged = azure.http.get(f"{_DEFINITIONS}/{PRIVILEGED}").json()
    assert privileged["properties"]["mode"] == "Microsoft.Kubernetes.Data"
    missing = azure.http.get(f"{_DEFINITIONS}/00000000-0000-0000-0000-000000000000")
    assert error_of(missing) == (404, "PolicyDefinitionNotFound")


def test_assignment_at_each_scope_is_created_read_and_deleted(azure: Azure, cluster: str) -> None:
    for scope in scopes_of(cluster):
        url = f"{scope}/{_ASSIGNMENTS}/no-privileged"
        assert error_of(azure.http.get(url)) == (404, "PolicyAssignmentNotFound")
        for _ in range(2):
            response = azure.http.put(url, json=assignment(effect="Audit", excludedNamespaces=["azure-arc"]))
            assert response.status_code == 201, response.text
        document = azure.http.get(url).json()
        assert document == response.json()
        assert document["properties"]["scope"].lower() == scope.lower()
        assert document["properties"]["enforcementMode"] == "Default"
        assert azure.http.delete(url).json()["name"] == "no-privileged"
        assert azure.http.delete(url).status_code == 204


def test_list_has_what_applies_to_a_scope_and_below(azure: Azure, cluster: str) -> None:
    subscription, group, _ = scopes_of(cluster)
    for name, scope in zip(("a", "b", "c"), scopes_of(cluster), strict=True):
        azure.http.put(f"{scope}/{_ASSIGNMENTS}/{name}", json=assignment()).raise_for_status()

    def names(scope: str, condition: str = "") -> list[str]:
        response = azure.http.get(f"{scope}/{_ASSIGNMENTS}", params={"$filter": condition} if condition else {})
        return sorted(item["name"] for item in response.raise_for_status().json()["value"])

    assert names(subscription) == ["a", "b", "c"]
    assert names(subscription, "atScope()") == ["a"]
    assert names(group, "atScope()") == ["a", "b"]
    assert names(group, "atExactScope()") == ["b"]
    assert names(cluster) == ["a", "b", "c"]
    assert names(cluster, "atExactScope()") == ["c"]
    response = azure.http.get(f"{group}/{_ASSIGNMENTS}", params={"$filter": "other"})
    assert error_of(response) == (400, "InvalidFilterInQueryString")


def test_unknown_definition_is_refused(azure: Azure, cluster: str) -> None:
    url = f"{cluster}/{_ASSIGNMENTS}/one"
    unknown = assignment("00000000-0000-0000-0000-000000000000")
    assert error_of(azure.http.put(url, json=unknown)) == (404, "PolicyDefinitionNotFound")
    assert error_of(azure.http.put(url, json={})) == (400, "InvalidCreatePolicyAssignmentRequest")
    assert azure.http.get(url).status_code == 404


def test_parameters_must_fit_the_definition(azure: Azure, cluster: str) -> None:
    url = f"{cluster}/{_ASSIGNMENTS}/one"
    assert error_of(azure.http.put(url, json=assignment(other=1))) == (400, "UndefinedPolicyParameter")
    assert error_of(azure.http.put(url, json=assignment(IMAGES))) == (400, "MissingPolicyParameter")
    response = azure.http.put(url, json=assignment(effect="modify"))
    assert error_of(response) == (400, "PolicyParameterValueNotAllowed")
    response = azure.http.put(url, json=assignment(IMAGES, allowedContainerImagesRegex="^registry.example/.+$"))
    assert response.status_code == 201


def test_definition_that_deploys_needs_an_identity(azure: Azure, cluster: str) -> None:
    url = f"{scopes_of(cluster)[1]}/{_ASSIGNMENTS}/install"
    assert error_of(azure.http.put(url, json=assignment(INSTALL))) == (400, "ResourceIdentityRequired")
    identified = {**assignment(INSTALL), "identity": {"type": "SystemAssigned"}}
    assert error_of(azure.http.put(url, json=identified)) == (400, "LocationRequired")
    first = azure.http.put(url, json={**identified, "location": "eastus"})
    second = azure.http.put(url, json={**identified, "location": "eastus"})
    assert first.json()["identity"]["principalId"] == second.json()["identity"]["principalId"]


def test_assignments_go_with_their_scope(azure: Azure, cluster: str) -> None:
    url = f"{cluster}/{_ASSIGNMENTS}/one"
    azure.http.put(url, json=assignment()).raise_for_status()
    azure.http.delete(cluster).raise_for_status()
    assert azure.http.get(cluster).status_code == 404
    assert azure.http.get(url).status_code == 404
    assert azure.http.get(f"{scopes_of(cluster)[0]}/{_ASSIGNMENTS}").json()["value"] == []


@pytest.mark.parametrize("version", ["2026-06-01", "2024-05-01", "2023-04-01"])
def test_api_versions_are_served(azure: Azure, cluster: str, version: str) -> None:
    query = {"api-version": version}
    url = f"{cluster}/{_ASSIGNMENTS}/one"
    assert azure.http.put(url, json=assignment(), params=query).status_code == 201
    assert error_of(azure.http.get(url, params={"api-version": "2099-01-01"})) == (400, "NoRegisteredProviderFound")


def test_permission_of_each_action_is_asked_for(azure: Azure, cluster: str) -> None:
    azure.control(f"subscriptions/{azure.ready['subscriptionId']}", {"actions": ["Microsoft.Kubernetes/*"]})
    for method in ("GET", "PUT", "DELETE"):
        response = azure.http.request(method, f"{cluster}/{_ASSIGNMENTS}/one", json=assignment())
        assert error_of(response) == (403, "AuthorizationFailed")
