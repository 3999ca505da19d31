"""Bad input ends in a code, a sentence and a remedy, and changes nothing anywhere."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, SimulatedCluster


@pytest.mark.parametrize(
    ("content", "code", "status"),
    [
        (b"{", Code.BODY_NOT_JSON, 400),
        (b"[]", Code.BODY_NOT_JSON, 400),
        (b"\xff\xfe", Code.BODY_NOT_JSON, 400),
        (b"", Code.BODY_NOT_JSON, 400),
        (b"{}", Code.INVALID_FIELDS, 400),
        (b"[" * 100_000, Code.BODY_NOT_JSON, 400),
        (b" " * 1_100_000, Code.BODY_TOO_LARGE, 413),
    ],
)
def test_bodies_that_are_not_requests(arcway: Arcway, content: bytes, code: str, status: int) -> None:
    answer = arcway.http.post("/onboardings", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["remedy"]


def test_every_wrong_field_is_named(arcway: Arcway, cluster: SimulatedCluster) -> None:
    body = arcway.request(cluster, subscriptionId="x", name="-", resourceGroup="a/b", location="", surprise=1)
    answer = arcway.start(body)
    assert answer.status_code == 400
    document = {item["field"] for item in answer.json()["details"]}
    assert document == {"subscriptionId", "name", "resourceGroup", "location", "surprise"}


def changed(document: Json, cluster: Json | None = None, user: Json | None = None) -> str:
    document = json.loads(json.dumps(document))
    document["clusters"][0]["cluster"].update(cluster or {})
    document["users"][0]["user"].update(user or {})
    return json.dumps(document)


KUBECONFIGS: dict[str, tuple[Callable[[Json], str], str]] = {
    "no YAML": (lambda good: "{{{", Code.KUBECONFIG_INVALID),
    "exec plug-in": (
        lambda good: changed(good, user={"exec": {"command": "touch", "args": ["/tmp/x"]}}),
        Code.KUBECONFIG_REFUSED,
    ),
    "file path": (lambda good: changed(good, user={"tokenFile": "/etc/passwd"}), Code.KUBECONFIG_REFUSED),
    "metadata address": (
        lambda good: changed(good, {"server": "https://169.254.169.254"}),
        Code.SERVER_ADDRESS_NOT_ALLOWED,
    ),
    "no such name": (
        lambda good: changed(good, {"server": "https://no-such-host.invalid"}),
        Code.API_SERVER_UNREACHABLE,
    ),
    "nobody listens": (
        lambda good: changed(good, {"server": f"https://127.0.0.1:{closed_port()}"}),
        Code.API_SERVER_UNREACHABLE,
    ),
    "wrong token": (lambda good: changed(good, user={"token": "wrong"}), Code.CLUSTER_CREDENTIAL_REFUSED),
    "wrong CA": (
        lambda good: changed(good, {"certificate-authority-data": other_ca()}),
        Code.SERVER_CERTIFICATE_UNTRUSTED,
    ),
    "wrong context": (
        lambda good: json.dumps({**good, "current-context": "elsewhere"}),
        Code.KUBECONFIG_CONTEXT_NOT_FOUND,
    ),
}


@pytest.mark.parametrize("case", sorted(KUBECONFIGS))
def test_kubeconfigs_that_cannot_be_used(arcway: Arcway, cluster: SimulatedCluster, case: str) -> None:
    make, code = KUBECONFIGS[case]
    failed_with(arcway, cluster, code, kubeconfig={"secret": cluster.store(make(cluster.kubeconfig))})


def test_a_secret_that_is_missing_or_open_to_others(arcway: Arcway, cluster: SimulatedCluster) -> None:
    failed_with(arcway, cluster, Code.SECRET_UNUSABLE, kubeconfig={"secret": "arcway-missing"})
    readable = cluster.store(json.dumps(cluster.kubeconfig), mode=0o644)
    failed_with(arcway, cluster, Code.SECRET_UNUSABLE, name="other", kubeconfig={"secret": readable})


@pytest.fixture
def silent_server() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield listener.getsockname()[1]


def test_a_silent_api_server(arcway: Arcway, cluster: SimulatedCluster, silent_server: int) -> None:
    silent = changed(cluster.kubeconfig, {"server": f"https://127.0.0.1:{silent_server}"})
    failed_with(arcway, cluster, Code.API_SERVER_TIMEOUT, kubeconfig={"secret": cluster.store(silent)})


def test_a_location_that_is_not_offered_lists_what_is(arcway: Arcway, cluster: SimulatedCluster) -> None:
    run = failed_with(arcway, cluster, Code.LOCATION_NOT_OFFERED, location="moonbase")
    assert "westeurope" in run["error"]["message"]


def test_an_unknown_subscription(arcway: Arcway, cluster: SimulatedCluster) -> None:
    failed_with(arcway, cluster, Code.SUBSCRIPTION_NOT_FOUND, subscriptionId="00000000-0000-0000-0000-000000000000")


def test_a_resource_group_is_never_created_by_surprise(arcway: Arcway, cluster: SimulatedCluster) -> None:
    failed_with(arcway, cluster, Code.RESOURCE_GROUP_NOT_FOUND, createResourceGroup=False)


def test_a_missing_azure_permission_is_named_before_anything_happens(arcway: Arcway, cluster: SimulatedCluster) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    arcway.azure.put(
        f"subscriptions/{arcway.subscription}", {"notActions": ["Microsoft.Kubernetes/connectedClusters/write"]}
    )
    run = arcway.connect(cluster)
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.AZURE_PERMISSION_MISSING)
    assert "connectedClusters/write" in run["error"]["message"]


def test_findings_of_cluster_and_azure_come_together(arcway: Arcway, cluster: SimulatedCluster) -> None:
    run = arcway.connect(cluster, location="moonbase", kubeconfig={"secret": "arcway-missing"})
    assert [finding["code"] for finding in run["findings"]] == [Code.SECRET_UNUSABLE, Code.LOCATION_NOT_OFFERED][
        : len(run["findings"])
    ]
    assert {finding["code"] for finding in run["findings"]} == {Code.SECRET_UNUSABLE, Code.LOCATION_NOT_OFFERED}


def test_a_credential_that_lacks_a_verb_is_a_finding_that_names_it(arcway: Arcway, cluster: SimulatedCluster) -> None:
    most = ["", "apps", "apiextensions.k8s.io", "coordination.k8s.io"]
    rules = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]},
        {"apiGroups": most, "resources": ["*"], "verbs": ["*"]},
    ]
    user = cluster.control("POST", "users", {"name": "reader", "rules": rules})
    secret = cluster.store(changed(cluster.kubeconfig, user={"token": user["token"]}))
    run = failed_with(arcway, cluster, Code.CLUSTER_PERMISSION_MISSING, kubeconfig={"secret": secret})
    assert any("create, patch, delete clusterrolebindings" in finding["message"] for finding in run["findings"])


def test_a_dry_run_says_what_would_happen_and_changes_nothing(arcway: Arcway, cluster: SimulatedCluster) -> None:
    objects_before = cluster.objects()
    answer = arcway.http.post("/onboardings", json=arcway.request(cluster), params={"dryRun": "true"})
    assert answer.status_code == 200, answer.text
    run = answer.json()
    assert (run["operation"], run["state"], run["changed"]) == ("check", "Succeeded", False)
    assert run["result"]["ready"] is True
    assert "install release azure-arc" in run["result"]["plan"]
    assert "create resource group clusters in eastus" in run["result"]["plan"]
    assert cluster.objects() == objects_before
    assert {item["method"] for item in arcway.asked("/")} <= {"GET", "HEAD"}


def failed_with(arcway: Arcway, cluster: SimulatedCluster, code: str, **changes: Any) -> Json:
    """Connect, and see it fail with `code` before anything was changed in the cluster or in Azure."""
    objects_before = cluster.objects()
    run = arcway.connect(cluster, **changes)
    assert run["state"] == "Failed"
    assert run["error"]["code"] == code, run["error"]
    assert run["error"]["message"]
    assert run["error"]["remedy"]
    assert (run["changed"], run["leftovers"]) == (False, [])
    assert cluster.objects() == objects_before
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

    from arcway_local.certificates import CertificateAuthority

    with tempfile.TemporaryDirectory() as folder:
        return base64.b64encode(CertificateAuthority.open(Path(folder)).certificate_pem).decode()
