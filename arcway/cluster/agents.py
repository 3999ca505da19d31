"""Are the agents well? A verdict from Deployments and pods, without asking anybody else.

A pod that waits only for a certificate that Azure issues with the cluster's identity is waiting for the connected
cluster, not failing (docs/adr/0004-agents-first.md). Must not know how the agents were installed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from arcway.cluster.api import ClusterApi
from arcway.cluster.key_pair import NAMESPACE
from arcway.domain.errors import ArcError, redact

IDENTITY_SECRETS = frozenset({"azure-identity-certificate", "kube-aad-proxy-certificate"})
_PULL_FAILED = ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CRASHES = 3
_UNSCHEDULABLE_SECONDS = 60

type Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look at the agents says."""

    done: bool
    detail: str


def look(api: ClusterApi, *, identity_issued: bool) -> Verdict:
    """One look at the agents of a cluster. Raises `ArcError` ARC-5005 to ARC-5007 for what waiting will not mend."""
    deployments = api.items(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments")
    pods = api.items(f"/api/v1/namespaces/{NAMESPACE}/pods")
    return judge(deployments, pods, identity_issued=identity_issued, now=datetime.now(UTC))


def judge(deployments: Sequence[Item], pods: Sequence[Item], *, identity_issued: bool, now: datetime) -> Verdict:
    """The verdict on what was seen; `identity_issued` says whether the identity's certificates may be waited for."""
    for pod in pods:
        _raise_if_failed(pod, now)
    if not deployments:
        return Verdict(False, "the release has no Deployments yet")
    waiting: list[str] = []
    for deployment in deployments:
        if _is_ready(deployment):
            continue
        if identity_issued or not _needs_identity(deployment) or not _is_scheduled(deployment, pods):
            waiting.append(deployment["metadata"]["name"])
    ready = sum(map(_is_ready, deployments))
    if waiting:
        return Verdict(False, f"{ready}/{len(deployments)} ready, waiting for {', '.join(sorted(waiting))}")
    held = len(deployments) - ready
    return Verdict(True, f"{ready}/{len(deployments)} ready" + (f", {held} wait for the identity" if held else ""))


def _is_ready(deployment: Item) -> bool:
    spec, status = deployment.get("spec", {}), deployment.get("status") or {}
    wanted = spec.get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 1)
        and status.get("updatedReplicas", 0) >= wanted
        and status.get("readyReplicas", 0) >= wanted
        and status.get("replicas", 0) <= wanted
    )


def _needs_identity(deployment: Item) -> bool:
    volumes = deployment.get("spec", {}).get("template", {}).get("spec", {}).get("volumes") or []
    return any((volume.get("secret") or {}).get("secretName") in IDENTITY_SECRETS for volume in volumes)


def _is_scheduled(deployment: Item, pods: Sequence[Item]) -> bool:
    labels = deployment["spec"].get("selector", {}).get("matchLabels") or {}
    own = [pod for pod in pods if labels.items() <= (pod["metadata"].get("labels") or {}).items()]
    return bool(own) and all(pod.get("spec", {}).get("nodeName") for pod in own)


def _raise_if_failed(pod: Item, now: datetime) -> None:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), redact(waiting.get("message", ""), 200)
        if reason in _PULL_FAILED:
            raise ArcError("ARC-5005", f"Pod {name} cannot pull {container.get('image')}: {reason} {message}".strip())
        if reason == "CrashLoopBackOff" and container.get("restartCount", 0) >= _CRASHES:
            raise ArcError("ARC-5007", f"Container {container['name']} of pod {name} keeps crashing: {message}")
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            since = datetime.fromisoformat(condition.get("lastTransitionTime") or now.isoformat())
            if (now - since).total_seconds() >= _UNSCHEDULABLE_SECONDS:
                raise ArcError(
                    "ARC-5006", f"Pod {name} cannot be scheduled: {redact(condition.get('message', ''), 200)}"
                )
