"""Health of the agents: a verdict from Deployments and pods alone.

A pod that waits only for a certificate that Azure issues with the cluster's identity is waiting for the connected
cluster, not failing (docs/adr/0004-agents-first.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from arcway.cluster.access.api import ClusterApi, at
from arcway.cluster.agents import pod_failures
from arcway.cluster.agents.pod_failures import Hindrance, Item
from arcway.cluster.constants import NAMESPACE
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.text import counted, listed

IDENTITY_SECRETS = frozenset({"azure-identity-certificate", "kube-aad-proxy-certificate"})
_LOG_BYTES = 4096
# There are a dozen Deployments; pods that were evicted may stay by the thousand, and so may events.
_MOST_DEPLOYMENTS, _MOST_PODS, _MOST_EVENTS = 100, 5000, 5000
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of the agents at one moment: with a hindrance, why they are not Ready yet."""

    done: bool
    detail: str
    hindrance: Hindrance | None = None


@dataclass(frozen=True, slots=True)
class Workloads:
    """What there is of the agents; events are asked for only when nothing else says why."""

    deployments: Sequence[Item]
    pods: Sequence[Item]
    events: Sequence[Item] = ()


def check_health(api: ClusterApi, *, identity_issued: bool, fail_fast: bool = False) -> Verdict:
    """Read the state of a cluster's agents once.

    Raises `ArcError` ARC-5005 to ARC-5007, ARC-5018 or ARC-5019 for what waiting will never fix, and with `fail_fast`
    for what may pass, too.
    """
    deployments, pods = list_workloads(api)
    now = datetime.now(UTC)
    world = Workloads(deployments, pods)
    verdict = assess(world, identity_issued=identity_issued, now=now)
    if not verdict.done and verdict.hindrance is None and deployments:
        world = replace(world, events=events(api))
        verdict = assess(world, identity_issued=identity_issued, now=now)
    hindrance = verdict.hindrance
    if hindrance is None:
        return verdict
    hindrance = with_last_line(api, hindrance)
    if hindrance.final or (fail_fast and hindrance.settled):
        raise hindrance.error
    return replace(verdict, detail=f"{verdict.detail}. {hindrance.error.message}", hindrance=hindrance)


def list_workloads(api: ClusterApi) -> tuple[list[Item], list[Item]]:
    """The agents' Deployments and pods."""
    deployments = api.items(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", most=_MOST_DEPLOYMENTS)
    return [*deployments], [*api.items(f"/api/v1/namespaces/{NAMESPACE}/pods", most=_MOST_PODS)]


def events(api: ClusterApi) -> list[Item]:
    """The warnings about the agents; none when the credential may not read them or there are too many."""
    try:
        return [*api.items(f"/api/v1/namespaces/{NAMESPACE}/events", most=_MOST_EVENTS, fieldSelector="type=Warning")]
    except ArcError as error:
        if error.code not in (Code.CLUSTER_PERMISSION_MISSING, Code.KUBERNETES_RESPONSE_INVALID):
            raise
        return []


def assess(world: Workloads, *, identity_issued: bool, now: datetime) -> Verdict:
    """The verdict on what was seen; `identity_issued` says whether the identity's certificates may be waited for."""
    deployments = world.deployments
    if not deployments:
        return Verdict(False, "the Helm release has no Deployments yet")
    waiting: list[str] = []
    all_hindrances: list[Hindrance] = []
    for deployment in deployments:
        if is_ready(deployment):
            continue
        own = hindrances_of(deployment, world, now, with_events=identity_issued or not _needs_identity(deployment))
        if identity_issued or not _needs_identity(deployment) or own or not _is_scheduled(deployment, world.pods):
            waiting.append(deployment["metadata"]["name"])
            all_hindrances += own
    ready = sum(map(is_ready, deployments))
    summary = f"{ready} of {counted(len(deployments), 'Deployment')} ready"
    if waiting:
        return Verdict(False, f"{summary}; waiting for {listed(sorted(waiting), _NAMED)}", _weightiest(all_hindrances))
    not_ready = len(deployments) - ready
    certificates = "its identity certificate" if not_ready == 1 else "their identity certificates"
    return Verdict(True, summary + (f"; {not_ready} waiting for {certificates}" if not_ready else ""))


def hindrances_of(deployment: Item, world: Workloads, now: datetime, *, with_events: bool = True) -> list[Hindrance]:
    """Why a Deployment that is not Ready is not, as far as the cluster says."""
    name = deployment["metadata"]["name"]
    own = [pod for pod in pods_of(deployment, world.pods) if not _is_outdated(pod, deployment)]
    if refused := pod_failures.of_deployment(deployment):
        return [refused]
    if of_pods := [hindrance for pod in own if (hindrance := pod_failures.of_pod(pod, now))]:
        return of_pods
    if not with_events:
        return []
    if not own:
        of_replica_sets = pod_failures.of_events(world.events, "ReplicaSet", f"{name}-")
        return [pod_failures.refused(name, of_replica_sets)] if of_replica_sets else []
    for pod in own:
        pod_name = pod["metadata"]["name"]
        if of_replica_sets := pod_failures.of_events(world.events, "Pod", pod_name):
            error = ArcError(Code.POD_NOT_STARTING, f"Pod {pod_name} is not becoming ready: {of_replica_sets}")
            return [Hindrance(error, pod_name, settled=False)]
    return []


def _weightiest(candidates: Sequence[Hindrance]) -> Hindrance | None:
    """What is final before what lasts before what has only begun."""
    return min(candidates, key=lambda hindrance: (not hindrance.final, not hindrance.settled), default=None)


def is_ready(deployment: Item) -> bool:
    """Whether all replicas of the current generation are Ready and none of an older one is left."""
    spec, status = deployment.get("spec", {}), deployment.get("status") or {}
    replicas = spec.get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 1)
        and status.get("updatedReplicas", 0) >= replicas
        and status.get("readyReplicas", 0) >= replicas
        and status.get("replicas", 0) <= replicas
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

    annotations = (template.get("metadata") or {}).get("annotations") or {}
    is_same = annotations.items() <= (pod["metadata"].get("annotations") or {}).items()
    return not is_same or images(template.get("spec") or {}) != images(pod.get("spec") or {})


def pods_of(deployment: Item, pods: Sequence[Item]) -> list[Item]:
    """The pods that a Deployment selects."""
    labels: Mapping[str, Any] = deployment["spec"].get("selector", {}).get("matchLabels") or {}
    if not labels:
        return []
    return [pod for pod in pods if labels.items() <= (pod["metadata"].get("labels") or {}).items()]


def _is_scheduled(deployment: Item, pods: Sequence[Item]) -> bool:
    own = pods_of(deployment, pods)
    return bool(own) and all(pod.get("spec", {}).get("nodeName") for pod in own)


def with_last_line(api: ClusterApi, hindrance: Hindrance) -> Hindrance:
    """With the last line of the log of a container that crashes, if the API server can still get that."""
    if hindrance.container is None:
        return hindrance
    path = at(f"/api/v1/namespaces/{NAMESPACE}/pods", hindrance.subject, "log")
    try:
        log = api.text(path, container=hindrance.container, previous="true", tailLines=1, limitBytes=_LOG_BYTES)
    except ArcError:
        return hindrance  # a node that does not answer, or a credential that may not read logs, hides nothing else
    line = redact(log, 200)
    return hindrance.with_line(line) if line else hindrance
