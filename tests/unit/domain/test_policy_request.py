"""Requests about Azure Policy: what they may say, and which extension they want."""

from typing import Any

import pytest

from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.policy_request import DisablePolicyRequest, EnablePolicyRequest
from arcway.domain.request import parse_request, read_request

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GUID = "95edb821-ddaf-4404-9732-666045e056b4"
BODY: Json = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "clusters", "name": "shop"}
BUILT_IN = f"/providers/Microsoft.Authorization/policyDefinitions/{GUID}"


def enabling(**fields: Any) -> EnablePolicyRequest:
    request = parse_request({**BODY, "operation": "enablePolicy", **fields})
    assert isinstance(request, EnablePolicyRequest)
    return request


def fields_refused(**fields: Any) -> set[str]:
    with pytest.raises(ArcError) as caught:
        enabling(**fields)
    return {str(item["field"]) for item in caught.value.details}


@pytest.mark.parametrize(
    ("definition", "is_initiative"),
    [
        (BUILT_IN, False),
        (BUILT_IN.lower(), False),
        (f"/providers/Microsoft.Authorization/policySetDefinitions/{GUID}", True),
        (f"/subscriptions/{SUBSCRIPTION}{BUILT_IN}", False),
        (f"/providers/Microsoft.Management/managementGroups/root_1{BUILT_IN}", False),
    ],
)
def test_definition_of_a_policy_or_an_initiative_is_accepted(definition: str, is_initiative: bool) -> None:
    request = enabling(assignment={"name": "a", "definitionId": definition})
    assert request.assignment is not None
    assert request.assignment.is_initiative is is_initiative
    assert read_request(request.as_json()) == request


@pytest.mark.parametrize(
    "definition",
    [
        GUID,
        f"{BUILT_IN}/x",
        f"{BUILT_IN}?x=y",
        f"https://evil.example{BUILT_IN}",
        f"/subscriptions/x{BUILT_IN}",
        f"{BUILT_IN}\n",
        "/providers/Microsoft.Authorization/roleDefinitions/x",
    ],
)
def test_what_is_not_a_definition_is_refused(definition: str) -> None:
    assert "assignment.definitionId" in fields_refused(assignment={"name": "a", "definitionId": definition})


@pytest.mark.parametrize("name", ["", "a/b", "..", "a.", "a b", "a?b", "x" * 65, "%2e"])
def test_name_that_could_mean_another_path_is_refused(name: str) -> None:
    assert fields_refused(assignment={"name": name, "definitionId": BUILT_IN}) == {"assignment.name"}


def test_parameters_are_in_the_form_of_azure() -> None:
    wrong = {"effect": "Audit", "list": {"value": [], "more": 1}}
    assignment = {"name": "a", "definitionId": BUILT_IN, "parameters": wrong}
    assert fields_refused(assignment=assignment) == {
        "assignment.parameters.effect",
        "assignment.parameters.list.more",
    }


def test_network_check_needs_a_kubeconfig() -> None:
    assert fields_refused(checkNetwork=True) == {"checkNetwork"}
    assert enabling(checkNetwork=True, kubeconfig={"secret": "arcway-shop"}).check_network


def test_version_ends_automatic_upgrades() -> None:
    assert fields_refused(extension={"version": "1.2.3", "autoUpgrade": "patch"}) == {"extension.autoUpgrade"}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("cluster", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/clusters/providers/Microsoft.Kubernetes"),
        ("resourceGroup", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/clusters/providers/Microsoft.Authorization"),
        ("subscription", f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization"),
    ],
)
def test_assignment_is_at_its_scope(scope: str, expected: str) -> None:
    request = parse_request({**BODY, "operation": "disablePolicy", "assignment": {"name": "a", "scope": scope}})
    assert isinstance(request, DisablePolicyRequest)
    assert request.assignment is not None
    resource_id = request.assignment.resource_id(request.cluster)
    assert resource_id.startswith(expected)
    assert resource_id.endswith("/providers/Microsoft.Authorization/policyAssignments/a")


def test_wanted_extension_has_type_and_identity() -> None:
    extension = enabling(extension={"version": "1.2.3", "settings": {"a": "1"}}).wanted_extension("azurepolicy")
    assert (extension.name, extension.type, extension.identity) == (
        "azurepolicy",
        "microsoft.policyinsights",
        "SystemAssigned",
    )
    assert (extension.version, extension.settings) == ("1.2.3", {"a": "1"})


def test_extension_of_another_name_is_wanted_as_it_is() -> None:
    extension = enabling(extension={"version": "1.2.3", "settings": {"a": "1"}}).wanted_extension("of-others")
    assert (extension.name, extension.version, extension.settings) == ("of-others", None, {})


@pytest.mark.parametrize("operation", ["enablePolicy", "disablePolicy"])
def test_check_of_a_request_stays_what_it_is(operation: str) -> None:
    request = parse_request({**BODY, "operation": operation})
    checked = request.model_copy(update={"operation": "check"})
    assert type(read_request(checked.as_json())) is type(request)
