"""What a request changes in a policy assignment, and what the body of the change is.

Azure has no partial change of parameters: a PUT says everything, so the body is the assignment as it is with what
differs (https://learn.microsoft.com/rest/api/policy/policy-assignments).
"""

import json
from collections.abc import Mapping
from typing import Any

from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.policy_request import Assignment

# Set by Azure; a PUT that has them is refused or ignores them.
_READ_ONLY = frozenset({"scope", "latestDefinitionVersion", "effectiveDefinitionVersion", "instanceId"})
_DEFAULT_MODE = "Default"


def assignment_changes(assignment: Assignment, resource: Json | None) -> list[str]:
    """The names of what differs from the request, sorted; `assignment` alone if there is none yet."""
    if resource is None:
        return ["assignment"]
    properties = resource["properties"]
    current = parameters_of(resource)
    names = [
        f"parameters.{name}" for name, item in assignment.parameters.items() if not _is_same(current, name, item.value)
    ]
    if assignment.display_name not in (None, properties.get("displayName")):
        names.append("displayName")
    mode = str(properties.get("enforcementMode") or _DEFAULT_MODE)
    if assignment.enforcement_mode is not None and assignment.enforcement_mode.lower() != mode.lower():
        names.append("enforcementMode")
    return sorted(names)


def assignment_conflicts(assignment: Assignment, resource: Json | None) -> list[Json]:
    """The finding that the existing assignment is of another definition, which may be of another owner."""
    current = str((resource or {}).get("properties", {}).get("policyDefinitionId"))
    if resource is None or current.lower() == assignment.definition_id.lower():
        return []
    message = f"Policy assignment {assignment.name} exists and assigns {current}."
    return [finding(Code.POLICY_ASSIGNMENT_OF_ANOTHER_DEFINITION, message)]


def assignment_body(assignment: Assignment, resource: Json | None) -> Json:
    """The body that creates the assignment, or changes it and keeps what the request does not name."""
    kept = {} if resource is None else resource["properties"]
    properties: Json = {name: value for name, value in kept.items() if name not in _READ_ONLY and value is not None}
    properties["policyDefinitionId"] = kept.get("policyDefinitionId") or assignment.definition_id
    properties["parameters"] = _merged(kept.get("parameters") or {}, assignment)
    if assignment.display_name is not None:
        properties["displayName"] = assignment.display_name
    mode = assignment.enforcement_mode or kept.get("enforcementMode") or _DEFAULT_MODE
    body: Json = {"properties": {**properties, "enforcementMode": mode}}
    if resource is not None:
        body |= {name: value for name in ("location", "identity") if (value := _writable(name, resource)) is not None}
    return body


def parameters_of(resource: Json | None) -> Json:
    """The values of the assignment's parameters, by name in lower case: Azure compares the names that way."""
    parameters = ((resource or {}).get("properties") or {}).get("parameters")
    items = parameters.items() if isinstance(parameters, dict) else ()
    return {str(name).lower(): item.get("value") for name, item in items if isinstance(item, dict)}


def wanted_parameters(assignment: Assignment, resource: Json | None) -> Json:
    """The values that the assignment will have, by name in lower case."""
    named = {name.lower(): item.value for name, item in assignment.parameters.items()}
    return {**parameters_of(resource), **named}


def _merged(current: Mapping[str, Any], assignment: Assignment) -> Json:
    named = {name.lower() for name in assignment.parameters}
    kept = {name: value for name, value in current.items() if name.lower() not in named}
    return {**kept, **{name: item.as_json() for name, item in assignment.parameters.items()}}


def _is_same(current: Json, name: str, value: object) -> bool:
    """Whether both are the same JSON: Python calls 1 and true equal."""
    key = name.lower()
    return key in current and json.dumps(current[key], sort_keys=True) == json.dumps(value, sort_keys=True)


def _writable(name: str, resource: Json) -> Any:
    value = resource.get(name)
    if name != "identity" or not isinstance(value, dict):
        return value
    identity: Json = {"type": value.get("type")}
    if isinstance(users := value.get("userAssignedIdentities"), dict):
        # Azure takes the names with empty objects and fills in the ids.
        identity["userAssignedIdentities"] = {name: {} for name in users}
    return identity
