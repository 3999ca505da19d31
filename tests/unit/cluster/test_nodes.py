"""What nodes say about the agents' chances."""

from typing import Any

import pytest

from arcway.cluster.checks.nodes import MEMORY, architectures, inspect, memory, quantity
from arcway.domain.codes import Code


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ("8Gi", 8 * 2**30),
        ("16777216Ki", 16 * 2**30),
        ("128974848", 128974848),
        ("129M", 129_000_000),
        ("1e3", 1000),
        ("2500m", 2),
        ("0.5Gi", 2**29),
        ("1E", 10**18),
        (None, 0),
        ("much", 0),
    ],
)
def test_quantities(message: str | None, value: int) -> None:
    assert quantity(message) == value


def node(name: str, *, arch: str = "amd64", ready: str = "True", size: str = "1Gi", **spec: Any) -> dict[str, Any]:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": arch}
    status = {"conditions": [{"type": "Ready", "status": ready}], "allocatable": {"memory": size}}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status}


def codes(nodes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(finding["code"], finding["level"]) for finding in inspect(nodes)]


def test_architecture_and_readiness() -> None:
    assert codes([node("a"), node("b", arch="arm64")]) == []
    assert codes([node("a"), node("b", arch="s390x", ready="Unknown")]) == [
        (Code.NODE_ARCHITECTURE_UNSUPPORTED, "warning"),
        (Code.NODE_NOT_READY, "warning"),
    ]
    # A node that takes no pods may be of any architecture.
    assert codes([node("a"), node("b", arch="s390x", unschedulable=True)]) == []
    assert codes([node("b", arch="s390x"), node("a", unschedulable=True)]) == [
        (Code.NODE_ARCHITECTURE_UNSUPPORTED, "error")
    ]
    assert codes([node("a", unschedulable=True)]) == [(Code.NO_LINUX_NODE, "warning")]
    many = [node(f"n{number}", ready="False") for number in range(8)]
    assert inspect(many)[0]["message"] == "Not ready: nodes n0, n1, n2, n3, n4 and 3 more."


def test_architectures_are_known_words_whatever_a_node_says() -> None:
    assert architectures([]) == []
    assert architectures([node("a"), node("b", arch="arm64"), node("c")]) == ["amd64", "arm64"]
    assert architectures([node("a", arch="Bearer secret"), node("b", arch="s390x")]) == ["other"]


def test_a_cluster_that_makes_nodes_on_demand_has_none_yet() -> None:
    (messages,) = inspect([])
    assert (messages["code"], messages["level"]) == (Code.NO_LINUX_NODE, "warning")
    assert "no nodes yet" in messages["message"]


def tainted(name: str, *taints: tuple[str, str]) -> dict[str, Any]:
    created = node(name)
    created["spec"]["taints"] = [{"key": key, "effect": effect} for key, effect in taints]
    return created


def test_taints_on_every_node_are_reported_before_anything_is_installed() -> None:
    repelling = [
        tainted("a", ("node-role.kubernetes.io/control-plane", "NoSchedule")),
        tainted("b", ("CriticalAddonsOnly", "NoExecute"), ("x", "PreferNoSchedule")),
    ]
    (taint_finding,) = inspect(repelling)
    assert (taint_finding["code"], taint_finding["level"]) == (Code.NODES_TAINTED, "warning")
    assert "CriticalAddonsOnly:NoExecute, node-role.kubernetes.io/control-plane:NoSchedule." in taint_finding["message"]
    assert codes([*repelling, node("c")]) == []
    assert codes([tainted("a", ("x", "PreferNoSchedule"))]) == []
    # Kubernetes' own taints say what the node's conditions say, and pass with them.
    assert codes([tainted("a", ("node.kubernetes.io/memory-pressure", "NoSchedule"))]) == []


class Pods:
    """Pods by the node that runs them; counts how often it was asked."""

    def __init__(self, **pods: list[dict[str, Any]]) -> None:
        self.pods = pods
        self.asked = 0

    def items(self, path: str, *, fieldSelector: str) -> list[dict[str, Any]]:  # noqa: N803 - Kubernetes' name
        assert path == "/api/v1/pods"
        self.asked += 1
        return self.pods.get(fieldSelector.partition(",")[0].removeprefix("spec.nodeName="), [])


def asks(size: str, **extra: Any) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": {"memory": size}}, **extra}


def test_memory_is_counted_as_the_scheduler_does() -> None:
    plain = {"spec": {"containers": [asks("100Mi"), asks("50Mi")]}}
    sidecar = {"spec": {"initContainers": [asks("20Mi", restartPolicy="Always")], "containers": [asks("10Mi")]}}
    initial = {"spec": {"initContainers": [asks("300Mi")], "containers": [asks("10Mi")], "overhead": {"memory": "4Mi"}}}
    (result,) = memory(Pods(a=[plain, sidecar, initial]), [node("a")])  # type: ignore[arg-type]
    assert (result["code"], result["level"]) == (Code.LOW_MEMORY, "warning")
    assert f"have {1024 - 150 - 30 - 304} MiB of free memory; the agents need {MEMORY // 2**20}" in result["message"]


def test_only_as_many_nodes_are_read_as_it_takes() -> None:
    full = Pods()
    assert memory(full, [node(f"n{number}") for number in range(200)]) == []  # type: ignore[arg-type]
    assert full.asked == 1
    taken = Pods(**{f"n{number}": [{"spec": {"containers": [asks("2Gi")]}}] for number in range(200)})
    # Of more nodes than are read, nothing is reported.
    assert memory(taken, [node(f"n{number}") for number in range(200)]) == []  # type: ignore[arg-type]
    assert taken.asked == 50
    assert memory(taken, [node(f"n{number}") for number in range(3)])  # type: ignore[arg-type]
