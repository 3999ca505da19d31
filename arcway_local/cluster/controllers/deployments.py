"""Deployments and ReplicaSets: roll out templates, keep the number of pods, report status.

Follows kube-controller-manager's deployment controller in what clients can observe.
"""

import datetime
import hashlib
import json
import math

from arcway_local.cluster.controllers.context import Context, is_ready, owner_reference, pod_from
from arcway_local.cluster.kinds import DEPLOYMENT, POD, REPLICA_SET
from arcway_local.cluster.resources import Write
from arcway_local.cluster.values import clone, find_condition, name_of, set_condition, timestamp
from arcway_local.json_documents import Json

_REVISION = "deployment.kubernetes.io/revision"
_HASH_LABEL = "pod-template-hash"
_SAFE = "bcdfghjklmnpqrst"


def reconcile_deployment(context: Context, namespace: str, name: str) -> None:
    """Reconcile a Deployment once."""
    deployment = context.resources.store.get(DEPLOYMENT.key, namespace, name)
    if deployment is None or "deletionTimestamp" in deployment["metadata"]:
        return
    sets = context.owned(deployment, REPLICA_SET)
    digest = _template_hash(deployment["spec"]["template"])
    current = next((item for item in sets if item["metadata"]["labels"].get(_HASH_LABEL) == digest), None)
    if not deployment["spec"].get("paused"):
        if current is None:
            if context.is_terminating(namespace):
                return
            current = _create_set(context, deployment, sets, digest)
        _roll(context, deployment, current, sets)
        _trim_history(context, deployment, current, sets)
    sets = context.owned(deployment, REPLICA_SET)
    if current is not None:
        current = next(item for item in sets if item["metadata"]["uid"] == current["metadata"]["uid"])
    _report(context, deployment, current, sets)


def _template_hash(template: Json) -> str:
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
    return "".join(_SAFE[int(character, 16)] for character in digest)


def _number(item: Json, field: str) -> int:
    return int(item.get("status", {}).get(field, 0))


def _share(value: int | str, whole: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    exact = int(value.removesuffix("%")) * whole / 100
    return math.ceil(exact) if up else math.floor(exact)


def _limits(deployment: Json) -> tuple[int, int]:
    """How many pods above, and how many unavailable below, the wanted number a rollout may have."""
    strategy, replicas = deployment["spec"]["strategy"], deployment["spec"]["replicas"]
    if strategy["type"] == "Recreate":
        return 0, replicas
    surge = _share(strategy["rollingUpdate"]["maxSurge"], replicas, up=True)
    unavailable = _share(strategy["rollingUpdate"]["maxUnavailable"], replicas, up=False)
    return surge, 1 if surge == unavailable == 0 else min(unavailable, replicas)


def _create_set(context: Context, deployment: Json, sets: list[Json], digest: str) -> Json:
    template = clone(deployment["spec"]["template"])
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    labels[_HASH_LABEL] = digest
    selector = clone(deployment["spec"]["selector"])
    selector.setdefault("matchLabels", {})[_HASH_LABEL] = digest
    revision = 1 + max((int(item["metadata"].get("annotations", {}).get(_REVISION, 0)) for item in sets), default=0)
    metadata = {
        "name": f"{name_of(deployment)}-{digest}",
        "labels": dict(labels),
        "annotations": {_REVISION: str(revision)},
        "ownerReferences": [owner_reference(deployment)],
    }
    spec = {"replicas": 0 if sets else deployment["spec"]["replicas"], "selector": selector, "template": template}
    created = context.create(REPLICA_SET, deployment["metadata"]["namespace"], {"metadata": metadata, "spec": spec})
    annotations = deployment["metadata"].get("annotations", {}) | {_REVISION: str(revision)}
    store = context.resources.store
    latest = store.get(DEPLOYMENT.key, deployment["metadata"]["namespace"], name_of(deployment)) or deployment
    store.put(DEPLOYMENT.key, latest | {"metadata": latest["metadata"] | {"annotations": annotations}})
    return created


def _scale(context: Context, item: Json, replicas: int) -> None:
    if item["spec"]["replicas"] == replicas:
        return

    def change(current: Json) -> Json:
        return current | {"spec": current["spec"] | {"replicas": replicas}}

    context.resources.patch(REPLICA_SET, item["metadata"]["namespace"], name_of(item), change, Write())


def _roll(context: Context, deployment: Json, current: Json, sets: list[Json]) -> None:
    desired = deployment["spec"]["replicas"]
    surge, unavailable = _limits(deployment)
    old = [item for item in sets if item["metadata"]["uid"] != current["metadata"]["uid"]]
    running = sum(item["spec"]["replicas"] for item in old)
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        for item in old:
            _scale(context, item, 0)
        if not any(_number(item, "replicas") for item in old):
            _scale(context, current, desired)
        return
    replicas = current["spec"]["replicas"]
    target = desired if replicas > desired else min(desired, replicas + max(0, desired + surge - running - replicas))
    _scale(context, current, target)
    missing = target - _number(current, "availableReplicas")
    spare = running + target - (desired - unavailable) - missing
    for item in old:
        dropped = max(0, min(item["spec"]["replicas"], spare))
        spare -= dropped
        _scale(context, item, item["spec"]["replicas"] - dropped)


def _trim_history(context: Context, deployment: Json, current: Json, sets: list[Json]) -> None:
    finished = [
        item
        for item in sets
        if item["metadata"]["uid"] != current["metadata"]["uid"]
        and not item["spec"]["replicas"]
        and not _number(item, "replicas")
    ]
    finished.sort(key=lambda item: int(item["metadata"]["annotations"].get(_REVISION, 0)))
    for item in finished[: max(0, len(finished) - deployment["spec"]["revisionHistoryLimit"])]:
        context.resources.delete(REPLICA_SET, item["metadata"]["namespace"], name_of(item), {})


def _report(context: Context, deployment: Json, current: Json | None, sets: list[Json]) -> None:
    namespace, name = deployment["metadata"]["namespace"], name_of(deployment)
    latest = context.resources.get(DEPLOYMENT, namespace, name)
    replicas = latest["spec"]["replicas"]
    total = {
        field: sum(_number(item, field) for item in sets)
        for field in ("replicas", "readyReplicas", "availableReplicas")
    }
    total["updatedReplicas"] = _number(current, "replicas") if current else 0
    total["unavailableReplicas"] = max(0, replicas - total["availableReplicas"])
    conditions = clone(latest["status"].get("conditions", []))
    if total["availableReplicas"] >= replicas - _limits(latest)[1]:
        message = "Deployment has minimum availability."
        set_condition(conditions, "Available", "True", "MinimumReplicasAvailable", message)
    else:
        message = "Deployment does not have minimum availability."
        set_condition(conditions, "Available", "False", "MinimumReplicasUnavailable", message)
    if current is not None:
        complete = total["updatedReplicas"] == total["replicas"] == total["availableReplicas"] == replicas
        _progress(context, latest, conditions, name_of(current), complete=complete)
    for condition in conditions:
        condition.setdefault("lastUpdateTime", timestamp())
    status: Json = {"observedGeneration": latest["metadata"]["generation"]}
    status |= {field: value for field, value in total.items() if value}
    context.resources.set_status(DEPLOYMENT, latest, status | {"conditions": conditions})


def _progress(context: Context, deployment: Json, conditions: list[Json], name: str, *, complete: bool) -> None:
    condition = find_condition(deployment, "Progressing")
    success = f'ReplicaSet "{name}" has successfully progressed.'
    if complete or (condition and condition["reason"] == "NewReplicaSetAvailable" and condition["message"] == success):
        set_condition(conditions, "Progressing", "True", "NewReplicaSetAvailable", success)
        return
    deadline = deployment["spec"]["progressDeadlineSeconds"]
    going = f'ReplicaSet "{name}" is progressing.'
    if condition is None or condition["message"] not in (going, f'ReplicaSet "{name}" has timed out progressing.'):
        set_condition(conditions, "Progressing", "True", "ReplicaSetUpdated", going)
        next(item for item in conditions if item["type"] == "Progressing")["lastUpdateTime"] = timestamp()
        context.later(deadline + 1, "deployments", deployment["metadata"]["namespace"], name_of(deployment))
        return
    started = datetime.datetime.fromisoformat(condition["lastUpdateTime"])
    if datetime.datetime.now(datetime.UTC) - started > datetime.timedelta(seconds=deadline):
        message = f'ReplicaSet "{name}" has timed out progressing.'
        set_condition(conditions, "Progressing", "False", "ProgressDeadlineExceeded", message)


def reconcile_replica_set(context: Context, namespace: str, name: str) -> None:
    """Reconcile a ReplicaSet once."""
    item = context.resources.store.get(REPLICA_SET.key, namespace, name)
    if item is None or "deletionTimestamp" in item["metadata"]:
        return
    pods = [pod for pod in context.owned(item, POD) if pod["status"].get("phase") not in ("Failed", "Succeeded")]
    replicas = item["spec"]["replicas"]
    if len(pods) < replicas and not context.is_terminating(namespace):
        pods += [
            context.create(POD, namespace, pod_from(item["spec"]["template"], item))
            for _ in range(replicas - len(pods))
        ]
    elif len(pods) > replicas:
        pods.sort(key=is_ready)
        for pod in pods[: len(pods) - replicas]:
            context.resources.delete(POD, namespace, name_of(pod), {})
        pods = pods[len(pods) - replicas :]
    ready = sum(is_ready(pod) for pod in pods)
    status: Json = {"replicas": len(pods), "observedGeneration": item["metadata"]["generation"]}
    counts = {"fullyLabeledReplicas": len(pods), "readyReplicas": ready, "availableReplicas": ready}
    status |= {field: value for field, value in counts.items() if value}
    context.resources.set_status(REPLICA_SET, item, status)
