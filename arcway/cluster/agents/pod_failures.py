"""Why an agent is not Ready, from its Deployment, its pods and the events about them.

Most of it is transient: a node comes, a registry answers, a container finds what it waits for. So each reason says
whether it is `final`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from arcway.cluster.access.admission import refusal_in
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.text import sentence

# An invalid image name stays invalid. Everything else about a pull depends on other systems.
_FINAL = ("InvalidImageName",)
_PULL = ("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", *_FINAL)
_PULL_SETTLED = ("ImagePullBackOff", "ErrImageNeverPull", *_FINAL)
_SETUP = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "SignatureValidationFailed")
_CRASHES = 3
_UNSCHEDULABLE_SECONDS = 60
_LENGTH = 300

type Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What keeps one agent from being Ready."""

    error: ArcError
    subject: str
    """The pod, or the Deployment that has none."""
    container: str | None = None
    """The one that keeps crashing, if that is it."""
    final: bool = False
    """Whether waiting will never fix it."""
    settled: bool = True
    """Whether it is so for long enough to be more than how things begin."""

    def with_line(self, line: str) -> "Hindrance":
        """With the last line of the container's log."""
        error = self.error
        longer = ArcError(error.code, f"{error.message}. Last log line: {line}", remedy=error.remedy)
        return replace(self, error=longer)


def of_deployment(deployment: Item) -> Hindrance | None:
    """What a Deployment says itself: that its pods are refused before there is one."""
    name = deployment["metadata"]["name"]
    for condition in (deployment.get("status") or {}).get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return refused(name, condition.get("message") or condition.get("reason") or "")
    return None


def refused(deployment: str, message: str) -> Hindrance:
    """Pods of a Deployment that the cluster refuses, in its own words."""
    who = refusal_in(message)
    by = f" by {who.who}" if who else ""
    description = f"The pods of {deployment} are rejected{by}: {sentence(message, _LENGTH)}"
    return Hindrance(ArcError(Code.PODS_REFUSED, description, remedy=who.remedy if who else None), deployment)


def of_pod(pod: Item, now: datetime) -> Hindrance | None:
    """What a pod's status says."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if hindrance := _of_container(name, container):
            return hindrance
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition.get("reason") in ("Unschedulable", "SchedulingGated"):
            since = datetime.fromisoformat(condition.get("lastTransitionTime") or now.isoformat())
            message = f"Pod {name} cannot be scheduled: {sentence(condition.get('message') or '', _LENGTH)}"
            settled = (now - since).total_seconds() >= _UNSCHEDULABLE_SECONDS
            return Hindrance(ArcError(Code.POD_UNSCHEDULABLE, message), name, settled=settled)
    return None


def _of_container(pod: str, container: Item) -> Hindrance | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, message = waiting.get("reason", ""), sentence(waiting.get("message") or "", _LENGTH)
    if reason in _PULL:
        description = f"Pod {pod} cannot pull {container.get('image')}: {reason} {message}".strip()
        return Hindrance(
            ArcError(Code.IMAGE_PULL_FAILED, description), pod, final=reason in _FINAL, settled=reason in _PULL_SETTLED
        )
    if reason == "CrashLoopBackOff":
        description = f"Container {container['name']} of pod {pod} is in a crash loop: {message}{_ending(container)}"
        settled = container.get("restartCount", 0) >= _CRASHES
        return Hindrance(ArcError(Code.CRASH_LOOP, description), pod, container["name"], settled=settled)
    if reason in _SETUP:
        description = f"Container {container['name']} of pod {pod} cannot be started: {reason} {message}".strip()
        return Hindrance(ArcError(Code.POD_NOT_STARTING, description), pod, settled=False)
    return None


def _ending(container: Item) -> str:
    """How it ended the last time, which the kubelet's message does not say."""
    ended = (container.get("lastState") or {}).get("terminated") or {}
    if not ended:
        return ""
    return f" (ended with {ended.get('reason') or 'code'} {ended.get('exitCode')})"


def of_events(events: Sequence[Item], kind: str, prefix: str) -> str | None:
    """The latest warning about an object of this kind whose name begins so, in the cluster's own words."""

    def when(event: Item) -> str:
        series = event.get("series") or {}
        timestamp = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
        return str(timestamp or event["metadata"].get("creationTimestamp") or "")

    matching = [
        event
        for event in events
        if (event.get("involvedObject") or {}).get("kind") == kind
        and str(event["involvedObject"].get("name") or "").startswith(prefix)
        and event.get("type") == "Warning"
    ]
    if not matching:
        return None
    latest = max(matching, key=when)
    return f"{sentence(str(latest.get('reason') or ''), 60)}: {sentence(str(latest.get('message') or ''), _LENGTH)}"
