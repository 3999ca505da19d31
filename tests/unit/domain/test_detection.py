"""Distribution and infrastructure from nodes: documented rules, the same whatever the order of nodes."""

import itertools
from typing import Any

import pytest

from arcway.domain.detection import detect_distribution, detect_infrastructure


def node(
    name: str, provider: str | None = None, *, labels: list[str] = [], annotations: dict[str, str] = {}
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": dict.fromkeys(labels, "x"), "annotations": annotations},
        "spec": {"providerID": provider} if provider else {},
    }


@pytest.mark.parametrize(
    ("seen", "distribution", "infrastructure"),
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
    ],
)
def test_one_node(seen: dict[str, Any], distribution: str, infrastructure: str) -> None:
    assert detect_distribution([seen]) == distribution
    assert detect_infrastructure([seen]) == infrastructure


def test_no_nodes_is_generic_and_never_the_word_none() -> None:
    assert (detect_distribution([]), detect_infrastructure([])) == ("generic", "generic")


def test_the_order_of_nodes_does_not_matter() -> None:
    nodes = [
        node("c", labels=["node-role.kubernetes.io/control-plane"]),
        node("b", "aws:///x/i-2", labels=["eks.amazonaws.com/nodegroup"]),
        node("a", "gce://x"),
    ]
    found = {(detect_distribution(order), detect_infrastructure(order)) for order in itertools.permutations(nodes)}
    assert found == {("eks", "gcp")}
