"""The columns under which `kubectl get` shows objects, as the API server has them for each kind.

A column is plain data with the function that takes its cell out of an object.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from arcway_local.cluster import cells
from arcway_local.cluster.values import name_of
from arcway_local.json_documents import Json


@dataclass(frozen=True, slots=True)
class Column:
    """One column; those of priority 1 are shown with `-o wide`."""

    name: str
    cell: Callable[[Json], Any]
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""


def _wide(name: str, cell: Callable[[Json], Any]) -> Column:
    return Column(name, cell, priority=1)


NAME = Column("Name", lambda item: name_of(item) if "name" in item["metadata"] else "", format="name")
AGE = Column("Age", cells.age_of)
_CREATED = Column("Created At", lambda item: item["metadata"].get("creationTimestamp"), type="date")
_TEMPLATE = (
    _wide("Containers", lambda item: ",".join(container["name"] for container in cells.containers(item))),
    _wide("Images", lambda item: ",".join(container.get("image", "") for container in cells.containers(item))),
    _wide("Selector", cells.selector),
)
_BINDING = (
    NAME,
    Column("Role", cells.role),
    AGE,
    _wide("Users", cells.subjects("User")),
    _wide("Groups", cells.subjects("Group")),
    _wide("ServiceAccounts", cells.subjects("ServiceAccount")),
)
_BY_PLURAL: dict[str, tuple[Column, ...]] = {
    "namespaces": (NAME, Column("Status", lambda item: cells.status(item).get("phase", "")), AGE),
    "nodes": (
        NAME,
        Column("Status", cells.node_status),
        Column("Roles", cells.node_roles),
        AGE,
        Column("Version", cells.node_info("kubeletVersion")),
        _wide("Internal-IP", cells.address("InternalIP")),
        _wide("External-IP", cells.address("ExternalIP")),
        _wide("OS-Image", cells.node_info("osImage")),
        _wide("Kernel-Version", cells.node_info("kernelVersion")),
        _wide("Container-Runtime", cells.node_info("containerRuntimeVersion")),
    ),
    "pods": (
        NAME,
        Column("Ready", cells.ready_containers),
        Column("Status", cells.pod_reason),
        Column("Restarts", cells.restarts),
        AGE,
        _wide("IP", lambda pod: cells.status(pod).get("podIP") or cells.NONE),
        _wide("Node", lambda pod: cells.spec(pod).get("nodeName") or cells.NONE),
        _wide("Nominated Node", lambda pod: cells.status(pod).get("nominatedNodeName") or cells.NONE),
        _wide("Readiness Gates", lambda pod: cells.NONE),
    ),
    "services": (
        NAME,
        Column("Type", lambda item: cells.spec(item).get("type", "ClusterIP")),
        Column("Cluster-IP", lambda item: cells.spec(item).get("clusterIP") or cells.NONE),
        Column("External-IP", lambda item: ",".join(cells.spec(item).get("externalIPs", [])) or cells.NONE),
        Column("Port(s)", cells.ports),
        AGE,
        _wide("Selector", cells.selector),
    ),
    "serviceaccounts": (NAME, AGE),
    "secrets": (
        NAME,
        Column("Type", lambda item: item.get("type", "Opaque")),
        Column("Data", cells.count("data")),
        AGE,
    ),
    "configmaps": (NAME, Column("Data", cells.count("data", "binaryData")), AGE),
    "events": (
        Column("Last Seen", cells.age_at("lastTimestamp")),
        Column("Type", lambda item: item.get("type", "")),
        Column("Reason", lambda item: item.get("reason", "")),
        Column("Object", cells.involved),
        _wide("Subobject", lambda item: (item.get("involvedObject") or {}).get("fieldPath", "")),
        _wide("Source", lambda item: (item.get("source") or {}).get("component", "")),
        Column("Message", lambda item: str(item.get("message", "")).strip()),
        _wide(
            "First Seen",
            cells.age_at("firstTimestamp"),
        ),
        _wide("Count", lambda item: item.get("count", 1)),
        Column("Name", NAME.cell, format="name", priority=1),
    ),
    "deployments": (
        NAME,
        Column("Ready", cells.share(cells.number("status", "readyReplicas"), cells.number("spec", "replicas", 1))),
        Column("Up-to-date", cells.number("status", "updatedReplicas")),
        Column("Available", cells.number("status", "availableReplicas")),
        AGE,
        *_TEMPLATE,
    ),
    "replicasets": (
        NAME,
        Column("Desired", cells.number("spec", "replicas", 1), type="integer"),
        Column("Current", cells.number("status", "replicas"), type="integer"),
        Column("Ready", cells.number("status", "readyReplicas"), type="integer"),
        AGE,
        *_TEMPLATE,
    ),
    "jobs": (
        NAME,
        Column("Status", cells.job_status),
        Column(
            "Completions",
            cells.share(cells.number("status", "succeeded"), cells.number("spec", "completions", 1)),
        ),
        Column("Duration", cells.job_duration),
        AGE,
        *_TEMPLATE,
    ),
    "leases": (NAME, Column("Holder", lambda item: cells.spec(item).get("holderIdentity", "")), AGE),
    "roles": (NAME, _CREATED),
    "clusterroles": (NAME, _CREATED),
    "rolebindings": _BINDING,
    "clusterrolebindings": _BINDING,
    "networkpolicies": (
        NAME,
        Column("Pod-Selector", cells.pod_selector),
        AGE,
    ),
    "customresourcedefinitions": (NAME, _CREATED),
}


def built_in(plural: str) -> tuple[Column, ...]:
    """The columns of a kind that every cluster has."""
    return _BY_PLURAL.get(plural, (NAME, AGE))


def custom(version: Json) -> tuple[Column, ...]:
    """The columns that a version of a CustomResourceDefinition names; its cells.age where it names none."""
    named = version.get("additionalPrinterColumns") or [
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
    ]
    return (NAME, *(_custom_column(column) for column in named))


def _custom_column(column: Json) -> Column:
    path, is_date = str(column.get("jsonPath", "")), column.get("type") == "date"

    def cell(item: Json) -> Any:
        value = cells.look_up(item, path)
        return cells.age(value) if is_date and isinstance(value, str) else value

    default = f"Custom resource definition column (in JSONPath format): {path}"
    return Column(
        str(column["name"]),
        cell,
        str(column.get("type", "string")),
        str(column.get("format", "")),
        int(column.get("priority", 0)),
        str(column.get("description") or default),
    )
