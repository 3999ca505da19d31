"""Policy assignments at subscriptions, groups and connected clusters: stored documents, checked against definitions.

They are evaluated by nothing: what an assignment would audit or deny is set by the test controls.
"""

import re
import uuid
from typing import Any

from arcway_local.azure.policy_definitions import PolicyDefinition, find_by_id
from arcway_local.azure.record import Writer, created, sign
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import Touch

TYPE = "Microsoft.Authorization/policyAssignments"
STORED = "policy-assignment"
_LONGEST_NAME = 64
_NAME = re.compile(r"[^<>%&\\?/]*[^<>%&\\?/. ]")
_WRITABLE = ("displayName", "description", "notScopes", "metadata", "nonComplianceMessages", "resourceSelectors")


class PolicyAssignments:
    """All assignments by resource id in lower case."""

    def __init__(self, touch: Touch) -> None:
        self._touch = touch
        self._assignments: dict[str, dict[str, Any]] = {}

    def stores(self, kind: str) -> bool:
        """Whether objects of this stored kind are assignments."""
        return kind == STORED

    def form_of(self, _kind: str, key: str) -> Any:
        """The JSON form in which an assignment is stored; None if it does not exist."""
        return self._assignments.get(key)

    def restore(self, _kind: str, key: str, form: Any) -> None:
        """Restore what `form_of` returned."""
        self._assignments[key] = form

    def put(self, scope: str, name: str, body: dict[str, Any], tenant: str, writer: Writer) -> dict[str, Any]:
        """Create or replace the assignment of a scope. Raises `Refusal` 400, or 404 PolicyDefinitionNotFound."""
        sent = body.get("properties") or {}
        if not isinstance(sent, dict):
            raise Refusal(400, "InvalidRequestContent", "The properties must be a JSON object.")
        _check_name(name)
        if not isinstance(sent.get("policyDefinitionId"), str):
            raise _invalid(name, "The policy definition id is missing.")
        definition = find_by_id(sent["policyDefinitionId"])
        parameters = _parameters(name, sent, definition)
        mode = sent.get("enforcementMode") or "Default"
        if mode not in ("Default", "DoNotEnforce", "Enroll"):
            raise _invalid(name, f"The enforcement mode '{mode}' is not supported.")
        key = _key(scope, name)
        existing = self._assignments.get(key)
        assignment: dict[str, Any] = {
            "id": f"{scope}/providers/{TYPE}/{name}",
            "name": name,
            "type": TYPE,
            "systemData": existing["systemData"] if existing else created(writer),
            "properties": {
                **{field: sent[field] for field in _WRITABLE if field in sent},
                "policyDefinitionId": sent["policyDefinitionId"],
                "definitionVersion": "1.*.*",
                "scope": scope,
                "parameters": parameters,
                "enforcementMode": mode,
            },
        }
        assignment |= _identity(name, body, definition, tenant, existing)
        sign(assignment, writer)
        self._assignments[key] = assignment
        self._touch(STORED, key)
        return assignment

    def get(self, scope: str, name: str) -> dict[str, Any]:
        """One assignment. Raises `Refusal` 404 PolicyAssignmentNotFound."""
        assignment = self._assignments.get(_key(scope, name))
        if assignment is None:
            message = f"The policy assignment '{name[:80]}' is not found."
            raise Refusal(404, "PolicyAssignmentNotFound", message, by_service=True)
        return assignment

    def delete(self, scope: str, name: str) -> dict[str, Any] | None:
        """Remove an assignment; returns it, None if there was none."""
        key = _key(scope, name)
        self._touch(STORED, key)
        return self._assignments.pop(key, None)

    def listed(self, scope: str, condition: str) -> list[dict[str, Any]]:
        """The assignments that apply to a scope and those below it; `condition` is `$filter` of the request.

        Raises `Refusal` 400 for another condition than `atScope()` and `atExactScope()`.
        """
        if condition not in ("", "atScope()", "atExactScope()"):
            raise Refusal(400, "InvalidFilterInQueryString", f"The filter '{condition[:80]}' is not supported.")
        own = scope.lower()
        selected = []
        for _, assignment in sorted(self._assignments.items()):
            other = assignment["properties"]["scope"].lower()
            applies, is_below = own.startswith(f"{other}/"), other.startswith(f"{own}/")
            is_included = (applies and condition != "atExactScope()") or (is_below and not condition)
            if own == other or is_included:
                selected.append(assignment)
        return selected

    def forget_below(self, scope: str) -> None:
        """Remove the assignments at and below a scope, in lower case, that is deleted."""
        for key in [key for key in self._assignments if key.startswith(f"{scope}/")]:
            del self._assignments[key]
            self._touch(STORED, key)


def _check_name(name: str) -> None:
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise _invalid(name[:80], "The name has a character that is not allowed, or is too long.")


def _parameters(name: str, properties: dict[str, Any], definition: PolicyDefinition) -> dict[str, Any]:
    """The parameters of an assignment, which must fit the definition's."""
    parameters = properties.get("parameters") or {}
    if not isinstance(parameters, dict) or not all(
        isinstance(parameter, dict) and "value" in parameter for parameter in parameters.values()
    ):
        raise _invalid(name, "Each parameter must be an object with a value.")
    if undefined := sorted(set(parameters) - definition.parameters):
        names = ",".join(undefined)
        message = (
            f"The policy assignment '{name}' has defined parameters '{names}' which are not defined in the policy "
            f"definition '{definition.id}'."
        )
        raise Refusal(400, "UndefinedPolicyParameter", message, by_service=True)
    if missing := sorted(set(definition.required) - set(parameters)):
        message = f"The policy assignment '{name}' is missing the parameter(s) '{','.join(missing)}'."
        raise Refusal(400, "MissingPolicyParameter", message, by_service=True)
    effect = parameters.get("effect", {}).get("value", definition.effects[0])
    if str(effect).lower() not in {allowed.lower() for allowed in definition.effects}:
        message = f"The value '{effect}' is not allowed for policy parameter 'effect'."
        raise Refusal(400, "PolicyParameterValueNotAllowed", message, by_service=True)
    return parameters


def _identity(
    name: str, body: dict[str, Any], definition: PolicyDefinition, tenant: str, existing: dict[str, Any] | None
) -> dict[str, Any]:
    """The assignment's identity and its location, if it asks for one or needs one."""
    identity = body.get("identity") or {}
    if not isinstance(identity, dict) or identity.get("type") != "SystemAssigned":
        if definition.needs_identity:
            message = (
                f"The policy assignment '{name}' request is invalid. Policy assignments must include a resource "
                "identity when assigning 'DeployIfNotExists' policy definitions."
            )
            raise Refusal(400, "ResourceIdentityRequired", message, by_service=True)
        return {"location": body["location"]} if body.get("location") else {}
    if not body.get("location"):
        message = "The location property is required for this definition."
        raise Refusal(400, "LocationRequired", message, by_service=True)
    principal = ((existing or {}).get("identity") or {}).get("principalId") or str(uuid.uuid4())
    described = {"type": "SystemAssigned", "principalId": principal, "tenantId": tenant}
    return {"location": body["location"], "identity": described}


def _invalid(name: str, message: str) -> Refusal:
    described = f"The policy assignment '{name}' request is invalid. {message}"
    return Refusal(400, "InvalidCreatePolicyAssignmentRequest", described, by_service=True)


def _key(scope: str, name: str) -> str:
    return f"{scope}/providers/{TYPE}/{name}".lower()
