"""Runs about Azure Policy: what they are given, what they find before them, what holds after them."""

import time
import uuid

from arcway.domain.errors import CATALOGUE
from arcway.domain.json_values import Json
from arcway.domain.request import parse_request
from tests.chaos.fault_matrix.world import Case

OPERATIONS = ("enablePolicy", "disablePolicy")
_SECONDS = 30.0
_NAME = "no-privileged"
_DEFINITION = "/providers/Microsoft.Authorization/policyDefinitions/95edb821-ddaf-4404-9732-666045e056b4"
_OF_OTHERS: Json = {"excludedNamespaces": {"value": ["kube-system", "gatekeeper-system", "azure-arc", "legacy"]}}
_API = "2026-06-01"


def of_policy(case: Case, operation: str) -> Json:
    """What a run about Azure Policy is given otherwise than one that connects the cluster."""
    fields = ("subscriptionId", "resourceGroup", "name", "kubeconfig")
    body = {key: value for key, value in case.request("keep").items() if key in fields}
    assignment: Json = {"name": _NAME}
    if operation == "enablePolicy":
        parameters = {"effect": {"value": "Audit"}}
        assignment |= {"definitionId": _DEFINITION, "parameters": parameters, "displayName": uuid.uuid4().hex}
    body |= {"operation": operation, "assignment": assignment}
    return {"runId": "ba9876543210", "operation": operation, "request": parse_request(body).as_json()}


def prepare(case: Case) -> None:
    """The extension and an assignment that others made."""
    extension = {"extensionType": "microsoft.policyinsights"}
    body: Json = {"identity": {"type": "SystemAssigned"}, "properties": extension}
    assert case.arm("PUT", _extension_id(case), body).status_code < 300
    deadline = time.monotonic() + _SECONDS
    while _state(case) != "Succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    properties = {"policyDefinitionId": _DEFINITION, "parameters": _OF_OTHERS, "description": "of others"}
    assert case.arm("PUT", _assignment_id(case), {"properties": properties}, _API).status_code < 300


def check_policy(case: Case, payload: Json, status: Json, *, harmless: bool) -> None:
    """What holds whatever happened to the run that was given `payload`."""
    operation = payload["operation"]
    assert status["state"] == "Succeeded" or not harmless, status["error"]
    assignment = _assignment(case)
    if status["state"] == "Succeeded":
        assert (status["changed"], status["leftovers"]) == (True, [])
        assert (_state(case), assignment is None) == (
            ("Succeeded", False) if operation == "enablePolicy" else (None, True)
        )
    else:
        assert status["error"]["code"] in CATALOGUE
        assert status["error"]["phase"]
        # What may exist or is not removed yet is named.
        is_late = status["error"]["phase"] in ("assignPolicy", "deletePolicyAssignment")
        assert any(item["kind"] == "PolicyAssignment" for item in status["leftovers"]) == is_late
    if operation == "enablePolicy":
        assert assignment is not None
        assert assignment["description"] == "of others"
        is_written = assignment.get("displayName") == payload["request"]["assignment"]["displayName"]
        assert is_written or status["state"] != "Succeeded"
        effect = {"effect": {"value": "Audit"}} if is_written or "effect" in assignment["parameters"] else {}
        assert assignment["parameters"] == {**_OF_OTHERS, **effect}


def _extension_id(case: Case) -> str:
    return f"{case.resource_id}/providers/Microsoft.KubernetesConfiguration/extensions/azurepolicy"


def _assignment_id(case: Case) -> str:
    return f"{case.resource_id}/providers/Microsoft.Authorization/policyAssignments/{_NAME}"


def _state(case: Case) -> str | None:
    response = case.arm("GET", _extension_id(case))
    return response.json()["properties"]["provisioningState"] if response.status_code == 200 else None


def _assignment(case: Case) -> Json | None:
    response = case.arm("GET", _assignment_id(case), version=_API)
    return dict(response.json()["properties"]) if response.status_code == 200 else None
