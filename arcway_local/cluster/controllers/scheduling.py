"""The scheduler: which node a pod runs on, and the event when none fits.

Respects node selectors, required node affinity, taints and readiness; not at capacity.
"""

from collections import Counter

from arcway_local.cluster.controllers.context import Context
from arcway_local.cluster.kinds import NODE, POD
from arcway_local.cluster.selectors import matches_expressions
from arcway_local.cluster.values import clone, find_condition, name_of, set_condition
from arcway_local.json_documents import Json

_UNSUITED = "node(s) didn't match Pod's node affinity/selector"


def schedule(context: Context, pod: Json) -> None:
    """Bind a pod to a node, or mark it unschedulable and record an event."""
    nodes = context.resources.store.objects(NODE.key)
    obstacles = {name_of(node): _obstacle(pod, node) for node in nodes}
    fitting = [name for name, obstacle in obstacles.items() if obstacle is None]
    status = clone(pod["status"])
    conditions = status.setdefault("conditions", [])
    if fitting:
        # Spread by the uid: even, and without counting the pods of each node.
        node = fitting[int(pod["metadata"]["uid"][:8], 16) % len(fitting)]
        conditions[:] = [condition for condition in conditions if condition["type"] != "PodScheduled"]
        set_condition(conditions, "PodScheduled", "True", "", "")
        for field in ("reason", "message"):
            conditions[-1].pop(field)
        bound = context.resources.store.put(POD.key, pod | {"spec": pod["spec"] | {"nodeName": node}, "status": status})
        message = f"Successfully assigned {pod['metadata']['namespace']}/{name_of(pod)} to {node}"
        context.record(bound, "Normal", "Scheduled", message, "default-scheduler")
        return
    counts = Counter(obstacle for obstacle in obstacles.values() if obstacle)
    reasons = ", ".join(f"{count} {obstacle}" for obstacle, count in sorted(counts.items()))
    message = f"0/{len(nodes)} nodes are available: {reasons}." if nodes else "no nodes available to schedule pods"
    set_condition(conditions, "PodScheduled", "False", "Unschedulable", message)
    if status != pod["status"]:
        waiting = context.resources.set_status(POD, pod, status)
        context.record(waiting, "Warning", "FailedScheduling", message, "default-scheduler")


def _obstacle(pod: Json, node: Json) -> str | None:
    """Why the node does not take the pod, in the scheduler's words; None when it does."""
    ready = find_condition(node, "Ready")
    if node["spec"].get("unschedulable"):
        return "node(s) were unschedulable"
    tolerations = pod["spec"].get("tolerations", [])
    taints = list(node["spec"].get("taints", []))
    if ready is None or ready["status"] != "True":
        taints.append({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"})
    for taint in taints:
        if taint["effect"] != "PreferNoSchedule" and not any(
            _tolerates(toleration, taint) for toleration in tolerations
        ):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    labels = node["metadata"].get("labels", {})
    selector = pod["spec"].get("nodeSelector", {})
    if any(labels.get(key) != value for key, value in selector.items()):
        return _UNSUITED
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms")
    if terms is not None and not any(_meets_term(term, node) for term in terms):
        return _UNSUITED
    return None


def _meets_term(term: Json, node: Json) -> bool:
    expressions, on_fields = term.get("matchExpressions", []), term.get("matchFields", [])
    if not expressions and not on_fields:
        return False
    labels = node["metadata"].get("labels", {})
    return matches_expressions(expressions, labels) and matches_expressions(on_fields, {"metadata.name": name_of(node)})


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))
