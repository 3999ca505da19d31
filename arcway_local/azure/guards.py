"""Reasons to refuse a write that the caller has permission for: state, deny assignments, locks, policies.

The answers have the codes, texts and forms of the public cloud.
"""

from dataclasses import dataclass, field
from typing import Any

from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import Subscription, Subscriptions
from arcway_local.azure.values import matches

_WRITES = ("PUT", "PATCH", "POST")
# In these states a subscription's resources can be read and deleted, and nothing else.
_READ_ONLY_STATES = ("Disabled", "Warned", "Expired", "Deleted")


@dataclass(frozen=True, slots=True)
class Attempt:
    """The write that a request asks for."""

    method: str
    action: str
    scope: str
    subscription: str
    group: str | None
    kind: str
    body: dict[str, Any]
    claims: dict[str, Any]

    def within(self, scope: str) -> bool:
        """Whether a scope covers what is asked for."""
        guarded, target = scope.lower().rstrip("/"), self.scope.lower()
        return target == guarded or target.startswith(f"{guarded}/")


@dataclass(slots=True)
class Guards:
    """The locks, policy assignments and deny assignments that there are, in the form of the test controls."""

    locks: list[dict[str, Any]] = field(default_factory=list)
    policies: list[dict[str, Any]] = field(default_factory=list)
    deny_assignments: list[dict[str, Any]] = field(default_factory=list)

    def check(self, world: Subscriptions, attempt: Attempt) -> None:
        """Raises `Refusal` for the first reason that there is, in the order of the real service."""
        subscription = world.subscription(attempt.subscription)
        _check_permission(subscription, attempt)
        self._check_denials(attempt)
        if attempt.method in _WRITES:
            _check_states(subscription, attempt)
        if attempt.method != "GET":
            self._check_locks(attempt)
        if attempt.method in ("PUT", "PATCH"):
            self._check_policies(attempt)

    def _check_denials(self, attempt: Attempt) -> None:
        for denial in self.deny_assignments:
            if attempt.within(denial["scope"]) and matches(denial.get("actions", ["*"]), attempt.action):
                message = (
                    f"{_client(attempt)} has permission to perform action '{attempt.action}' on scope "
                    f"'{attempt.scope}'; however, the access is denied because of the deny assignment with name "
                    f"'{denial['name']}' and Id '{denial.get('id', '0f1e2d3c')}' at scope '{denial['scope']}'."
                )
                raise Refusal(403, "DenyAssignmentAuthorizationFailed", message)

    def _check_locks(self, attempt: Attempt) -> None:
        deletes = attempt.method == "DELETE"
        for lock in self.locks:
            below = deletes and lock["scope"].lower().startswith(f"{attempt.scope.lower()}/")
            if (attempt.within(lock["scope"]) or below) and (deletes or lock.get("level") == "ReadOnly"):
                verb = "delete" if deletes else "write"
                message = (
                    f"The scope '{attempt.scope}' cannot perform {verb} operation because following scope(s) are "
                    f"locked: '{lock['scope']}'. Please remove the lock and try again."
                )
                raise Refusal(409, "ScopeLocked", message)

    def _check_policies(self, attempt: Attempt) -> None:
        for policy in self.policies:
            kinds = [kind.lower() for kind in policy.get("types", [attempt.kind])]
            if attempt.within(policy["scope"]) and attempt.kind.lower() in kinds and _violates(policy, attempt):
                raise _disallowed(policy, attempt.scope.rpartition("/")[2])


def _check_permission(subscription: Subscription, attempt: Attempt) -> None:
    if not matches(subscription.actions, attempt.action) or matches(subscription.not_actions, attempt.action):
        message = (
            f"{_client(attempt)} does not have authorization to perform action '{attempt.action}' over scope "
            f"'{attempt.scope}' or the scope is invalid. If access was recently granted, please refresh your "
            "credentials."
        )
        raise Refusal(403, "AuthorizationFailed", message)


def _check_states(subscription: Subscription, attempt: Attempt) -> None:
    if subscription.state in _READ_ONLY_STATES:
        message = (
            f"The subscription '{subscription.id}' is disabled and therefore marked as read only. You cannot perform "
            "any write actions on this subscription until it is re-enabled."
        )
        raise Refusal(409, "ReadOnlyDisabledSubscription", message)
    group = subscription.groups.get((attempt.group or "").lower())
    if group and group["properties"]["provisioningState"] == "Deleting":
        message = f"The resource group '{group['name']}' is in deprovisioning state and cannot perform this operation."
        raise Refusal(409, "ResourceGroupBeingDeleted", message)


def _violates(policy: dict[str, Any], attempt: Attempt) -> bool:
    """A policy denies always, or only without the tags or outside the locations that it names."""
    body, partial = attempt.body, attempt.method == "PATCH"
    if required := policy.get("requiredTags"):
        tags = {name.lower() for name in body.get("tags") or {}}
        return not (partial and "tags" not in body) and any(name.lower() not in tags for name in required)
    if allowed := policy.get("allowedLocations"):
        return not partial and str(body.get("location", "")).replace(" ", "").lower() not in allowed
    return True


def _disallowed(policy: dict[str, Any], name: str) -> Refusal:
    assignment, definition = policy["name"], policy.get("definition", policy["name"])
    assignment_id = f"{policy['scope']}/providers/Microsoft.Authorization/policyAssignments/{assignment}"
    definition_id = f"/providers/Microsoft.Authorization/policyDefinitions/{definition}"
    identifiers = (
        f'[{{"policyAssignment":{{"name":"{assignment}","id":"{assignment_id}"}},'
        f'"policyDefinition":{{"name":"{definition}","id":"{definition_id}"}}}}]'
    )
    info = {
        "evaluationDetails": {"evaluatedExpressions": [{"result": "True", "path": "type", "operator": "Equals"}]},
        "policyDefinitionId": definition_id,
        "policyDefinitionName": definition,
        "policyDefinitionDisplayName": policy.get("displayName", definition),
        "policyDefinitionEffect": "deny",
        "policyAssignmentId": assignment_id,
        "policyAssignmentName": assignment,
        "policyAssignmentDisplayName": policy.get("displayName", assignment),
        "policyAssignmentScope": policy["scope"],
    }
    return Refusal(
        403,
        "RequestDisallowedByPolicy",
        f"Resource '{name}' was disallowed by policy. Policy identifiers: '{identifiers}'.",
        target=name,
        additional=[{"type": "PolicyViolation", "info": info}],
    )


def _client(attempt: Attempt) -> str:
    who = attempt.claims.get("appid") or attempt.claims.get("preferred_username")
    return f"The client '{who}' with object id '{attempt.claims.get('oid')}'"
