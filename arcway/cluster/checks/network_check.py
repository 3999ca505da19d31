"""The network as the cluster's pods see it: one short-lived Job that tries to connect to each address.

It runs in a namespace of its own, without a token and under the restricted pod security standard, and says what it
found in its termination message, so that no access to logs is needed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.agents.marks import Marks
from arcway.cluster.checks.permissions import NETWORK_NAMESPACE
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.json_values import Json

DEADLINE_SECONDS = 60
_NO_MARKS = Marks()
_NAME = "arcway-check"
_RUN = "arcway.dev/run"
_MANAGED = {"app.kubernetes.io/managed-by": "arcway"}
_NAMESPACE = f"/api/v1/namespaces/{NETWORK_NAMESPACE}"
_JOBS = f"/apis/batch/v1/namespaces/{NETWORK_NAMESPACE}/jobs"
_ADDRESS = re.compile(r"[0-9A-Za-z.-]+:\d{1,5}")
_WRITTEN = 16 * 1024
_OUTCOME = re.compile(r"(ok|unreachable) (\S+)")
_PULL_FAILED = ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_UNSCHEDULABLE_SECONDS = 15
_USER = 65534
# `timeout` covers what `-w` does not: a name that no server resolves.
SCRIPT = """
check() {
  proxy=$PROXY
  case " $DIRECT " in *" $1 "*) proxy= ;; esac
  if [ -n "$proxy" ]; then
    { printf 'CONNECT %s HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n' "$1" "$1"; sleep 4; } |
      timeout 10 nc -w 5 "${proxy%:*}" "${proxy##*:}" 2>/dev/null | head -n 1 | grep -q ' 200'
  else
    timeout 10 nc -z -w 5 "${1%:*}" "${1##*:}" 2>/dev/null
  fi && word=ok || word=unreachable
  echo "$word $1" >> "$OUTCOME"
}
for address in "$@"; do check "$address" & done
wait
"""


@dataclass(frozen=True, slots=True)
class Route:
    """The outbound route of pods: through the HTTP proxy at `proxy` (host:port), except to the `direct` addresses."""

    proxy: str | None = None
    direct: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """The state of the Job: `reachable` by address when it is over, or a `problem` that keeps it from running."""

    detail: str
    reachable: dict[str, bool] | None = None
    problem: str | None = None


def start(
    api: ClusterApi, run_id: str, image: str, addresses: Sequence[str], route: Route, marks: Marks = _NO_MARKS
) -> str | None:
    """Start the Job of this run. Returns what must end first, or None if the Job was started.

    Raises `ArcError`, ARC-3007 when the namespace is not Arcway's.
    """
    if wrong := [address for address in addresses if not _ADDRESS.fullmatch(address)]:
        raise ArcError(Code.NETWORK_NOT_CHECKED, f"{redact(wrong[0], 100)} is not a host and a port.")
    namespace = api.get(_NAMESPACE) or api.create("/api/v1/namespaces", _namespace_body(run_id, marks))
    if namespace is None or "deletionTimestamp" in namespace["metadata"]:
        return "an earlier check is being removed"
    if (namespace["metadata"].get("labels") or {}).items().isdisjoint(_MANAGED.items()):
        raise ArcError(Code.NETWORK_NOT_CHECKED, f"Namespace {NETWORK_NAMESPACE} exists and is not Arcway's.")
    if (namespace["metadata"].get("annotations") or {}).get(_RUN) != run_id:
        if _age(namespace) > 2 * DEADLINE_SECONDS:
            api.delete(_NAMESPACE, uid=namespace["metadata"]["uid"])
        return "another check is in progress"
    api.create(_JOBS, _job_body(image, addresses, route, marks))
    return None


def read_outcome(api: ClusterApi) -> Seen:
    """Read the Job once. Raises `ArcError` when the API does not answer."""
    job = api.get(f"{_JOBS}/{_NAME}")
    if job is None:
        return Seen("", problem="The Job of the network check no longer exists.")
    pods = api.items(f"{_NAMESPACE}/pods", labelSelector=f"batch.kubernetes.io/job-name={_NAME}")
    for pod in pods:
        if (written := _written(pod)) is not None:
            reachable = {address: word == "ok" for word, address in _OUTCOME.findall(written[:_WRITTEN])}
            return (
                Seen("done", reachable)
                if reachable
                else Seen("", problem="The pod of the network check ended without a result.")
            )
        if problem := _held_up(pod):
            return Seen("", problem=problem)
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition["type"] == "Failed" and condition["status"] == "True":
            return Seen("", problem=f"{condition.get('reason')}: {redact(condition.get('message') or '', 200)}")
    if not pods and (refused := _refused(api)):
        return Seen("", problem=f"No pod can be created: {refused}")
    return Seen("the check runs in the cluster" if pods else "the check waits for its pod")


def remove(api: ClusterApi, run_id: str) -> None:
    """Delete this run's namespace with its content; does nothing if it does not exist."""
    namespace = api.get(_NAMESPACE)
    if namespace and (namespace["metadata"].get("annotations") or {}).get(_RUN) == run_id:
        api.delete(_NAMESPACE, uid=namespace["metadata"]["uid"])


def _written(pod: Json) -> str | None:
    """What the pod's container said at its end; None while there is no end."""
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        if ended := (container.get("state") or {}).get("terminated"):
            return ended.get("message") or ""
    return None


def _held_up(pod: Json) -> str | None:
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _PULL_FAILED:
            return f"Image {container.get('image')} cannot be pulled: {waiting['reason']}."
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            since = datetime.fromisoformat(condition["lastTransitionTime"])
            if (datetime.now(UTC) - since).total_seconds() >= _UNSCHEDULABLE_SECONDS:
                return (
                    f"The pod of the network check cannot be scheduled: {redact(condition.get('message') or '', 200)}"
                )
    return None


def _refused(api: ClusterApi) -> str | None:
    """Why the Job's controller cannot make a pod (quota, admission), which only an event says."""
    events = api.items(f"{_NAMESPACE}/events", fieldSelector=f"reason=FailedCreate,involvedObject.name={_NAME}")
    return redact(events[-1].get("message") or "", 200) if events else None


def _age(item: Json) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(item["metadata"]["creationTimestamp"])).total_seconds()


def _namespace_body(run_id: str, marks: Marks) -> Json:
    labels = {**_MANAGED, "pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": NETWORK_NAMESPACE, "labels": labels, "annotations": {_RUN: run_id}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": marks.on_namespace(metadata)}


def _job_body(image: str, addresses: Sequence[str], route: Route, marks: Marks) -> Json:
    limits = {"cpu": "100m", "memory": "32Mi"}
    outcome = "/dev/termination-log"
    container = {
        "name": "check",
        "image": image,
        "command": ["/bin/sh", "-c", SCRIPT, "check"],
        "args": list(addresses),
        "env": [
            {"name": "PROXY", "value": route.proxy or ""},
            {"name": "DIRECT", "value": " ".join(route.direct)},
            {"name": "OUTCOME", "value": outcome},
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": limits},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": outcome,
    }
    identity = {"runAsNonRoot": True, "runAsUser": _USER, "runAsGroup": _USER}
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {**identity, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    spec = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": DEADLINE_SECONDS,
        "ttlSecondsAfterFinished": 300,
        "template": {"metadata": marks.on_pod({"labels": _MANAGED}), "spec": pod},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": _NAME, "labels": _MANAGED}, "spec": spec}
