"""Are the agents well? A verdict from Deployments and pods, without asking anybody else.

A pod that waits only for a certificate that Azure issues with the cluster's identity is waiting for the connected
cluster, not failing (docs/adr/0004-agents-first.md). Must not know how the agents were installed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from arcway.cluster.api import ClusterApi, at
from arcway.cluster.names import NAMESPACE
from arcway.domain.errors import ArcError, redact
from arcway.domain.text import listed

IDENTITY_SECRETS = frozenset({"azure-identity-certificate", "kube-aad-proxy-certificate"})
_PULL_FAILED = ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CRASHES = 3
_UNSCHEDULABLE_SECONDS = 60
_LOG_BYTES = 4096
# There are a dozen Deployments; pods that were evicted may stay by the thousand.
_MOST_DEPLOYMENTS, _MOST_PODS = 100, 5000
_NAMED = 20

type Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look at the agents says."""

    done: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What is wrong with one pod, and which of its containers keeps crashing, if that is it."""

    error: ArcError
    pod: str
    container: str | None = None


def look(api: ClusterApi, *, identity_issued: bool) -> Verdict:
    """One look at the agents of a cluster. Raises `ArcError` ARC-5005 to ARC-5007 for what waiting will not mend."""
    deployments, pods = seen(api)
    now = datetime.now(UTC)
    if failure := _first_failure(deployments, pods, now):
        raise with_last_line(api, failure).error
    return judge(deployments, pods, identity_issued=identity_issued, now=now)


def seen(api: ClusterApi) -> tuple[list[Item], list[Item]]:
    """The agents' Deployments and pods."""
    deployments = api.items(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", most=_MOST_DEPLOYMENTS)
    return [*deployments], [*api.items(f"/api/v1/namespaces/{NAMESPACE}/pods", most=_MOST_PODS)]


def judge(deployments: Sequence[Item], pods: Sequence[Item], *, identity_issued: bool, now: datetime) -> Verdict:
    """The verdict on what was seen; `identity_issued` says whether the identity's certificates may be waited for."""
    if failure := _first_failure(deployments, pods, now):
        raise failure.error
    if not deployments:
        return Verdict(False, "the release has no Deployments yet")
    waiting: list[str] = []
    for deployment in deployments:
        if is_ready(deployment):
            continue
        if identity_issued or not _needs_identity(deployment) or not _is_scheduled(deployment, pods):
            waiting.append(deployment["metadata"]["name"])
    ready = sum(map(is_ready, deployments))
    if waiting:
        return Verdict(False, f"{ready}/{len(deployments)} ready, waiting for {listed(sorted(waiting), _NAMED)}")
    held = len(deployments) - ready
    return Verdict(True, f"{ready}/{len(deployments)} ready" + (f", {held} wait for the identity" if held else ""))


def is_ready(deployment: Item) -> bool:
    """Whether all replicas of the current generation are Ready and none of an older one is left."""
    spec, status = deployment.get("spec", {}), deployment.get("status") or {}
    wanted = spec.get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 1)
        and status.get("updatedReplicas", 0) >= wanted
        and status.get("readyReplicas", 0) >= wanted
        and status.get("replicas", 0) <= wanted
    )


def _needs_identity(deployment: Item) -> bool:
    return not mounted_secrets(deployment.get("spec", {}).get("template", {}).get("spec", {})).isdisjoint(
        IDENTITY_SECRETS
    )


def mounted_secrets(spec: Item) -> set[str]:
    """The Secrets that a pod of this specification mounts."""
    return {name for volume in spec.get("volumes") or [] if (name := (volume.get("secret") or {}).get("secretName"))}


def _is_outdated(pod: Item, deployment: Item) -> bool:
    """Whether the Deployment has another template by now than the one that this pod of its was made from.

    What is wrong with such a pod is over as soon as its successor is Ready. A Deployment that never changed has none,
    even if an admission webhook gave its pods other images.
    """
    if deployment["metadata"].get("generation", 1) == 1:
        return False
    template = deployment["spec"].get("template") or {}
    labels = deployment["spec"].get("selector", {}).get("matchLabels") or {}
    if not labels or not labels.items() <= (pod["metadata"].get("labels") or {}).items():
        return False

    def images(spec: Item) -> dict[str, Any]:
        return {container["name"]: container.get("image") for container in spec.get("containers") or []}

    wanted = (template.get("metadata") or {}).get("annotations") or {}
    is_same = wanted.items() <= (pod["metadata"].get("annotations") or {}).items()
    return not is_same or images(template.get("spec") or {}) != images(pod.get("spec") or {})


def _is_scheduled(deployment: Item, pods: Sequence[Item]) -> bool:
    labels = deployment["spec"].get("selector", {}).get("matchLabels") or {}
    own = [pod for pod in pods if labels.items() <= (pod["metadata"].get("labels") or {}).items()]
    return bool(own) and all(pod.get("spec", {}).get("nodeName") for pod in own)


def _first_failure(deployments: Sequence[Item], pods: Sequence[Item], now: datetime) -> Failure | None:
    for pod in pods:
        if not any(_is_outdated(pod, deployment) for deployment in deployments) and (found := failure_of(pod, now)):
            return found
    return None


def failure_of(pod: Item, now: datetime, *, patient: bool = True) -> Failure | None:
    """What is wrong with a pod that waiting will not mend; a `patient` look gives it time to mend by itself."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), redact(waiting.get("message", ""), 200)
        if reason in _PULL_FAILED:
            text = f"Pod {name} cannot pull {container.get('image')}: {reason} {message}".strip()
            return Failure(ArcError("ARC-5005", text), name)
        if reason == "CrashLoopBackOff" and (not patient or container.get("restartCount", 0) >= _CRASHES):
            text = f"Container {container['name']} of pod {name} keeps crashing: {message}"
            return Failure(ArcError("ARC-5007", text), name, container["name"])
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            since = datetime.fromisoformat(condition.get("lastTransitionTime") or now.isoformat())
            if not patient or (now - since).total_seconds() >= _UNSCHEDULABLE_SECONDS:
                text = f"Pod {name} cannot be scheduled: {redact(condition.get('message', ''), 200)}"
                return Failure(ArcError("ARC-5006", text), name)
    return None


def with_last_line(api: ClusterApi, failure: Failure) -> Failure:
    """The failure of a crashing container with the last line of its log, if the API server can still get that."""
    if failure.container is None:
        return failure
    path = at(f"/api/v1/namespaces/{NAMESPACE}/pods", failure.pod, "log")
    try:
        log = api.text(path, container=failure.container, previous="true", tailLines=1, limitBytes=_LOG_BYTES)
    except ArcError:
        return failure  # a node that does not answer, or a credential that may not read logs, hides no failure
    line = redact(log, 200)
    if not line:
        return failure
    return Failure(ArcError(failure.error.code, f"{failure.error.message}. Its last line: {line}"), failure.pod)
