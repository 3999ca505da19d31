"""Detects what distribution and infrastructure a cluster is, from its nodes' labels, annotations and provider ids.

The rules are the ones `az connectedk8s` documents, made deterministic: control-plane nodes are read first and then
by name, so that API order does not matter, and a node without a provider id says nothing (the tool writes the word
"None"). Where nodes say nothing, or there are none yet, versions do: managed clusters name their maker there.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

GENERIC = "generic"

type Node = Mapping[str, Any]
type Rule = Callable[[Mapping[str, str], Mapping[str, str], str], bool]


def _label(*names: str) -> Rule:
    return lambda labels, annotations, provider: any(labels.get(name) for name in names)


def _label_prefix(prefix: str) -> Rule:
    return lambda labels, annotations, provider: any(key.startswith(prefix) for key in labels)


def _annotation(*names: str) -> Rule:
    return lambda labels, annotations, provider: any(name in annotations for name in names)


def _annotation_is(name: str, value: str) -> Rule:
    return lambda labels, annotations, provider: annotations.get(name) == value


def _annotation_prefix(prefix: str) -> Rule:
    return lambda labels, annotations, provider: any(key.startswith(prefix) for key in annotations)


def _provider(scheme: str) -> Rule:
    return lambda labels, annotations, provider: provider.startswith(f"{scheme}://")


# Order matters: a more specific product before what it is built on.
_DISTRIBUTIONS: tuple[tuple[str, Rule], ...] = (
    ("openshift", _label("node.openshift.io/os_id")),
    ("aks", _label("kubernetes.azure.com/node-image-version")),
    ("gke", _label("cloud.google.com/gke-nodepool", "cloud.google.com/gke-os-distribution")),
    # Managed groups, Auto Mode and Fargate have Amazon's labels; a group of one's own has eksctl's, or only a version.
    (
        "eks",
        lambda labels, annotations, provider: any(
            key.startswith(("eks.amazonaws.com/", "alpha.eksctl.io/")) for key in labels
        ),
    ),
    ("minikube", _label("minikube.k8s.io/version")),
    ("aks_edge_k3s", _annotation_is("node.aksedge.io/distro", "aks_edge_k3s")),
    ("aks_edge_k8s", _annotation_is("node.aksedge.io/distro", "aks_edge_k8s")),
    ("kind", _provider("kind")),
    ("k3s", _provider("k3s")),
    ("rancher_rke", _annotation("rke.cattle.io/external-ip", "rke.cattle.io/internal-ip")),
    ("microk8s", _label_prefix("snap.microk8s")),
    ("k3os", _label_prefix("k3os.io")),
    ("talos", _label_prefix("talos.dev")),
    ("rke2", _annotation_prefix("rke2.io")),
    ("tkg", _label_prefix("run.tanzu.vmware.com")),
    ("openebs", _label_prefix("openebs.io")),
    ("flatcar", _label_prefix("flatcar-linux")),
    ("k0s", _label_prefix("k0s.k0sproject.io")),
    (
        "kubeadm",
        lambda labels, annotations, provider: (
            any(key.startswith("node-role.kubernetes.io") for key in labels)
            or any(key.startswith("kubeadm.alpha.kubernetes.io") for key in annotations)
        ),
    ),
)

# A build of EKS ends in a commit; EKS Distro, which runs anywhere, has a release there (v1.21.2-eks-1-21-4).
_MAKERS = (
    ("eks", re.compile(r"-eks-[0-9a-f]{6,40}$")),
    ("gke", re.compile(r"-gke\.[0-9]+$")),
    ("k3s", re.compile(r"\+k3s[0-9]")),
    ("rke2", re.compile(r"\+rke2r?[0-9]")),
)
# What these run on when no node says it.
_HOSTS = {"eks": "aws", "gke": "gcp"}
_INFRASTRUCTURES = {"k3s": "k3s", "kind": "kind", "azure": "azure", "gce": "gcp", "aws": "aws", "vsphere": "vsphere"}


def _in_fixed_order(nodes: Sequence[Node]) -> list[Node]:
    def rank(node: Node) -> tuple[bool, str]:
        metadata = node.get("metadata", {})
        labels = metadata.get("labels") or {}
        return "node-role.kubernetes.io/control-plane" not in labels, metadata.get("name", "")

    return sorted(nodes, key=rank)


def _provider_id(node: Node) -> str:
    return (node.get("spec") or {}).get("providerID") or ""


def detect_distribution(nodes: Sequence[Node], version: str = "") -> str:
    """Name the distribution; the first rule that a node meets decides, then versions, `generic` when nothing does.

    `version` is the API server's.
    """
    ordered = _in_fixed_order(nodes)
    by_version = _maker([_kubelet_version(node) for node in ordered] + [version])
    for name, rule in _DISTRIBUTIONS:
        # Nodes of a managed cluster may have a label that kubeadm's have, too.
        if name == "kubeadm" and by_version:
            return by_version
        for node in ordered:
            metadata = node.get("metadata", {})
            if rule(metadata.get("labels") or {}, metadata.get("annotations") or {}, _provider_id(node)):
                return name
    return GENERIC


def detect_infrastructure(nodes: Sequence[Node], version: str = "") -> str:
    """Name the infrastructure from the first provider id there is, else from the API server's `version`; `generic`
    when neither is known.
    """
    for node in _in_fixed_order(nodes):
        scheme = _provider_id(node).partition("://")[0].lower()
        if scheme:
            return _INFRASTRUCTURES.get(scheme, GENERIC)
    return _HOSTS.get(_maker([version]) or "", GENERIC)


def _maker(versions: Sequence[str]) -> str | None:
    return next((name for name, pattern in _MAKERS for version in versions if pattern.search(version)), None)


def _kubelet_version(node: Node) -> str:
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return str(info.get("kubeletVersion") or "")[:100]
