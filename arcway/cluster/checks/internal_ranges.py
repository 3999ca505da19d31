"""The internal addresses of a cluster, which its agents must reach without an outbound proxy.

Learnt from what the API server tells; a cluster that tells nothing still has its well-known names.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.access.plain_yaml import PlainYamlError, read_yaml
from arcway.cluster.checks.cidr_ranges import merge_ranges
from arcway.domain.proxy import IN_CLUSTER_HOSTS

# A thousand nodes have a thousand pod ranges; the agents hold the list in their environment.
_RANGES_LIMIT = 32
_RANGES_READ = 8000
_CONFIG_BYTES = 64 * 1024


def internal_ranges(api: ClusterApi, nodes: Sequence[dict[str, Any]]) -> list[str]:
    """Names and address ranges inside the cluster, and the API server's host."""
    service, pods = _kubeadm(api)
    ranges = [*_service_ranges(api), *service]
    ranges += pods or [cidr for node in nodes for cidr in _of((node.get("spec") or {}).get("podCIDRs"))]
    host = urlsplit(api.server).hostname
    return [*IN_CLUSTER_HOSTS, *merge_ranges(ranges[:_RANGES_READ], _RANGES_LIMIT), *([host] if host else [])]


def _service_ranges(api: ClusterApi) -> list[str]:
    """ServiceCIDR objects exist since Kubernetes 1.33 (KEP-1880); before it nothing in the API names the range."""
    if not api.may("list", "servicecidrs", "networking.k8s.io"):
        return []
    response = api.get("/apis/networking.k8s.io/v1/servicecidrs") or {}
    return [cidr for item in response.get("items") or [] for cidr in _of(item["spec"].get("cidrs"))]


def _of(values: object) -> list[str]:
    """The texts of a list: a number would be taken for an address, too."""
    return [cidr for cidr in values if isinstance(cidr, str)] if isinstance(values, list) else []


def _kubeadm(api: ClusterApi) -> tuple[list[str], list[str]]:
    """Service and pod ranges as kubeadm wrote them down when it made the cluster (kind is one of those)."""
    if not api.may("get", "configmaps", "", "kube-system"):
        return [], []
    written = api.get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config") or {}
    try:
        network = dict(read_yaml(written["data"]["ClusterConfiguration"], _CONFIG_BYTES)["networking"])
    except (LookupError, TypeError, AttributeError, PlainYamlError, ValueError):
        return [], []  # what others may write says nothing about the cluster's addresses
    return _split(network.get("serviceSubnet")), _split(network.get("podSubnet"))


def _split(argument: object) -> list[str]:
    return [part.strip() for part in argument.split(",")] if isinstance(argument, str) else []
