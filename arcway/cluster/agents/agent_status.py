"""The state of the agents as a table: Deployments and pods as `kubectl get` shows them, and why one is not healthy.

The STATUS column follows kubectl's printer (printPod in kubernetes/pkg/printers/internalversion/printers.go).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.agents import health, pod_failures
from arcway.cluster.agents.health import IDENTITY_SECRETS, Workloads
from arcway.cluster.agents.pod_failures import Hindrance, Item
from arcway.cluster.constants import NAMESPACE
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.text import LONG, presentable

_REASONS = {
    Code.IMAGE_PULL_FAILED: "imagePull",
    Code.POD_UNSCHEDULABLE: "unschedulable",
    Code.CRASH_LOOP: "crashLoop",
    Code.PODS_REFUSED: "refused",
    Code.POD_NOT_STARTING: "starting",
}
_WAITS_FOR_IDENTITY = Code.CLUSTER_NOT_REPORTING
_ROWS, _PROBLEMS = 500, 50


def read(api: ClusterApi) -> Json:
    """Deployments, pods and `problems`, one for each agent that is not well. Raises `ArcError`."""
    deployments, pods = health.list_workloads(api)
    now = datetime.now(UTC)
    unready = [item for item in deployments if not health.is_ready(item)]
    world = Workloads(deployments, pods, health.events(api) if unready else ())
    refused = (problem for item in unready if (problem := _without_pods(item, world, now)))
    problems = [
        *islice(refused, _PROBLEMS),
        *islice((problem for pod in pods if (problem := _problem(api, pod, world, now))), _PROBLEMS),
    ]
    table = {
        "well": not problems and bool(deployments) and not unready,
        "deployments": [_deployment(item, now) for item in _by_name(deployments)],
        "pods": [pod_row(item, now) for item in _by_name(pods)[:_ROWS]],
        "problems": problems[:_PROBLEMS],
    }
    document: Json = presentable(table, LONG)
    return document


def pod_row(pod: Item, now: datetime) -> Json:
    """A pod as `kubectl get pods` shows it."""
    status, containers = pod.get("status") or {}, pod["spec"].get("containers") or []
    ready, restarts = 0, 0
    for item in status.get("containerStatuses") or []:
        ready += bool(item.get("ready") and "running" in (item.get("state") or {}))
        restarts += item.get("restartCount", 0)
    return {
        "name": pod["metadata"]["name"],
        "ready": f"{ready}/{len(containers)}",
        "status": pod_status(pod),
        "restarts": restarts,
        "ageSeconds": _age(pod, now),
    }


def pod_status(pod: Item) -> str:
    """The STATUS column."""
    status = pod.get("status") or {}
    reason = str(status.get("reason") or status.get("phase") or "Unknown")
    initial = _initializing(pod)
    reason = initial or _of_containers(status, reason)
    if "deletionTimestamp" in pod["metadata"]:
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return reason


def _initializing(pod: Item) -> str | None:
    declared = pod["spec"].get("initContainers") or []
    sidecars = {item["name"] for item in declared if item.get("restartPolicy") == "Always"}
    for number, container in enumerate((pod.get("status") or {}).get("initContainerStatuses") or []):
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if ended and not ended.get("exitCode"):
            continue
        if container["name"] in sidecars and container.get("started"):
            continue
        if ended:
            return f"Init:{ended.get('reason') or _exit(ended)}"
        if waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{number}/{len(declared)}"
    return None


def _of_containers(status: Item, reason: str) -> str:
    running = False
    for container in reversed(status.get("containerStatuses") or []):
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif ended:
            reason = ended.get("reason") or _exit(ended)
        elif container.get("ready") and "running" in state:
            running = True
    if reason == "Completed" and running:
        conditions = {item["type"]: item["status"] for item in status.get("conditions") or []}
        return "Running" if conditions.get("Ready") == "True" else "NotReady"
    return reason


def _exit(ended: Item) -> str:
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode')}"


def _deployment(item: Item, now: datetime) -> Json:
    status = item.get("status") or {}
    return {
        "name": item["metadata"]["name"],
        "ready": f"{status.get('readyReplicas', 0)}/{item['spec'].get('replicas', 1)}",
        "upToDate": status.get("updatedReplicas", 0),
        "available": status.get("availableReplicas", 0),
        "ageSeconds": _age(item, now),
    }


def _without_pods(deployment: Item, world: Workloads, now: datetime) -> Json | None:
    """The problem of a Deployment whose pods cannot be made."""
    for hindrance in health.hindrances_of(deployment, world, now):
        if hindrance.error.code == Code.PODS_REFUSED:
            return _of(hindrance)
    return None


def _problem(api: ClusterApi, pod: Item, world: Workloads, now: datetime) -> Json | None:
    name = pod["metadata"]["name"]
    if hindrance := pod_failures.of_pod(pod, now):
        return _of(health.with_last_line(api, hindrance))
    if "deletionTimestamp" in pod["metadata"] or pod_row(pod, now)["status"] in ("Completed", "Succeeded"):
        return None
    conditions = {item["type"]: item["status"] for item in (pod.get("status") or {}).get("conditions") or []}
    if conditions.get("Ready") == "True":
        return None
    if missing := _missing_identity(api, pod):
        message = f"Pod {name} waits for Secret {missing}, which the agents get once the connected cluster exists."
        return _shown(name, "identity", ArcError(_WAITS_FOR_IDENTITY, message))
    of_events = pod_failures.of_events(world.events, "Pod", name)
    message = f"Pod {name} is not ready: {pod_status(pod)}." + (f" {of_events}" if of_events else "")
    return _shown(name, "starting", ArcError(Code.AGENTS_NOT_READY, message))


def _of(hindrance: Hindrance) -> Json:
    return _shown(hindrance.subject, _REASONS[hindrance.error.code], hindrance.error)


def _shown(subject: str, reason: str, error: ArcError) -> Json:
    """`pod` names the Deployment where there is no pod yet."""
    return {"pod": subject, "reason": reason, "code": error.code, "message": error.message, "remedy": error.remedy}


def _missing_identity(api: ClusterApi, pod: Item) -> str | None:
    """The Secret with the identity's certificate that the pod mounts and that is not there."""
    for name in sorted(health.mounted_secrets(pod["spec"]) & IDENTITY_SECRETS):
        try:
            if api.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}") is None:
                return name
        except ArcError as error:
            if error.code != Code.CLUSTER_PERMISSION_MISSING:
                raise
    return None


def _by_name(items: Sequence[Item]) -> list[Item]:
    return sorted(items, key=lambda item: str(item["metadata"]["name"]))


def _age(item: Item, now: datetime) -> int:
    return max(0, int((now - datetime.fromisoformat(item["metadata"]["creationTimestamp"])).total_seconds()))
