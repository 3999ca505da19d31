"""What `kubectl get` shows in its cells: ages, states and counts taken out of objects, as the API server words them."""

import datetime
import re
from collections.abc import Callable
from typing import Any

from arcway_local.cluster.values import find_condition
from arcway_local.json_documents import Json

NONE, UNKNOWN = "<none>", "<unknown>"


def age(moment: str | None) -> str:
    """How long ago that was, as kubectl writes durations; `<unknown>` for no time."""
    if not moment:
        return UNKNOWN
    then = datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return duration((datetime.datetime.now(datetime.UTC) - then).total_seconds())


def duration(seconds: float) -> str:
    """A duration in two parts at most: 42s, 3m5s, 12m, 5h30m, 2d4h, 30d, 2y10d."""
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    return _two(days // 365, "y", days % 365, "d") if days < 8 * 365 else f"{days // 365}y"


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first}{unit}" + (f"{second}{smaller}" if second else "")


def status(item: Json) -> Json:
    """What the object's status says."""
    status: Json = item.get("status") or {}
    return status


def spec(item: Json) -> Json:
    """What the object's spec says."""
    spec: Json = item.get("spec") or {}
    return spec


def age_of(item: Json) -> str:
    """How long ago the object was made."""
    return age(item["metadata"].get("creationTimestamp"))


def age_at(name: str) -> Callable[[Json], str]:
    """A cell with how long ago the time of that field was, or the object was made."""
    return lambda item: age(item.get(name) or item["metadata"].get("creationTimestamp"))


def share(numerator: Callable[[Json], int], denominator: Callable[[Json], int]) -> Callable[[Json], str]:
    """A cell with how many of how many."""
    return lambda item: f"{numerator(item)}/{denominator(item)}"


def pod_selector(policy: Json) -> str:
    """The labels of the pods that a NetworkPolicy is for."""
    return selector({"spec": {"selector": spec(policy).get("podSelector")}})


def containers(item: Json) -> list[Json]:
    """The containers of a workload's pods."""
    containers: list[Json] = (spec(item).get("template") or {}).get("spec", {}).get("containers", [])
    return containers


def selector(item: Json) -> str:
    """The labels by which a workload or service selects."""
    selector = spec(item).get("selector") or {}
    labels = (
        selector.get("matchLabels", {}) if "matchLabels" in selector or "matchExpressions" in selector else selector
    )
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or NONE


def ready_containers(pod: Json) -> str:
    """How many of a pod's containers are ready."""
    ready = sum(bool(container.get("ready")) for container in status(pod).get("containerStatuses", []))
    return f"{ready}/{len(spec(pod).get('containers', []))}"


def pod_reason(pod: Json) -> str:
    """What kubectl calls the status of a pod: the reason of its last container that has one, or its phase."""
    pod_status = status(pod)
    reason = pod_status.get("reason") or pod_status.get("phase") or UNKNOWN
    running = False
    for container in reversed(pod_status.get("containerStatuses", [])):
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif ended:
            reason = ended.get("reason") or f"ExitCode:{ended.get('exitCode', 0)}"
        elif container.get("ready") and state.get("running") is not None:
            running = True
    if reason == "Completed" and running:
        reason = "Running"
    return "Terminating" if pod["metadata"].get("deletionTimestamp") else str(reason)


def restarts(pod: Json) -> str:
    """How often a pod's containers restarted, and when last."""
    containers = status(pod).get("containerStatuses", [])
    count = sum(int(container.get("restartCount", 0)) for container in containers)
    ends = [(container.get("lastState") or {}).get("terminated", {}).get("finishedAt") for container in containers]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({age(last)} ago)" if count and last else str(count)


def node_status(node: Json) -> str:
    """Whether a node is ready and takes pods."""
    condition = find_condition(node, "Ready")
    ready = "Unknown" if condition is None else "Ready" if condition["status"] == "True" else "NotReady"
    return f"{ready},SchedulingDisabled" if spec(node).get("unschedulable") else ready


def node_roles(node: Json) -> str:
    """The roles in a node's labels."""
    prefix = "node-role.kubernetes.io/"
    labels = node["metadata"].get("labels") or {}
    roles = {key.removeprefix(prefix) for key in labels if key.startswith(prefix)} - {""}
    return ",".join(sorted(roles)) or NONE


def address(type_: str) -> Callable[[Json], str]:
    """A cell with a node's address of that type."""

    def cell(node: Json) -> str:
        addresses = status(node).get("addresses", [])
        return next((entry["address"] for entry in addresses if entry["type"] == type_), NONE)

    return cell


def node_info(name: str) -> Callable[[Json], str]:
    """A cell with a part of a node's nodeInfo."""
    return lambda node: str((status(node).get("nodeInfo") or {}).get(name) or UNKNOWN)


def job_status(job: Json) -> str:
    """How far a job is."""
    for type_, word in (("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended")):
        condition = find_condition(job, type_)
        if condition and condition["status"] == "True":
            return word
    return "Terminating" if job["metadata"].get("deletionTimestamp") else "Running"


def job_duration(job: Json) -> str:
    """How long a job took, or has been running."""
    started, ended = status(job).get("startTime"), status(job).get("completionTime")
    if not started or not ended:
        return age(started) if started else ""
    first, last = (datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")) for stamp in (started, ended))
    return duration((last - first).total_seconds())


def ports(service: Json) -> str:
    """The ports of a service."""
    ports = spec(service).get("ports", [])
    return ",".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in ports) or NONE


def subjects(kind: str) -> Callable[[Json], str]:
    """A cell with a binding's subjects of that kind."""

    def cell(binding: Json) -> str:
        named = [subject for subject in binding.get("subjects") or [] if subject.get("kind") == kind]
        spaced = kind == "ServiceAccount"
        return ", ".join(
            f"{subject.get('namespace', '')}/{subject['name']}" if spaced else subject["name"] for subject in named
        )

    return cell


def role(binding: Json) -> str:
    """The role that a binding refers to."""
    return f"{binding['roleRef']['kind']}/{binding['roleRef']['name']}"


def involved(event: Json) -> str:
    """The object that an event is about."""
    involved = event.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def count(*names: str) -> Callable[[Json], int]:
    """A cell with how many entries these maps have."""
    return lambda item: sum(len(item.get(name) or {}) for name in names)


def number(part: str, name: str, default: int = 0) -> Callable[[Json], int]:
    """A cell with a number of the spec or the status."""
    return lambda item: int((item.get(part) or {}).get(name, default))


_STEP = re.compile(r"""\.([A-Za-z0-9_-]+)|\[(\d+)\]|\[\?\(@\.([\w.-]+)\s*==\s*["']([^"']*)["']\)\]|\['([^']+)'\]""")


def look_up(item: Any, path: str) -> Any:
    """The value at a JSONPath of fields, positions and one comparison, None when there is none."""
    position = 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return None
        field, index, key, value, quoted = step.groups()
        if index is not None:
            item = item[int(index)] if isinstance(item, list) and int(index) < len(item) else None
        elif key is not None:
            entries = item if isinstance(item, list) else []
            item = next((entry for entry in entries if isinstance(entry, dict) and str(entry.get(key)) == value), None)
        else:
            item = item.get(field or quoted) if isinstance(item, dict) else None
        position = step.end()
    return item
