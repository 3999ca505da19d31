"""Bad input ends in a code, a sentence and a remedy, and changes nothing anywhere."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Arcway, Json, SimulatedCluster


@pytest.mark.parametrize(
    ("content", "code", "status"),
    [
        (b"{", "ARC-1002", 400),
        (b"[]", "ARC-1002", 400),
        (b"\xff\xfe", "ARC-1002", 400),
        (b"", "ARC-1002", 400),
        (b"{}", "ARC-1001", 400),
        (b"[" * 100_000, "ARC-1002", 400),
        (b" " * 1_100_000, "ARC-1003", 413),
    ],
)
def test_bodies_that_are_no_request(arcway: Arcway, content: bytes, code: str, status: int) -> None:
    answer = arcway.http.post("/onboardings", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["remedy"]


def test_every_wrong_field_is_named(arcway: Arcway, cluster: SimulatedCluster) -> None:
    body = arcway.request(cluster, subscriptionId="x", name="-", resourceGroup="a/b", location="", surprise=1)
    answer = arcway.start(body)
    assert answer.status_code == 400
    found = {item["field"] for item in answer.json()["details"]}
    assert found == {"subscriptionId", "name", "resourceGroup", "location", "surprise"}


def changed(document: Json, cluster: Json | None = None, user: Json | None = None) -> str:
    document = json.loads(json.dumps(document))
    document["clusters"][0]["cluster"].update(cluster or {})
    document["users"][0]["user"].update(user or {})
    return json.dumps(document)


KUBECONFIGS: dict[str, tuple[Callable[[Json], str], str]] = {
    "no YAML": (lambda good: "{{{", "ARC-2002"),
    "exec plug-in": (lambda good: changed(good, user={"exec": {"command": "touch", "args": ["/tmp/x"]}}), "ARC-2003"),
    "file path": (lambda good: changed(good, user={"tokenFile": "/etc/passwd"}), "ARC-2003"),
    "metadata address": (lambda good: changed(good, {"server": "https://169.254.169.254"}), "ARC-2005"),
    "no such name": (lambda good: changed(good, {"server": "https://no-such-host.invalid"}), "ARC-3001"),
    "nobody listens": (lambda good: changed(good, {"server": f"https://127.0.0.1:{closed_port()}"}), "ARC-3001"),
    "wrong token": (lambda good: changed(good, user={"token": "wrong"}), "ARC-2006"),
    "wrong CA": (lambda good: changed(good, {"certificate-authority-data": other_ca()}), "ARC-2007"),
    "wrong context": (lambda good: json.dumps({**good, "current-context": "elsewhere"}), "ARC-2004"),
}


@pytest.mark.parametrize("case", sorted(KUBECONFIGS))
def test_kubeconfigs_that_cannot_be_used(arcway: Arcway, cluster: SimulatedCluster, case: str) -> None:
    make, code = KUBECONFIGS[case]
    failed_with(arcway, cluster, code, kubeconfig={"secret": cluster.store(make(cluster.kubeconfig))})


def test_a_secret_that_is_missing_or_open_to_others(arcway: Arcway, cluster: SimulatedCluster) -> None:
    failed_with(arcway, cluster, "ARC-2001", kubeconfig={"secret": "arcway-missing"})
    readable = cluster.store(json.dumps(cluster.kubeconfig), mode=0o644)
    failed_with(arcway, cluster, "ARC-2001", name="other", kubeconfig={"secret": readable})


@pytest.fixture
def silent_server() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield listener.getsockname()[1]


def test_a_silent_api_server(arcway: Arcway, cluster: SimulatedCluster, silent_server: int) -> None:
    silent = changed(cluster.kubeconfig, {"server": f"https://127.0.0.1:{silent_server}"})
    failed_with(arcway, cluster, "ARC-3002", kubeconfig={"secret": cluster.store(silent)})


def test_a_location_that_is_not_offered_lists_what_is(arcway: Arcway, cluster: SimulatedCluster) -> None:
    run = failed_with(arcway, cluster, "ARC-4004", location="moonbase")
    assert "westeurope" in run["error"]["message"]


def test_an_unknown_subscription(arcway: Arcway, cluster: SimulatedCluster) -> None:
    failed_with(arcway, cluster, "ARC-4003", subscriptionId="00000000-0000-0000-0000-000000000000")


def test_a_resource_group_is_never_created_by_surprise(arcway: Arcway, cluster: SimulatedCluster) -> None:
    failed_with(arcway, cluster, "ARC-4006", createResourceGroup=False)


def test_a_missing_azure_permission_is_named_before_anything_happens(arcway: Arcway, cluster: SimulatedCluster) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    arcway.azure.put(
        f"subscriptions/{arcway.subscription}", {"notActions": ["Microsoft.Kubernetes/connectedClusters/write"]}
    )
    run = arcway.connect(cluster)
    assert (run["state"], run["error"]["code"]) == ("Failed", "ARC-4002")
    assert "connectedClusters/write" in run["error"]["message"]


def test_findings_of_cluster_and_azure_come_together(arcway: Arcway, cluster: SimulatedCluster) -> None:
    run = arcway.connect(cluster, location="moonbase", kubeconfig={"secret": "arcway-missing"})
    assert [finding["code"] for finding in run["findings"]] == ["ARC-2001", "ARC-4004"][: len(run["findings"])]
    assert {finding["code"] for finding in run["findings"]} == {"ARC-2001", "ARC-4004"}


def test_a_credential_that_lacks_a_verb_is_a_finding_that_names_it(arcway: Arcway, cluster: SimulatedCluster) -> None:
    most = ["", "apps", "apiextensions.k8s.io", "coordination.k8s.io"]
    rules = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]},
        {"apiGroups": most, "resources": ["*"], "verbs": ["*"]},
    ]
    user = cluster.control("POST", "users", {"name": "reader", "rules": rules})
    secret = cluster.store(changed(cluster.kubeconfig, user={"token": user["token"]}))
    run = failed_with(arcway, cluster, "ARC-2008", kubeconfig={"secret": secret})
    assert any("create, patch, delete clusterrolebindings" in finding["message"] for finding in run["findings"])


def test_a_dry_run_says_what_would_happen_and_changes_nothing(arcway: Arcway, cluster: SimulatedCluster) -> None:
    before = cluster.objects()
    answer = arcway.http.post("/onboardings", json=arcway.request(cluster), params={"dryRun": "true"})
    assert answer.status_code == 200, answer.text
    run = answer.json()
    assert (run["operation"], run["state"], run["changed"]) == ("check", "Succeeded", False)
    assert run["result"]["ready"] is True
    assert "install release azure-arc" in run["result"]["plan"]
    assert "create resource group clusters in eastus" in run["result"]["plan"]
    assert cluster.objects() == before
    assert {item["method"] for item in arcway.asked("/")} <= {"GET", "HEAD"}


def failed_with(arcway: Arcway, cluster: SimulatedCluster, code: str, **changes: Any) -> Json:
    """Connect, and see it fail with `code` before anything was changed in the cluster or in Azure."""
    before = cluster.objects()
    run = arcway.connect(cluster, **changes)
    assert run["state"] == "Failed"
    assert run["error"]["code"] == code, run["error"]
    assert run["error"]["message"]
    assert run["error"]["remedy"]
    assert (run["changed"], run["leftovers"]) == (False, [])
    assert cluster.objects() == before
    assert {item["method"] for item in arcway.asked("/")} <= {"GET", "HEAD"}
    return run


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def other_ca() -> str:
    import base64
    import tempfile
    from pathlib import Path

    from arcway.local.certificates import CertificateAuthority

    with tempfile.TemporaryDirectory() as folder:
        return base64.b64encode(CertificateAuthority.open(Path(folder)).certificate_pem).decode()
