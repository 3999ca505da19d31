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
        (node("a", labels=["node.openshift.io/os_id", "node-role.kubernetes.io/master"]), "openshift", "generic"),
        (node("a", labels=["cloud.google.com/gke-os-distribution"]), "gke", "generic"),
        (node("a", labels=["minikube.k8s.io/version"]), "minikube", "generic"),
        (node("a", annotations={"node.aksedge.io/distro": "aks_edge_k8s"}), "aks_edge_k8s", "generic"),
        (node("a", annotations={"node.aksedge.io/distro": "other"}), "generic", "generic"),
        (node("a", annotations={"rke.cattle.io/external-ip": ""}), "rancher_rke", "generic"),
        (node("a", annotations={"rke.cattle.io/internal-ip": "10.0.0.1"}), "rancher_rke", "generic"),
        (node("a", labels=["snap.microk8s/version"]), "microk8s", "generic"),
        (node("a", labels=["k3os.io/mode"]), "k3os", "generic"),
        (node("a", labels=["talos.dev/version"]), "talos", "generic"),
        (node("a", annotations={"rke2.io/hostname": "a"}), "rke2", "generic"),
        (node("a", labels=["run.tanzu.vmware.com/kubernetesDistributionVersion"]), "tkg", "generic"),
        (node("a", labels=["openebs.io/nodename"]), "openebs", "generic"),
        (node("a", labels=["flatcar-linux-update.v1.flatcar-linux.net/id"]), "flatcar", "generic"),
        (node("a", labels=["k0s.k0sproject.io/stack"]), "k0s", "generic"),
        (node("a", annotations={"kubeadm.alpha.kubernetes.io/cri-socket": "x"}), "kubeadm", "generic"),
        (node("a", "VSphere://vm"), "generic", "vsphere"),
        (node("a", kubelet="v1.31.2+k3s1"), "k3s", "generic"),
        # What is built on k3s is named by its label.
        (node("a", labels=["talos.dev/version"], kubelet="v1.31.2+k3s1"), "talos", "generic"),
        (node("a", "kind://docker/x://y"), "kind", "kind"),
        (node("a", kubelet="v1.31.2-gke.100"), "gke", "generic"),
        ({}, "generic", "generic"),
        ({"metadata": {"labels": None, "annotations": None}, "spec": None, "status": None}, "generic", "generic"),
        ({"spec": {"providerID": None}, "status": {"nodeInfo": None}}, "generic", "generic"),
        ({"status": {"nodeInfo": {"kubeletVersion": None}}}, "generic", "generic"),
        (node("a", kubelet="x" * 95 + "-gke.1"), "generic", "generic"),
        (node("a", kubelet="x" * 94 + "-gke.1"), "gke", "generic"),
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
        ("v1.33.1-eks-b9364f6-more", "generic", "generic"),
    ],
)
def test_a_cluster_without_nodes_is_detected_by_its_version(
    version: str, distribution: str, infrastructure: str
) -> None:
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


def test_rule_on_a_label_needs_a_value() -> None:
    empty = node("a", labels=["minikube.k8s.io/version"])
    empty["metadata"]["labels"] = dict.fromkeys(empty["metadata"]["labels"], "")
    assert detect_distribution([empty]) == "generic"


def test_the_version_of_a_node_counts_before_that_of_the_api_server() -> None:
    assert detect_distribution([node("a", kubelet="v1.33.1+k3s1")], "v1.33.1+rke2r1") == "k3s"
    # A maker of versions is looked for in a fixed order, whichever node has it.
    mixed = [node("a", kubelet="v1.33.1+k3s1"), node("b", kubelet="v1.31.2-eks-94953ac")]
    assert detect_distribution(mixed) == "eks"


def test_nodes_of_the_control_plane_come_first_and_nodes_without_a_name_before_others() -> None:
    control_plane = node("z", "aws:///x", labels=["node-role.kubernetes.io/control-plane"])
    assert detect_infrastructure([node("a", "gce://x"), control_plane]) == "aws"
    assert detect_infrastructure([node("A", "gce://x"), {"spec": {"providerID": "azure://y"}}]) == "azure"


def test_the_infrastructure_is_that_of_the_first_provider_id_in_order() -> None:
    nodes = [node("c", "gce://z"), node("b", "aws:///y"), node("a")]
    assert detect_infrastructure(nodes) == "aws"
    assert detect_infrastructure([node("a", "other://z"), *nodes], "v1.33.1-eks-b9364f6") == "generic"
    assert detect_infrastructure([node("a")], "v1.33.1-eks-b9364f6") == "aws"
