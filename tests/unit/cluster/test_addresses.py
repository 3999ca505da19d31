"""What a cluster tells of the addresses inside it."""

from ipaddress import ip_network
from typing import Any
from unittest import mock

from arcway.cluster.checks.internal_ranges import internal_ranges
from arcway.domain.proxy import IN_CLUSTER_HOSTS

SERVICES = "/apis/networking.k8s.io/v1/servicecidrs"
KUBEADM = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"


def told(objects: dict[str, Any], nodes: list[str] | None = None, *, may: bool = True) -> list[str]:
    api = mock.Mock(server="https://api.example.com:6443")
    api.get.side_effect = objects.get
    api.may.return_value = may
    collected = internal_ranges(api, [{"spec": {"podCIDRs": [line]}} for line in nodes or []])
    assert collected[: len(IN_CLUSTER_HOSTS)] == list(IN_CLUSTER_HOSTS)
    assert collected[-1] == "api.example.com"
    return collected[len(IN_CLUSTER_HOSTS) : -1]


def test_a_cluster_that_tells_nothing_has_its_names_and_its_api_server() -> None:
    assert told({}) == []


def test_services_and_pods_as_the_api_has_them() -> None:
    ranges = {"items": [{"spec": {"cidrs": ["10.96.0.0/12", "fd00::/112"]}}]}
    assert told({SERVICES: ranges}, ["10.244.0.0/24", "10.244.1.0/24", "oops"]) == [
        "10.96.0.0/12",
        "10.244.0.0/23",
        "fd00::/112",
    ]


def test_kubeadm_wrote_down_the_whole_pod_range() -> None:
    content = "networking: {serviceSubnet: 10.96.0.0/16, podSubnet: '10.244.0.0/16,fd01::/64'}"
    result = told({KUBEADM: {"data": {"ClusterConfiguration": content}}}, ["10.244.3.0/24"])
    assert result == ["10.96.0.0/16", "10.244.0.0/16", "fd01::/64"]


def test_a_credential_that_may_not_look_is_not_a_failure() -> None:
    assert told({SERVICES: {"items": [{"spec": {"cidrs": ["10.0.0.0/8"]}}]}}, may=False) == []


def test_the_ranges_of_a_thousand_nodes_become_few_that_cover_all() -> None:
    nodes = [f"10.{number % 200}.{number // 200 * 2}.0/24" for number in range(1000)]
    collected = [ip_network(line) for line in told({}, nodes)]
    assert len(collected) <= 32
    assert all(any(ip_network(line).subnet_of(network) for network in collected) for line in nodes)  # type: ignore[arg-type]
