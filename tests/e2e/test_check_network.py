"""The network as the cluster's pods see it: what cannot be reached, what keeps the check from running, nothing left."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, Command, SimulatedCluster
from tests.e2e.test_command_line import kubeconfig_of
from tests.e2e.test_preflight import check, messages, told

_NAMESPACE = "/api/v1/namespaces/arcway-check"
_SECONDS = 240
PROXY = "http://proxy.example:3128"


def is_gone(cluster: SimulatedCluster) -> bool:
    return bool(cluster.get(_NAMESPACE)["kind"] == "Status")


@pytest.fixture(autouse=True)
def nothing_is_left(cluster: SimulatedCluster) -> Iterator[None]:
    """Kubernetes finishes the deletion after the run."""
    yield
    deadline = time.monotonic() + _SECONDS
    while not is_gone(cluster):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def network(run: Json) -> dict[str, bool | None]:
    return {item["address"].partition(":")[0]: item["reachable"] for item in run["result"]["network"]}


def test_what_pods_cannot_reach_is_named_with_what_it_is_for(arcway: Arcway, cluster: SimulatedCluster) -> None:
    run = check(arcway, cluster, checkNetwork=True)
    assert told(run) == []
    reached = network(run)
    assert reached["127.0.0.1"] is reached["github.com"] is True
    cluster.control("PUT", "behaviour", {"unreachable": ["guestnotification*", "github.com"]})
    run = check(arcway, cluster, checkNetwork=True)
    assert told(run) == [(Code.AGENT_ENDPOINT_UNREACHABLE, "error"), (Code.AGENT_ENDPOINT_UNREACHABLE, "warning")]
    notification, gitops = messages(run, Code.AGENT_ENDPOINT_UNREACHABLE)
    assert "(notifications about connections to the cluster)" in notification
    assert "github.com:9418 (GitOps" in gitops
    assert run["result"]["ready"] is False
    # Without being asked, nothing runs in the cluster.
    run = check(arcway, cluster)
    assert (told(run), "network" in run["result"]) == ([], False)


def test_an_onboarding_stops_before_it_changes_anything(arcway: Arcway, cluster: SimulatedCluster) -> None:
    cluster.control("PUT", "behaviour", {"unreachable": ["guestnotification*"]})
    objects_before = cluster.objects()
    run = arcway.connect(cluster, checkNetwork=True)
    assert (run["state"], run["error"]["code"], run["leftovers"]) == ("Failed", Code.AGENT_ENDPOINT_UNREACHABLE, [])
    assert cluster.objects() - objects_before <= {path for path in cluster.objects() if "arcway-check" in path}


def test_a_check_that_cannot_run_is_a_finding_and_not_a_hang(arcway: Arcway, cluster: SimulatedCluster) -> None:
    cluster.control("PUT", "behaviour", {"pods": [{"outcome": "imagePull", "namePrefix": "arcway-check"}]})
    run = check(arcway, cluster, checkNetwork=True)
    assert told(run) == [(Code.NETWORK_NOT_CHECKED, "warning")]
    (content,) = messages(run, Code.NETWORK_NOT_CHECKED)
    assert "cbl-mariner/busybox:2.0 cannot be pulled: ImagePullBackOff" in content
    assert run["result"]["ready"] is True


def test_a_cluster_with_errors_is_not_asked_to_run_a_job(arcway: Arcway, cluster: SimulatedCluster) -> None:
    for item in cluster.get("/api/v1/nodes")["items"]:
        cluster.control("PATCH", f"nodes/{item['metadata']['name']}", {"labels": {"kubernetes.io/arch": "s390x"}})
    run = check(arcway, cluster, checkNetwork=True)
    assert told(run) == [(Code.NODE_ARCHITECTURE_UNSUPPORTED, "error"), (Code.NETWORK_NOT_CHECKED, "info")]
    assert is_gone(cluster)


def test_a_foreign_namespace_is_left_alone(arcway: Arcway, cluster: SimulatedCluster) -> None:
    assert cluster.send("POST", "/api/v1/namespaces", {"metadata": {"name": "arcway-check"}}) == 201
    run = check(arcway, cluster, checkNetwork=True)
    assert messages(run, Code.NETWORK_NOT_CHECKED) == [
        "The network check could not run. ARC-3007: Namespace arcway-check exists and is not Arcway's."
    ]
    assert not is_gone(cluster)
    assert cluster.send("DELETE", _NAMESPACE, {}) == 200


def test_a_run_that_is_canceled_takes_its_check_along(arcway: Arcway, cluster: SimulatedCluster) -> None:
    cluster.control("PUT", "behaviour", {"readiness": {"mode": "seconds", "value": 30}})
    started = arcway.start(arcway.request(cluster, checkNetwork=True)).json()["id"]
    arcway.wait_until(started, lambda run: "in the cluster" in (run["phases"][0]["detail"] or ""))
    arcway.http.post(f"/runs/{started}/cancel")
    run = arcway.finish(started)
    assert (run["state"], run["leftovers"], run["changed"]) == ("Canceled", [], False)


@pytest.mark.parametrize(
    ("proxy", "tried"),
    [
        ({"https": PROXY, "skipRange": ".example.com"}, {"127.0.0.1", "github.com"}),
        ({"https": "https://proxy.example"}, {"proxy.example"}),
    ],
    ids=["through it", "as far as it"],
)
def test_a_proxy(arcway: Arcway, cluster: SimulatedCluster, proxy: dict[str, Any], tried: set[str]) -> None:
    run = check(arcway, cluster, checkNetwork=True, proxy=proxy)
    assert tried <= network(run).keys()
    assert ("proxy.example" in network(run)) == (tried == {"proxy.example"})
    assert bool(messages(run, Code.NETWORK_NOT_CHECKED)) == ("proxy.example" in network(run))


def test_the_credential_that_a_command_made_for_its_run_outlives_the_check(
    arcway: Arcway, cluster: SimulatedCluster, command: Command, tmp_path: Path
) -> None:
    named = ("-n", f"c-{cluster.name}", "-g", "clusters", "-l", "eastus", "--subscription", arcway.subscription)
    file = ("--kube-config", kubeconfig_of(cluster, tmp_path))
    checked = command("check", *named, *file, "--check-network")
    assert (checked.returncode, "Ready." in checked.stderr) == (0, True), checked.stderr
    cluster.control("PUT", "behaviour", {"unreachable": ["github.com"]})
    completed = command("connect", *named, *file, "--check-network")
    assert (completed.returncode, "warning: ARC-3006" in completed.stderr) == (0, True), completed.stderr
