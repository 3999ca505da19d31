"""What the cluster must be before anything is changed in it: every finding at once, and the facts later steps need.

Must not know Azure; whose agents are in the cluster is told by the cluster's own ConfigMap.
"""

import re
from typing import Any

from arcway.cluster import lease
from arcway.cluster.api import ClusterApi
from arcway.cluster.key_pair import NAMESPACE, RELEASE, RELEASE_NAMESPACE
from arcway.domain.detection import detect_distribution, detect_infrastructure
from arcway.domain.errors import CATALOGUE
from arcway.domain.ids import ClusterId
from arcway.domain.run import Finding

OLDEST_SUPPORTED = (1, 27)
# verb, resource, API group, namespace
type Permission = tuple[str, str, str, str]
# "*" is asked first: an administrator's answer saves the rest.
_EVERYTHING = ("*", "*", "*", "")
# What installing and watching the agents needs.
_NEEDED = (
    ("get", "leases", "coordination.k8s.io", "kube-system"),
    ("create", "leases", "coordination.k8s.io", "kube-system"),
    ("update", "leases", "coordination.k8s.io", "kube-system"),
    ("delete", "leases", "coordination.k8s.io", "kube-system"),
    ("create", "namespaces", "", ""),
    ("create", "secrets", "", NAMESPACE),
    ("get", "secrets", "", NAMESPACE),
    ("create", "secrets", "", RELEASE_NAMESPACE),
    ("create", "configmaps", "", NAMESPACE),
    ("create", "serviceaccounts", "", NAMESPACE),
    ("create", "services", "", NAMESPACE),
    ("create", "deployments", "apps", NAMESPACE),
    ("list", "deployments", "apps", NAMESPACE),
    ("list", "pods", "", NAMESPACE),
    ("list", "customresourcedefinitions", "apiextensions.k8s.io", ""),
    ("create", "customresourcedefinitions", "apiextensions.k8s.io", ""),
    ("create", "clusterroles", "rbac.authorization.k8s.io", ""),
    ("create", "clusterrolebindings", "rbac.authorization.k8s.io", ""),
)


def finding(code: str, message: str, level: str = "error") -> dict[str, Any]:
    """A finding with the remedy of its code."""
    return Finding.model_validate(
        {"code": code, "level": level, "message": message, "remedy": CATALOGUE[code].remedy}
    ).as_json()


def inspect(api: ClusterApi, installation: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Findings and facts. Raises `ArcError` when the API server does not answer or refuses the credential."""
    version = api.get("/version") or {}
    findings = _version_findings(version)
    missing = missing_permissions(api, (("list", "nodes", "", ""), *_NEEDED))
    findings += [finding("ARC-2008", f"The credential may not {item}.") for item in missing]
    nodes = [] if "list nodes" in missing else api.items("/api/v1/nodes")
    if nodes or "list nodes" not in missing:
        findings += _node_findings(nodes)
    if not any(item.startswith("get leases") for item in missing):
        lease.check(api, installation)
    findings += _namespace_findings(api)
    existing = owner(api)
    return findings, {
        "owner": existing.resource_id if existing else None,
        "kubernetesVersion": str(version.get("gitVersion", "")).removeprefix("v"),
        "distribution": detect_distribution(nodes),
        "infrastructure": detect_infrastructure(nodes),
        "releaseDeployed": _release_deployed(api),
    }


def _version_findings(version: dict[str, Any]) -> list[dict[str, Any]]:
    match = re.match(r"v?(\d+)\.(\d+)", str(version.get("gitVersion", "")))
    if match and (int(match[1]), int(match[2])) >= OLDEST_SUPPORTED:
        return []
    oldest = ".".join(map(str, OLDEST_SUPPORTED))
    text = f"Kubernetes {version.get('gitVersion')} is older than {oldest}; the agents may not work."
    return [finding("ARC-2009", text, "warning")]


def missing_permissions(api: ClusterApi, needed: tuple[Permission, ...]) -> list[str]:
    """Those of `needed` that the credential may not do."""
    if api.may(*_EVERYTHING):
        return []
    return [
        f"{verb} {resource}" + (f".{group}" if group else "") + (f" in namespace {namespace}" if namespace else "")
        for verb, resource, group, namespace in needed
        if not api.may(verb, resource, group, namespace)
    ]


def _node_findings(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def fits(node: dict[str, Any]) -> bool:
        labels = node["metadata"].get("labels") or {}
        return labels.get("kubernetes.io/os") == "linux" and not (node.get("spec") or {}).get("unschedulable")

    if any(fits(node) for node in nodes):
        return []
    return [finding("ARC-2010", f"None of the {len(nodes)} nodes is a schedulable Linux node.")]


def _namespace_findings(api: ClusterApi) -> list[dict[str, Any]]:
    found = []
    for name in (NAMESPACE, RELEASE_NAMESPACE):
        namespace = api.get(f"/api/v1/namespaces/{name}")
        if namespace and namespace.get("status", {}).get("phase") == "Terminating":
            found.append(finding("ARC-2012", f"Namespace {name} is being deleted; it is waited for.", "info"))
    return found


def owner(api: ClusterApi) -> ClusterId | None:
    """The connected cluster that the agents in this cluster serve; None when there are no agents."""
    config = api.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/azure-clusterconfig")
    if config is None:
        return None
    data = config.get("data") or {}
    return ClusterId(
        data.get("AZURE_SUBSCRIPTION_ID", ""), data.get("AZURE_RESOURCE_GROUP", ""), data.get("AZURE_RESOURCE_NAME", "")
    )


def _release_deployed(api: ClusterApi) -> bool:
    selector = f"owner=helm,name={RELEASE},status=deployed"
    return bool(api.items(f"/api/v1/namespaces/{RELEASE_NAMESPACE}/secrets", labelSelector=selector))
