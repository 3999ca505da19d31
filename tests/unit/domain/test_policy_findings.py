"""Findings by the definitions of policies and initiatives: mode, parameters, identity, denied system namespaces."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.policy_findings import CLUSTER_MODE, definition_findings, not_assigned
from arcway.domain.policy_request import Assignment

POLICY = "/providers/Microsoft.Authorization/policyDefinitions/x"
INITIATIVE = "/providers/Microsoft.Authorization/policySetDefinitions/x"
SYSTEM = ["kube-system", "gatekeeper-system", "azure-arc"]
BY_PARAMETER: Json = {"then": {"effect": "[parameters('effect')]"}}


def wanted(definition: str = POLICY, *, mode: str | None = None, **values: Any) -> Assignment:
    parameters = {name: {"value": value} for name, value in values.items()}
    body = {"name": "a", "definitionId": definition, "parameters": parameters, "enforcementMode": mode}
    return Assignment.model_validate(body)


def definition(*, mode: str = CLUSTER_MODE, rule: Json | None = BY_PARAMETER, **parameters: Any) -> Json:
    """A definition; a parameter that is not None is its default."""
    described = {name: {} if value is None else {"defaultValue": value} for name, value in parameters.items()}
    properties = {"displayName": "P", "mode": mode, "parameters": described, "policyRule": rule}
    return {"name": "x", "properties": properties}


def codes(assignment: Assignment, policy: Json, *members: tuple[Json, Json], resource: Json | None = None) -> Json:
    findings = definition_findings(assignment, policy, members, resource)
    return {item["code"]: item["level"] for item in findings}


def test_policy_that_audits_clusters_has_no_findings() -> None:
    assert codes(wanted(), definition(effect="Audit")) == {}
    assert codes(wanted(effect="Audit"), definition(effect="Deny")) == {}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"colour": 1}, "no parameter colour"),
        ({"colour": 1, "size": 2}, "no parameters colour, size"),
        ({}, "requires a value for parameter regex"),
    ],
)
def test_parameters_must_fit_the_definition(values: Json, words: str) -> None:
    findings = definition_findings(wanted(**values), definition(effect="Audit", regex=None), (), None)
    assert all(item["code"] == Code.POLICY_PARAMETERS_INVALID for item in findings)
    assert any(words in item["message"] for item in findings)


def test_parameter_of_the_existing_assignment_counts() -> None:
    resource = {"properties": {"parameters": {"Regex": {"value": "x"}}}}
    assert codes(wanted(), definition(effect="Audit", regex=None), resource=resource) == {}


def test_policy_of_another_mode_is_a_warning() -> None:
    assert codes(wanted(), definition(mode="Indexed", effect="Audit")) == {Code.POLICY_NOT_FOR_CLUSTERS: "warning"}


@pytest.mark.parametrize("effect", ["DeployIfNotExists", "modify"])
def test_policy_that_deploys_needs_an_identity(effect: str) -> None:
    policy = definition(mode="Indexed", effect=effect)
    assert codes(wanted(), policy)[Code.POLICY_NEEDS_IDENTITY] == "error"
    with_identity = {"identity": {"type": "SystemAssigned"}, "properties": {}}
    assert Code.POLICY_NEEDS_IDENTITY not in codes(wanted(), policy, resource=with_identity)
    assert Code.POLICY_NEEDS_IDENTITY not in codes(wanted(effect="Disabled"), policy)


def test_effect_may_be_in_the_rule_alone() -> None:
    assert Code.POLICY_NEEDS_IDENTITY in codes(wanted(), definition(rule={"then": {"effect": "deployIfNotExists"}}))
    assert codes(wanted(), definition(rule={"then": {"effect": "audit"}}, effect="Deny")) == {}


@pytest.mark.parametrize(
    ("excluded", "named"),
    [
        ([], "kube-system, gatekeeper-system, azure-arc, too: excludedNamespaces does not name them"),
        (["kube-system", "azure-arc"], "gatekeeper-system, too: excludedNamespaces does not name it"),
        (SYSTEM, None),
    ],
)
def test_denied_system_namespaces_are_a_warning(excluded: list[str], named: str | None) -> None:
    policy = definition(effect="Deny", excludedNamespaces=SYSTEM)
    findings = definition_findings(wanted(excludedNamespaces=excluded), policy, (), None)
    assert [item["level"] for item in findings] == (["warning"] if named else [])
    assert all(named is not None and named in item["message"] for item in findings)


def test_deny_without_excluded_namespaces_or_enforcement() -> None:
    policy = definition(effect="Deny")
    assert codes(wanted(), policy) == {Code.POLICY_DENIES_IN_SYSTEM_NAMESPACES: "warning"}
    assert codes(wanted(mode="DoNotEnforce"), policy) == {}
    reported = {"properties": {"enforcementMode": "DoNotEnforce"}}
    assert codes(wanted(), policy, resource=reported) == {}
    assert codes(wanted(mode="Default"), policy, resource=reported) != {}


def test_initiative_passes_its_parameters_to_its_policies() -> None:
    initiative = {"properties": {"parameters": {"mode": {"defaultValue": "Audit"}, "spaces": {"defaultValue": SYSTEM}}}}
    passed = {"effect": {"value": "[parameters('mode')]"}, "excludedNamespaces": {"value": "[parameters('spaces')]"}}
    member = ({"parameters": passed}, definition(effect="Audit", excludedNamespaces=[]))
    assert codes(wanted(INITIATIVE), initiative, member) == {}
    assert codes(wanted(INITIATIVE, mode="Default"), initiative, member) == {}
    denying = Assignment.model_validate(
        {"name": "a", "definitionId": INITIATIVE, "parameters": {"mode": {"value": "deny"}, "spaces": {"value": []}}}
    )
    assert codes(denying, initiative, member) == {Code.POLICY_DENIES_IN_SYSTEM_NAMESPACES: "warning"}


def test_initiative_without_a_policy_for_clusters_is_a_warning() -> None:
    initiative: Json = {"properties": {}}
    other: tuple[Json, Json] = ({}, definition(mode="Indexed", effect="Audit"))
    assert codes(wanted(INITIATIVE), initiative, other) == {Code.POLICY_NOT_FOR_CLUSTERS: "warning"}
    assert codes(wanted(INITIATIVE), initiative, other, ({}, definition(effect="Audit"))) == {}
    assert codes(wanted(INITIATIVE), {"properties": {"policyDefinitions": [{}, {}]}}, other) == {}
    assert codes(wanted(INITIATIVE), {"properties": {"policyDefinitions": [{}]}}, other) != {}


def test_request_without_an_assignment_is_a_note() -> None:
    assert (not_assigned()["code"], not_assigned()["level"]) == (Code.POLICY_NOT_ASSIGNED, "info")
