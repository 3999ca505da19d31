"""How a Flux configuration complies: the conditions of its objects, by what was ordered and what the cluster lacks.

Reasons and texts are Flux's own, as users report them.
"""

from dataclasses import dataclass, field
from typing import Any

from arcway_local.azure.flux_objects import SOURCE_OBJECTS, revision_of

_FETCHED = {"GitRepository": "GitOperationSucceed", "Bucket": "BucketOperationSucceed", "OCIRepository": "Succeeded"}


@dataclass(slots=True)
class Condition:
    """The condition Ready of one object. `status` is True, False or Unknown."""

    kind: str
    name: str
    status: str
    reason: str
    message: str

    @property
    def compliance(self) -> str:
        """What Azure makes of it."""
        return {"True": "Compliant", "False": "Non-Compliant"}.get(self.status, "Pending")


@dataclass(slots=True)
class Outlook:
    """What is to become of a configuration: the source, then its kustomizations in the order of dependsOn."""

    source: Condition
    kustomizations: dict[str, Condition] = field(default_factory=dict)
    others: list[Condition] = field(default_factory=list)
    """Objects that a kustomization would have applied, ordered to fail."""

    @property
    def conditions(self) -> list[Condition]:
        """All of them."""
        return [self.source, *self.kustomizations.values(), *self.others]

    @property
    def compliance(self) -> str:
        """The compliance of the configuration: the worst of its objects."""
        states = {condition.compliance for condition in self.conditions}
        return next(state for state in ("Non-Compliant", "Pending", "Compliant") if state in states)


def outlook(desired: dict[str, Any], missing_secret: str | None) -> Outlook:
    """What becomes of a configuration; `missing_secret` is the Secret of localAuthRef if there is none."""
    order = desired["order"].get("condition") or {}
    result = Outlook(_source(desired, order, missing_secret))
    ordered = result.source.status == "False" and not missing_secret
    waiting = dict(desired["properties"]["kustomizations"])
    while waiting:
        ready = {key for key, condition in result.kustomizations.items() if condition.status == "True"}
        # What can be decided: all dependencies are. Those in a circle never are.
        key = next((key for key in waiting if not set(waiting[key]["dependsOn"] or []) & set(waiting)), None)
        key = key or next(iter(waiting))
        kustomization = waiting.pop(key)
        condition, is_ordered = _kustomization(desired, kustomization, result.source, ready, order)
        result.kustomizations[key] = condition
        ordered |= is_ordered
    if order and not ordered:
        name = order.get("name") or desired["name"]
        result.others.append(Condition(str(order.get("kind", "HelmRelease")), str(name), "False", *_texts(order)))
    return result


def status_form(condition: Condition, desired: dict[str, Any], changed: str) -> dict[str, Any]:
    """The entry of an object in `statuses`; `changed` is when its condition last changed."""
    namespace = desired["properties"]["namespace"]
    kustomizations = desired["properties"]["kustomizations"]
    is_applied = condition.kind not in ("Kustomization", "GitRepository", "Bucket", "OCIRepository")
    applied_by = {"name": f"{desired['name']}-{next(iter(kustomizations), '')}", "namespace": namespace}
    helm = {
        "lastRevisionApplied": 1,
        "failureCount": 1,
        "installFailureCount": 1,
        "upgradeFailureCount": 0,
        "helmChartRef": None,
    }
    return {
        "name": condition.name,
        "namespace": namespace,
        "kind": condition.kind,
        "complianceState": condition.compliance,
        "appliedBy": applied_by if is_applied else None,
        "statusConditions": [{**condition_form(condition), "lastTransitionTime": changed}],
        "helmReleaseProperties": helm if condition.kind == "HelmRelease" else None,
    }


def condition_form(condition: Condition) -> dict[str, str]:
    """The condition as an object's status has it, without its time."""
    return {
        "type": "Ready",
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
    }


def _source(desired: dict[str, Any], order: dict[str, Any], missing_secret: str | None) -> Condition:
    properties, name = desired["properties"], desired["name"]
    kind = SOURCE_OBJECTS[properties["sourceKind"]][2]
    if missing_secret:
        path = f"{properties['namespace']}/{missing_secret}"
        text = f"failed to get secret '{path}': Secret \"{missing_secret}\" not found"
        return Condition(kind, name, "False", "AuthenticationFailed", text)
    if order.get("kind") in (kind, properties["sourceKind"]) and order.get("name") in (None, name):
        return Condition(kind, name, "False", *_texts(order))
    if desired["order"].get("pending") and not properties["kustomizations"]:
        return Condition(kind, name, "Unknown", "Progressing", "building artifact")
    return Condition(kind, name, "True", _FETCHED[kind], f"Fetched revision: {revision_of(properties)}")


def _kustomization(
    desired: dict[str, Any],
    kustomization: dict[str, Any],
    source: Condition,
    ready: set[str],
    order: dict[str, Any],
) -> tuple[Condition, bool]:
    """The condition of one kustomization, and whether it is what was ordered."""
    key = kustomization["name"]
    name, namespace = f"{desired['name']}-{key}", desired["properties"]["namespace"]

    def condition(status: str, reason: str, message: str) -> Condition:
        return Condition("Kustomization", name, status, reason, message)

    if order.get("kind") == "Kustomization" and order.get("name") in (None, key, name):
        return condition("False", *_texts(order)), True
    if source.status != "True":
        return condition("False", "ArtifactFailed", "Source artifact not found, retrying in 30s"), False
    if desired["order"].get("pending"):
        return condition("Unknown", "Progressing", "Reconciliation in progress"), False
    for dependency in kustomization["dependsOn"] or []:
        if dependency not in ready:
            text = f"dependency '{namespace}/{desired['name']}-{dependency}' is not ready"
            return condition("False", "DependencyNotReady", text), False
    text = f"Applied revision: {revision_of(desired['properties'])}"
    return condition("True", "ReconciliationSucceeded", text), False


def _texts(order: dict[str, Any]) -> tuple[str, str]:
    return str(order.get("reason", "ReconciliationFailed")), str(order.get("message", "The failure was ordered."))
