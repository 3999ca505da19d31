"""Distribution and infrastructure from nodes: documented rules, the same whatever the order of nodes."""

import itertools
from typing import Any

import pytest

from arcway.domain.detection import detect_distribution, detect_infrastructure


def node(
    name: str,
    provider: str | None = None,
    *,
    labels: list[str] = [],
    annotations: dict[str, str] = {},
    kubelet: str = "v1.31.2",
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": dict.fromkeys(labels, "x"), "annotations": annotations},
        "spec": {"providerID": provider} if provider else {},
        "status": {"nodeInfo": {"kubeletVersion": kubelet}},
    }


@pytest.mark.parametrize(
    ("observed", "distribution", "infrastructure"),
    [
        (node("a", "kind://docker/x/a"), "kind", "kind"),
        (node("a", "k3s://a"), "k3s", "k3s"),
        (node("a", "aws:///eu-1/i-1", labels=["eks.amazonaws.com/nodegroup"]), "eks", "aws"),
        (node("a", "gce://p/z/a", labels=["cloud.google.com/gke-nodepool"]), "gke", "gcp"),
        (node("a", "azure:///s", labels=["kubernetes.azure.com/node-image-version"]), "aks", "azure"),
        (node("a", annotations={"node.aksedge.io/distro": "aks_edge_k3s"}), "aks_edge_k3s", "generic"),
        (node("a", labels=["node-role.kubernetes.io/control-plane"]), "kubeadm", "generic"),
        (node("a", "moref://vm-1"), "generic", "generic"),
        (node("a"), "generic", "generic"),
        (node("a", "aws:///eu-1/i-1", labels=["eks.amazonaws.com/compute-type"]), "eks", "aws"),
        (node("a", "aws:///eu-1/i-1", labels=["alpha.eksctl.io/nodegroup-name"]), "eks", "aws"),
        (node("a", "aws:///eu-1/i-1", kubelet="v1.31.2-eks-94953ac"), "eks", "aws"),
        (
            node("a", "aws:///i-1", labels=["node-role.kubernetes.io/worker"], kubelet="v1.31.2-eks-94953ac"),
            "eks",
            "aws",
        ),
        (node("a", "vsphere://x", kubelet="v1.21.2-eks-1-21-4"), "generic", "vsphere"),
        (node("a", kubelet="v1.31.2+rke2r1"), "rke2", "generic"),
    ],
)
def test_one_node(observed: dict[str, Any], distribution: str, infrastructure: str) -> None:
    assert detect_distribution([observed]) == distribution
    assert detect_infrastructure([observed]) == infrastructure


def test_no_nodes_is_generic_and_never_the_word_none() -> None:
    assert (detect_distribution([]), detect_infrastructure([])) == ("generic", "generic")


@pytest.mark.parametrize(
    ("version", "distribution", "infrastructure"),
    [
        ("v1.33.1-eks-b9364f6", "eks", "aws"),
        ("v1.32.4-gke.1353003", "gke", "gcp"),
        ("v1.33.1+k3s1", "k3s", "generic"),
        ("v1.33.1", "generic", "generic"),
    ],
)
def test_a_cluster_without_nodes_is_told_by_its_version(version: str, distribution: str, infrastructure: str) -> None:
    assert detect_distribution([], version) == distribution
    assert detect_infrastructure([], version) == infrastructure


def test_the_order_of_nodes_does_not_matter() -> None:
    nodes = [
        node("c", labels=["node-role.kubernetes.io/control-plane"]),
        node("b", "aws:///x/i-2", labels=["eks.amazonaws.com/nodegroup"]),
        node("a", "gce://x"),
    ]
    result = {(detect_distribution(order), detect_infrastructure(order)) for order in itertools.permutations(nodes)}
    assert result == {("eks", "gcp")}
