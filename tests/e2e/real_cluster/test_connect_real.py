"""The whole product against a real control plane: connecting, repeating, failing, repairing, leaving nothing behind."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from arcway.cluster.checks.permissions import TO_CONNECT
from arcway.domain.codes import Code
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Command, Control, phase
from tests.e2e.real_cluster.conftest import RealCluster, image_pulls_fail
from tests.e2e.test_credentials import with_plugin

# Most of it is waiting for the other tests that need the cluster for themselves.
pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).parents[3]
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def _pods(cluster: RealCluster) -> list[Json]:
    items: list[Json] = cluster.get("/api/v1/namespaces/azure-arc/pods")["items"]
    return items


def _is_ready(pod: Json) -> bool:
    conditions = {condition["type"]: condition["status"] for condition in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True"


@pytest.fixture
def users_token(cluster: RealCluster) -> Iterator[str]:
    """A token of an administrator who is not the one that tests are."""
    name = "test-user"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    objects: tuple[tuple[str, Json], ...] = (
        ("/api/v1/namespaces/default/serviceaccounts", {}),
        (f"{_RBAC}/clusterrolebindings", {"roleRef": role, "subjects": [subject]}),
    )
    try:
        for path, body in objects:
            assert cluster.send("POST", path, {"metadata": {"name": name}, **body}) == 201
        answer = cluster.http.post(f"/api/v1/namespaces/default/serviceaccounts/{name}/token", json={"spec": {}})
        yield answer.json()["status"]["token"]
    finally:
        for path, _ in objects:
            cluster.send("DELETE", f"{path}/{name}", None)


def test_the_command_line_connects_it_by_an_exec_plugin_and_a_second_run_changes_nothing(
    arcway: Arcway, cluster: RealCluster, stack: Stack, command: Command, users_token: str, tmp_path: Path
) -> None:
    objects_before, secrets = cluster.objects(), set(Path(stack.secrets).iterdir())
    where = {"cluster": cluster.kubeconfig["clusters"][0]["name"], "user": "user"}
    kubeconfig = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": where}],
        "clusters": cluster.kubeconfig["clusters"],
        "users": [{"name": "user", "user": {"token": users_token}}],
    }
    named = ("-n", "c-real", "-g", "clusters", "-l", "eastus", "--subscription", arcway.subscription)
    completed = command("connect", *named, "--kube-config", with_plugin(kubeconfig, tmp_path), "--yes", "-o", "json")
    try:
        assert completed.returncode == 0, completed.stderr
        assert users_token not in completed.stdout + completed.stderr
        # Its rights ended with its binding; the garbage collector takes what the binding owned a moment later.
        cluster.eventually(lambda: not any("/arcway-" in item for item in cluster.objects() - objects_before))
        assert set(Path(stack.secrets).iterdir()) == secrets
        output = json.loads(completed.stdout)
        assert (output["connectivityStatus"], output["totalNodeCount"]) == ("Connected", 2)
        assert output["kubernetesVersion"] == cluster.get("/version")["gitVersion"].removeprefix("v")
        assert _pods(cluster)
        assert all(map(_is_ready, _pods(cluster)))
        # A pod whose certificate exists only after the identity was issued did wait for it.
        events = cluster.get("/api/v1/namespaces/azure-arc/events?fieldSelector=reason=FailedMount")["items"]
        assert any('secret "azure-identity-certificate" not found' in event["message"] for event in events)

        path = f"/connectedClusters/{arcway.subscription}/clusters/c-real/agents"
        # The run's own credential went with it.
        assert arcway.http.get(path).json()["code"] == Code.KUBECONFIG_UNKNOWN
        agents = arcway.http.get(path, params={"kubeconfig": cluster.secret}).json()
        assert (agents["well"], agents["problems"]) == (True, [])
        assert [item["ready"] for item in agents["deployments"]] == ["1/1"] * 7
        assert {pod["name"]: pod["status"] for pod in agents["pods"]} == {
            pod["metadata"]["name"]: "Running" for pod in _pods(cluster)
        }

        second_run = arcway.connect(cluster)
        assert (second_run["state"], second_run["changed"]) == ("Succeeded", False)
        assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]
    finally:
        (Path(stack.clusters) / "c-real.yaml").unlink(missing_ok=True)


def test_a_rollback_leaves_the_lists_of_objects_as_they_were(
    arcway: Arcway, azure: Control, cluster: RealCluster
) -> None:
    objects_before = cluster.objects()
    resource = ClusterId(arcway.subscription, "clusters", "c-real").resource_id
    azure.put("provisioning-failures", {resource: {"code": "Broken", "message": "The back end is on fire."}})
    run = arcway.connect(cluster, onFailure="rollback")
    assert (run["state"], run["leftovers"]) == ("Failed", []), run["error"]
    assert run["error"]["code"] == Code.PROVISIONING_FAILED, run["error"]
    assert phase(run, "createResource")["state"] == "Failed"
    assert cluster.objects() == objects_before


@pytest.fixture
def outcome(cluster: RealCluster) -> Iterator[None]:
    """Pods of the agents that are made from now on cannot pull their images."""
    probe = {"metadata": {"name": "azure-arc", "annotations": {"meta.helm.sh/release-name": "azure-arc"}}}
    probe["metadata"]["annotations"]["meta.helm.sh/release-namespace"] = "azure-arc-release"  # type: ignore[index]
    probe["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
    assert cluster.send("POST", "/api/v1/namespaces", probe) == 201
    with image_pulls_fail(cluster):
        yield


@pytest.mark.usefixtures("outcome")
def test_a_failed_image_pull_ends_the_run_and_names_the_pod(arcway: Arcway, cluster: RealCluster) -> None:
    run = arcway.connect(cluster, failFast=True)
    assert (run["state"], run["error"]["code"], run["error"]["phase"]) == (
        "Failed",
        Code.IMAGE_PULL_FAILED,
        "deployAgents",
    ), run["error"]
    assert any(pod["metadata"]["name"] in run["error"]["message"] for pod in _pods(cluster))


def test_a_credential_that_lacks_one_verb_is_a_finding_that_names_it(arcway: Arcway, cluster: RealCluster) -> None:
    # `bind` is for cluster-admin by name, and a user who lacks it could still have everything that it grants.
    rules = [
        {"apiGroups": [item.group], "resources": [item.resource], "verbs": [item.verb]}
        | ({"resourceNames": [item.name]} if item.name else {})
        for item in TO_CONNECT
        if item[:2] not in (("patch", "clusterrolebindings"), ("delete", "networkpolicies"))
    ]
    name = "test-lacking"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    objects: tuple[tuple[str, Json], ...] = (
        ("/api/v1/namespaces/default/serviceaccounts", {}),
        (f"{_RBAC}/clusterroles", {"rules": rules}),
        (f"{_RBAC}/clusterrolebindings", {"roleRef": role, "subjects": [subject]}),
    )
    try:
        for path, body in objects:
            assert cluster.send("POST", path, {"metadata": {"name": name}, **body}) == 201
        answer = cluster.http.post(f"/api/v1/namespaces/default/serviceaccounts/{name}/token", json={"spec": {}})
        limited = {"name": "limited", "user": {"token": answer.json()["status"]["token"]}}
        context = {"name": "c", "context": {"cluster": cluster.kubeconfig["clusters"][0]["name"], "user": "limited"}}
        kubeconfig = {**cluster.kubeconfig, "users": [limited], "contexts": [context], "current-context": "c"}
        body = arcway.request(cluster, kubeconfig={"secret": cluster.store(json.dumps(kubeconfig))})
        run = arcway.http.post("/onboardings", json=body, params={"dryRun": "true"}).json()
    finally:
        for path, _ in objects:
            cluster.send("DELETE", f"{path}/{name}", None)
    messages = [finding["message"] for finding in run["findings"] if finding["code"] == Code.CLUSTER_PERMISSION_MISSING]
    assert messages == [
        "The credential lacks the permission to delete networkpolicies.networking.k8s.io in namespace azure-arc.",
        "The credential lacks the permission to patch clusterrolebindings.rbac.authorization.k8s.io.",
    ]


def test_the_network_is_checked_by_a_job_that_restricted_pod_security_admits(
    arcway: Arcway, cluster: RealCluster
) -> None:
    objects_before = cluster.objects()
    body = arcway.request(cluster, checkNetwork=True)
    run = arcway.http.post("/onboardings", json=body, params={"dryRun": "true"}).json()
    assert (run["state"], run["findings"]) == ("Succeeded", []), run
    assert {item["reachable"] for item in run["result"]["network"]} == {True}
    cluster.eventually(lambda: cluster.objects() == objects_before)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_install_that_was_killed_is_repaired(
    arcway: Arcway, cluster: RealCluster, helm_program: Path, tmp_path: Path
) -> None:
    chart = ROOT / "arcway_local/azure/chart"
    own = f"global.subscriptionId={arcway.subscription},global.resourceGroupName=clusters,global.resourceName=c-real"
    process = subprocess.Popen(
        [
            helm_program,
            "install",
            "azure-arc",
            chart,
            "--namespace=azure-arc-release",
            "--create-namespace",
            "--wait",
            "--set",
            own,
        ],
        env={"PATH": os.defpath, "HOME": str(tmp_path), "KUBECONFIG": str(cluster.file)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        # One agent waits for the identity's certificate, so that this install does not end.
        cluster.eventually(lambda: len(_pods(cluster)) == 7)
    finally:
        process.kill()
        process.wait()
    selector = "labelSelector=owner=helm,status=pending-install"
    assert cluster.get(f"/api/v1/namespaces/azure-arc-release/secrets?{selector}")["items"]
    # As long as the client that began it could still be at work, it is left alone; a later run repairs it.
    arcway.patience = 240
    run = arcway.connect(cluster)
    if run["state"] == "Failed":
        assert run["error"]["code"] == Code.RELEASE_LOCKED
        run = arcway.connect(cluster)
    assert run["state"] == "Succeeded", run["error"]
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]
    assert not cluster.get(f"/api/v1/namespaces/azure-arc-release/secrets?{selector}")["items"]
