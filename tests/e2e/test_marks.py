"""Labels and annotations that a cluster's policies want: on namespaces from the first moment, on pods permanently."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.request import parse_request
from tests.e2e.conftest import Arcway, Command, SimulatedCluster
from tests.e2e.test_release_elsewhere import succeeded
from tests.e2e.test_update import change

_DEPLOYMENTS = "/apis/apps/v1/namespaces/azure-arc/deployments"
_MARKS: Json = {
    "namespaceLabels": {"example.com/owner": "platform", "pod-security.kubernetes.io/enforce": "privileged"},
    "namespaceAnnotations": {"example.com/ticket": "anything goes: 1,2"},
    "podLabels": {"sidecar.istio.io/inject": "false"},
    "podAnnotations": {"linkerd.io/inject": "disabled"},
}


def assert_marked(cluster: SimulatedCluster) -> None:
    for name in ("azure-arc", "azure-arc-release"):
        metadata = cluster.get(f"/api/v1/namespaces/{name}")["metadata"]
        assert _MARKS["namespaceLabels"].items() <= metadata["labels"].items(), name
        assert _MARKS["namespaceAnnotations"].items() <= metadata["annotations"].items(), name
    for item in cluster.get(_DEPLOYMENTS)["items"]:
        metadata = item["spec"]["template"]["metadata"]
        assert _MARKS["podLabels"].items() <= metadata["labels"].items(), item["metadata"]["name"]
        assert _MARKS["podAnnotations"].items() <= metadata["annotations"].items(), item["metadata"]["name"]


def test_they_are_there_and_stay_through_changes(arcway: Arcway, cluster: SimulatedCluster) -> None:
    objects_before = cluster.objects()
    agents = {**_MARKS, "version": "1.13.4", "autoUpgrade": False}
    succeeded(arcway.connect(cluster, agents=agents))
    assert_marked(cluster)
    assert succeeded(arcway.connect(cluster, agents=agents))["changed"] is False
    succeeded(change(arcway, cluster, proxy={"https": "http://proxy:3128"}))
    succeeded(change(arcway, cluster, "upgrades"))
    assert_marked(cluster)
    assert succeeded(arcway.disconnect(cluster))["leftovers"] == []
    assert cluster.objects() == objects_before


def test_agents_that_are_there_get_them_by_connecting_again(arcway: Arcway, cluster: SimulatedCluster) -> None:
    succeeded(arcway.connect(cluster))
    run = succeeded(arcway.connect(cluster, agents=_MARKS))
    assert run["changed"] is True
    assert_marked(cluster)


def test_the_command_line_takes_them(arcway: Arcway, cluster: SimulatedCluster, command: Command) -> None:
    named = ("-n", f"c-{cluster.name}", "-g", "clusters", "--subscription", arcway.subscription, "-l", "eastus")
    marks = [
        ("--namespace-label", "example.com/owner=platform"),
        ("--namespace-label", "pod-security.kubernetes.io/enforce=privileged"),
        ("--namespace-annotation", "example.com/ticket=anything goes: 1,2"),
        ("--pod-label", "sidecar.istio.io/inject=false"),
        ("--pod-annotation", "linkerd.io/inject=disabled"),
    ]
    options = [line for pair in marks for line in pair]
    completed = command("connect", *named, "--kubeconfig-secret", cluster.secret, "--create-resource-group", *options)
    assert completed.returncode == 0, completed.stderr
    assert_marked(cluster)
    wrong = command("connect", *named, "--kubeconfig-secret", cluster.secret, "--pod-label", "none")
    assert (wrong.returncode, "--pod-label must be name=value" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    "marks",
    [
        {"podLabels": {"a b": "c"}},
        {"podLabels": {"a": "b c"}},
        {"podLabels": {"a": "x" * 64}},
        {"podLabels": {"/a": "b"}},
        {"namespaceLabels": {"app.kubernetes.io/managed-by": "me"}},
        {"namespaceLabels": {"kubernetes.io/metadata.name": "other"}},
        {"namespaceAnnotations": {"meta.helm.sh/release-name": "other"}},
        {"podAnnotations": {"a": "x" * 1025}},
        {"podLabels": {f"a{number}": "b" for number in range(31)}},
        {"podLabels": {"a": 5}},
    ],
)
def test_what_kubernetes_would_not_take_is_refused_at_once(marks: dict[str, Any]) -> None:
    body = {
        "subscriptionId": "11111111-2222-3333-4444-555555555555",
        "resourceGroup": "g",
        "name": "n",
        "location": "eastus",
        "kubeconfig": {"secret": "arcway-x"},
        "agents": marks,
    }
    with pytest.raises(ArcError, match=Code.INVALID_FIELDS):
        parse_request(body, "onboard")
