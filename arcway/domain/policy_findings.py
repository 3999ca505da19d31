"""Findings about assigning a policy or an initiative to connected clusters, by its definitions.

Definitions for clusters have the mode Microsoft.Kubernetes.Data; those that deploy something need an identity
(https://learn.microsoft.com/azure/governance/policy/concepts/policy-for-kubernetes).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.policy_assignment import wanted_parameters
from arcway.domain.policy_request import Assignment
from arcway.domain.text import listed

CLUSTER_MODE = "Microsoft.Kubernetes.Data"
SYSTEM_NAMESPACES = ("kube-system", "gatekeeper-system", "azure-arc")
"""Where denied pods would stop the cluster, the policies' own engine or the agents."""
_DEPLOYING = frozenset({"deployifnotexists", "modify"})
_PARAMETER = re.compile(r"\[\s*parameters\(\s*'([^']+)'\s*\)\s*\]")
_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Policy:
    """One policy as the assignment applies it: a definition, and the values of its parameters."""

    name: str
    mode: str
    effect: str
    excluded: frozenset[str]

    @property
    def is_for_clusters(self) -> bool:
        return self.mode.lower() == CLUSTER_MODE.lower()


def definition_findings(
    assignment: Assignment, definition: Json, members: Sequence[tuple[Json, Json]], resource: Json | None
) -> list[Json]:
    """What the definition says against the assignment, or what the user should know.

    `members` are the policies of an initiative: the reference in the initiative and the definition. `resource` is the
    assignment as Azure has it.
    """
    values = _with_defaults(definition, wanted_parameters(assignment, resource))
    findings = _wrong_parameters(assignment, definition, values)
    if assignment.is_initiative:
        policies = [_policy(member, _passed(reference, values)) for reference, member in members]
    else:
        policies = [_policy(definition, values)]
    findings += _mode_findings(assignment, policies)
    findings += _identity_findings(assignment, policies, resource)
    mode = assignment.enforcement_mode or ((resource or {}).get("properties") or {}).get("enforcementMode")
    return findings + ([] if mode == "DoNotEnforce" else _deny_findings(assignment, policies))


def not_assigned() -> Json:
    """The note about a request without an assignment."""
    message = "The request assigns no policy: the extension enforces only what is assigned to the cluster elsewhere."
    return finding(Code.POLICY_NOT_ASSIGNED, message, "info")


def _wrong_parameters(assignment: Assignment, definition: Json, values: Json) -> list[Json]:
    """Parameters that the definition does not have, and those without a default that have no value."""
    defined = _defined(definition)
    names = {name.lower() for name in defined}
    unknown = sorted(name for name in assignment.parameters if name.lower() not in names)
    missing = sorted(name for name in defined if name.lower() not in values)
    messages = []
    if unknown:
        known = f" It has {listed(sorted(defined), _NAMED)}." if defined else " It has no parameters."
        messages.append(f"The definition has no {_parameters(unknown)}.{known}")
    if missing:
        messages.append(f"The definition requires a value for {_parameters(missing)}.")
    return [finding(Code.POLICY_PARAMETERS_INVALID, message) for message in messages]


def _mode_findings(assignment: Assignment, policies: Sequence[_Policy]) -> list[Json]:
    if any(policy.is_for_clusters for policy in policies):
        return []
    modes = listed(sorted({policy.mode for policy in policies}), _NAMED) or "unknown"
    which = "None of the policies of the initiative" if assignment.is_initiative else "The policy"
    verb = "has" if assignment.is_initiative else "does not have"
    message = f"{which} {verb} mode {CLUSTER_MODE} (mode {modes}): it does not check what runs in clusters."
    return [finding(Code.POLICY_NOT_FOR_CLUSTERS, message, "warning")]


def _identity_findings(assignment: Assignment, policies: Sequence[_Policy], resource: Json | None) -> list[Json]:
    names = sorted(policy.name for policy in policies if policy.effect.lower() in _DEPLOYING)
    identity = ((resource or {}).get("identity") or {}).get("type") or "None"
    if not names or identity != "None":
        return []
    message = (
        f"{listed(names, _NAMED)} deploys or modifies resources, so assignment {assignment.name} needs an identity."
    )
    return [finding(Code.POLICY_NEEDS_IDENTITY, message)]


def _deny_findings(assignment: Assignment, policies: Sequence[_Policy]) -> list[Json]:
    denying = [policy for policy in policies if policy.is_for_clusters and policy.effect.lower() == "deny"]
    included = [name for name in SYSTEM_NAMESPACES if any(name not in policy.excluded for policy in denying)]
    if not included:
        return []
    message = (
        f"Assignment {assignment.name} denies pods in {listed(included, _NAMED)}, too: "
        f"excludedNamespaces does not name {'it' if len(included) == 1 else 'them'}."
    )
    return [finding(Code.POLICY_DENIES_IN_SYSTEM_NAMESPACES, message, "warning")]


def _policy(definition: Json, values: Json) -> _Policy:
    properties = definition.get("properties") or {}
    values = _with_defaults(definition, values)
    excluded = values.get("excludednamespaces")
    name = properties.get("displayName") or definition.get("name")
    return _Policy(
        name=str(name),
        mode=str(properties.get("mode") or "unknown"),
        effect=_effect(properties, values),
        excluded=frozenset(str(item) for item in excluded) if isinstance(excluded, list) else frozenset(),
    )


def _effect(properties: Json, values: Json) -> str:
    """The effect of a policy: what its rule says, which is mostly a parameter."""
    then = (properties.get("policyRule") or {}).get("then") or {}
    effect = _resolved(then.get("effect"), values) if isinstance(then, dict) and "effect" in then else None
    return str(effect or values.get("effect") or "")


def _passed(reference: Json, values: Json) -> Json:
    """The values that an initiative passes to one of its policies, by name in lower case."""
    parameters = reference.get("parameters")
    items = parameters.items() if isinstance(parameters, dict) else ()
    return {str(name).lower(): _resolved(item.get("value"), values) for name, item in items if isinstance(item, dict)}


def _resolved(value: object, values: Json) -> object:
    match = _PARAMETER.fullmatch(value) if isinstance(value, str) else None
    return values.get(match[1].lower()) if match else value


def _with_defaults(definition: Json, values: Json) -> Json:
    defaults = {
        name.lower(): item["defaultValue"]
        for name, item in _defined(definition).items()
        if isinstance(item, dict) and "defaultValue" in item
    }
    return {**defaults, **values}


def _defined(definition: Json) -> Json:
    parameters = (definition.get("properties") or {}).get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _parameters(names: Sequence[str]) -> str:
    noun = "parameter" if len(names) == 1 else "parameters"
    return f"{noun} {listed(names, _NAMED)}"
