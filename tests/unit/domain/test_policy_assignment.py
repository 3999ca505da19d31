"""What a request changes in a policy assignment: only what differs, and what others set stays."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.policy_assignment import assignment_body, assignment_changes, assignment_conflicts
from arcway.domain.policy_request import Assignment

DEFINITION = "/providers/Microsoft.Authorization/policyDefinitions/95edb821-ddaf-4404-9732-666045e056b4"


def wanted(**fields: Any) -> Assignment:
    return Assignment.model_validate({"name": "a", "definitionId": DEFINITION, **fields})


def existing(**properties: Any) -> Json:
    return {"name": "a", "properties": {"policyDefinitionId": DEFINITION, "scope": "/x", **properties}}


def parameters(**values: Any) -> Json:
    return {name: {"value": value} for name, value in values.items()}


def test_new_assignment_enforces_unless_asked_otherwise() -> None:
    assert assignment_changes(wanted(), None) == ["assignment"]
    assert assignment_body(wanted(parameters=parameters(effect="Audit")), None) == {
        "properties": {
            "policyDefinitionId": DEFINITION,
            "parameters": parameters(effect="Audit"),
            "enforcementMode": "Default",
        }
    }
    body = assignment_body(wanted(enforcementMode="DoNotEnforce", displayName="A"), None)
    assert (body["properties"]["enforcementMode"], body["properties"]["displayName"]) == ("DoNotEnforce", "A")


@pytest.mark.parametrize(
    ("fields", "properties", "changes"),
    [
        ({}, {"displayName": "x", "enforcementMode": "DoNotEnforce", "parameters": parameters(a=1)}, []),
        ({"parameters": parameters(effect="Audit")}, {"parameters": parameters(Effect="Audit")}, []),
        ({"parameters": parameters(effect="Deny")}, {"parameters": parameters(effect="Audit")}, ["parameters.effect"]),
        ({"parameters": parameters(a=1)}, {"parameters": parameters(a=True)}, ["parameters.a"]),
        ({"parameters": parameters(a=None)}, {}, ["parameters.a"]),
        ({"parameters": parameters(a={"x": 1, "y": 2})}, {"parameters": parameters(a={"y": 2, "x": 1})}, []),
        ({"displayName": "A"}, {"displayName": "B"}, ["displayName"]),
        ({"enforcementMode": "Default"}, {}, []),
        ({"enforcementMode": "Default"}, {"enforcementMode": "DoNotEnforce"}, ["enforcementMode"]),
    ],
)
def test_only_what_is_named_and_differs_is_a_change(fields: Json, properties: Json, changes: list[str]) -> None:
    assert assignment_changes(wanted(**fields), existing(**properties)) == changes


def test_change_keeps_what_the_request_does_not_name() -> None:
    resource = {
        **existing(
            description="of others",
            notScopes=["/y"],
            metadata={"assignedBy": "x"},
            displayName=None,
            parameters=parameters(Effect="Audit", excludedNamespaces=["legacy"]),
            enforcementMode="DoNotEnforce",
            latestDefinitionVersion="1.0.0",
        ),
        "location": "eastus",
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {"/id": {"principalId": "p", "clientId": "c"}},
        },
        "systemData": {},
    }
    assert assignment_body(wanted(parameters=parameters(effect="Deny")), resource) == {
        "location": "eastus",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/id": {}}},
        "properties": {
            "policyDefinitionId": DEFINITION,
            "description": "of others",
            "notScopes": ["/y"],
            "metadata": {"assignedBy": "x"},
            "parameters": parameters(excludedNamespaces=["legacy"], effect="Deny"),
            "enforcementMode": "DoNotEnforce",
        },
    }


def test_written_assignment_has_no_more_changes() -> None:
    assignment = wanted(parameters=parameters(effect="Deny"), displayName="A", enforcementMode="DoNotEnforce")
    for resource in (None, existing(parameters=parameters(Effect="Audit", b=2), displayName="B")):
        assert assignment_changes(assignment, {"name": "a", **assignment_body(assignment, resource)}) == []


def test_assignment_of_another_definition_conflicts() -> None:
    assert assignment_conflicts(wanted(), None) == []
    assert assignment_conflicts(wanted(), existing(policyDefinitionId=DEFINITION.upper())) == []
    (conflict,) = assignment_conflicts(wanted(), existing(policyDefinitionId=f"{DEFINITION}0"))
    assert (conflict["code"], conflict["level"]) == (Code.POLICY_ASSIGNMENT_OF_ANOTHER_DEFINITION, "error")
