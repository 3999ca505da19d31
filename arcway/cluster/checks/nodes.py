"""Checks whether the agents can run on a cluster's nodes: operating system, architecture, readiness, memory.

Judges what the API tells; nothing is run.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from arcway.cluster.access.api import ClusterApi
from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.text import counted, excerpt, listed

ARCHITECTURES = ("amd64", "arm64")
"""What the agents' images are built for (https://learn.microsoft.com/azure/azure-arc/kubernetes/system-requirements)."""
MEMORY = 850 * 2**20
"""Bytes that the agents need (same page: "at least 850 MB free for the Arc agents")."""
_MOST_NODES = 50
_OF_CONDITIONS = "node.kubernetes.io/"
_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("0.000000001"),
    "u": Decimal("0.000001"),
    "m": Decimal("0.001"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}
# An exponent of any size would be a number of any size.
_QUANTITY = re.compile(r"([+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?)([a-zA-Z]{0,2})")


def inspect(nodes: Sequence[Json]) -> list[Json]:
    """Findings about operating system, taints, architecture and readiness.

    No node is a warning: clusters that make nodes on demand have none until the first pod waits for one.
    """
    fitting = [node for node in nodes if _is_linux(node) and _is_schedulable(node)]
    if not fitting:
        message = (
            f"The cluster has {counted(len(nodes), 'node')}, but no schedulable Linux node"
            if nodes
            else "The cluster has no nodes yet"
        )
        return [
            finding(Code.NO_LINUX_NODE, f"{message}; the agents wait until there is one.", "warning"),
            *_unready(nodes),
        ]
    return [*_taints(fitting), *_architectures(fitting), *_unready(nodes)]


def memory(api: ClusterApi, nodes: Sequence[Json]) -> list[Json]:
    """A warning when the schedulable Linux nodes together have less memory left than the agents need.

    Node by node until there is enough, so that a large cluster is not read as a whole.
    """
    schedulable = [node for node in nodes if _is_linux(node) and _is_schedulable(node) and _is_ready(node)]
    fitting = [node for node in schedulable if not _repelling(node)]
    free = 0
    for node in fitting[:_MOST_NODES]:
        free += _memory_left(api, node)
        if free >= MEMORY:
            return []
    if not fitting or len(fitting) > _MOST_NODES:
        return []
    message = f"The schedulable Linux nodes have {free // 2**20} MiB of free memory; the agents need {MEMORY // 2**20}."
    return [finding(Code.LOW_MEMORY, message, "warning")]


def quantity(value: object) -> int:
    """Parse a Kubernetes quantity; 0 for an invalid one.

    Form: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    match = _QUANTITY.fullmatch(str(value) if isinstance(value, str | int) else "")
    if match is None or match[2] not in _SUFFIXES:
        return 0
    return int(Decimal(match[1]) * _SUFFIXES[match[2]])


def _taints(nodes: Sequence[Json]) -> list[Json]:
    """A warning when every node repels the agents, whose pods tolerate nothing."""
    if not all(map(_repelling, nodes)):
        return []
    named = listed(sorted({taint for node in nodes for taint in _repelling(node)}))
    message = f"Every schedulable Linux node has a taint that the agents do not tolerate: {named}."
    return [finding(Code.NODES_TAINTED, message, "warning")]


def _repelling(node: Json) -> list[str]:
    """The taints that keep pods away; those of Kubernetes itself say what the node's conditions say, too."""
    taints = (node.get("spec") or {}).get("taints") or []
    return [
        excerpt(taint["key"] + (f"={taint['value']}" if taint.get("value") else "") + f":{taint['effect']}")
        for taint in taints
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not taint["key"].startswith(_OF_CONDITIONS)
    ]


def _architectures(nodes: Sequence[Json]) -> list[Json]:
    unsupported = [node for node in nodes if _architecture(node) not in ARCHITECTURES]
    if not unsupported:
        return []
    supported = " and ".join(ARCHITECTURES)
    if len(unsupported) == len(nodes):
        has = listed(sorted(set(map(_architecture, unsupported))))
        return [
            finding(
                Code.NODE_ARCHITECTURE_UNSUPPORTED,
                f"The schedulable Linux nodes have the architecture {has}; the agents support {supported}.",
            )
        ]
    message = f"The agents do not support the architecture of {_named(unsupported)}, only {supported}."
    return [finding(Code.NODE_ARCHITECTURE_UNSUPPORTED, message, "warning")]


def _unready(nodes: Sequence[Json]) -> list[Json]:
    unready = [node for node in nodes if not _is_ready(node)]
    return [finding(Code.NODE_NOT_READY, f"Not ready: {_named(unready)}.", "warning")] if unready else []


def _named(nodes: Sequence[Json]) -> str:
    names = sorted(node["metadata"]["name"] for node in nodes)
    return f"node{'s' if len(names) > 1 else ''} {listed(names)}"


def _is_linux(node: Json) -> bool:
    return bool((node["metadata"].get("labels") or {}).get("kubernetes.io/os") == "linux")


def _is_schedulable(node: Json) -> bool:
    return not (node.get("spec") or {}).get("unschedulable")


def _is_ready(node: Json) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def architectures(nodes: Sequence[Json]) -> list[str]:
    """The architectures of all nodes, each once; `other` for each that the agents do not support.

    A node may say anything of itself, which does not become a fact.
    """
    named = {_architecture(node) for node in nodes}
    return sorted({name if name in ARCHITECTURES else "other" for name in named})


def _architecture(node: Json) -> str:
    labelled = (node["metadata"].get("labels") or {}).get("kubernetes.io/arch")
    return excerpt(labelled or (node.get("status") or {}).get("nodeInfo", {}).get("architecture") or "unknown")


def _memory_left(api: ClusterApi, node: Json) -> int:
    allocatable = quantity(((node.get("status") or {}).get("allocatable") or {}).get("memory"))
    selector = f"spec.nodeName={node['metadata']['name']},status.phase!=Succeeded,status.phase!=Failed"
    pods = api.items("/api/v1/pods", fieldSelector=selector)
    return max(0, allocatable - sum(_requested(pod.get("spec") or {}) for pod in pods))


def _requested(spec: Json) -> int:
    """What the scheduler counts for a pod: init containers run one after the other, and sidecars beside the rest."""
    initial = spec.get("initContainers") or []
    sidecars = sum(_request(container) for container in initial if container.get("restartPolicy") == "Always")
    beside = sidecars + sum(map(_request, spec.get("containers") or []))
    init_peak = max(
        (sidecars + _request(container) for container in initial if container.get("restartPolicy") != "Always"),
        default=0,
    )
    return max(beside, init_peak, _request(spec)) + quantity((spec.get("overhead") or {}).get("memory"))


def _request(container: Json) -> int:
    return quantity(((container.get("resources") or {}).get("requests") or {}).get("memory"))
