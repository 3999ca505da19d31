"""The whole product against a real control plane: connecting, repeating, failing, repairing, leaving nothing behind."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from arcway.cluster.preflight import _NEEDED
from arcway.domain.ids import ClusterId
from arcway.local.stack import Stack
from tests.e2e.conftest import Arcway, Control, Json, phase
from tests.e2e.real_cluster.conftest import RealCluster

# Most of it is waiting for the other tests that need the cluster for themselves.
pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parents[3]
_POLICIES = "/apis/admissionregistration.k8s.io/v1"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def _pods(cluster: RealCluster) -> list[Json]:
    items: list[Json] = cluster.get("/api/v1/namespaces/azure-arc/pods")["items"]
    return items


def _is_ready(pod: Json) -> bool:
    conditions = {condition["type"]: condition["status"] for condition in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True"


def test_the_command_line_connects_it_and_a_second_run_changes_nothing(
    arcway: Arcway, cluster: RealCluster, stack: Stack
) -> None:
    state = Path(stack.secrets).parent
    named = ["-n", "c-real", "-g", "clusters", "-l", "eastus", "--subscription", arcway.subscription]
    done = subprocess.run(
        [sys.executable, "-m", "arcway.cli", "connect", *named, "--kube-config", str(cluster.file), "-o", "json"],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "ARCWAY_STATE": str(state), "HOME": str(state)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    try:
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        assert (shown["connectivityStatus"], shown["totalNodeCount"]) == ("Connected", 2)
        assert shown["kubernetesVersion"] == cluster.get("/version")["gitVersion"].removeprefix("v")
        assert _pods(cluster)
        assert all(map(_is_ready, _pods(cluster)))
        # A pod whose certificate exists only after the identity was issued did wait for it.
        events = cluster.get("/api/v1/namespaces/azure-arc/events?fieldSelector=reason=FailedMount")["items"]
        assert any('secret "azure-identity-certificate" not found' in event["message"] for event in events)

        again = arcway.connect(cluster)
        assert (again["state"], again["changed"]) == ("Succeeded", False)
        assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]
    finally:
        (Path(stack.clusters) / "c-real.yaml").unlink(missing_ok=True)


def test_a_rollback_leaves_the_lists_of_objects_as_they_were(
    arcway: Arcway, azure: Control, cluster: RealCluster
) -> None:
    before = cluster.objects()
    resource = ClusterId(arcway.subscription, "clusters", "c-real").resource_id
    azure.put("provisioning-failures", {resource: {"code": "Broken", "message": "The back end is on fire."}})
    run = arcway.connect(cluster, onFailure="rollback")
    assert (run["state"], run["left"]) == ("Failed", []), run["error"]
    assert run["error"]["code"] == "ARC-4010", run["error"]
    assert phase(run, "createResource")["state"] == "Failed"
    assert cluster.objects() == before


@pytest.fixture
def outcome(cluster: RealCluster) -> Iterator[None]:
    """Pods of the agents get the annotation by which kwok's stages let their image pulls fail."""
    name = "arcway-outcome"
    policy = {
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "azure-arc"}},
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ],
        },
        "reinvocationPolicy": "Never",
        "failurePolicy": "Fail",
        "mutations": [
            {
                "patchType": "ApplyConfiguration",
                "applyConfiguration": {
                    "expression": (
                        'Object{metadata: Object.metadata{annotations: {"arcway.local/outcome": "imagePull"}}}'
                    )
                },
            }
        ],
    }
    paths = (f"{_POLICIES}/mutatingadmissionpolicies", f"{_POLICIES}/mutatingadmissionpolicybindings")
    for path, spec in zip(paths, (policy, {"policyName": name}), strict=True):
        answer = cluster.http.post(path, json={"metadata": {"name": name}, "spec": spec})
        assert answer.status_code == 201, answer.text
    probe = {"metadata": {"name": "azure-arc", "annotations": {"meta.helm.sh/release-name": "azure-arc"}}}
    probe["metadata"]["annotations"]["meta.helm.sh/release-namespace"] = "azure-arc-release"  # type: ignore[index]
    probe["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
    assert cluster.send("POST", "/api/v1/namespaces", probe) == 201
    pod = {"metadata": {"generateName": "probe-"}, "spec": {"containers": [{"name": "main", "image": "i:1"}]}}

    def acts() -> bool:
        made = cluster.http.post("/api/v1/namespaces/azure-arc/pods?dryRun=All", json=pod).json()
        return "arcway.local/outcome" in (made["metadata"].get("annotations") or {})

    try:
        # A policy begins to act a moment after it was made.
        cluster.eventually(acts)
        yield
    finally:
        for path in reversed(paths):
            cluster.send("DELETE", f"{path}/{name}", None)
        cluster.eventually(lambda: not acts())


@pytest.mark.usefixtures("outcome")
def test_a_failed_image_pull_ends_the_run_and_names_the_pod(arcway: Arcway, cluster: RealCluster) -> None:
    run = arcway.connect(cluster)
    assert (run["state"], run["error"]["code"], run["error"]["phase"]) == ("Failed", "ARC-5005", "deployAgents"), run[
        "error"
    ]
    assert any(pod["metadata"]["name"] in run["error"]["message"] for pod in _pods(cluster))


def test_a_credential_that_lacks_one_verb_is_a_finding_that_names_it(arcway: Arcway, cluster: RealCluster) -> None:
    lease = ("get", "leases", "coordination.k8s.io", "")
    reading = (("list", "nodes", "", ""), ("get", "namespaces", "", ""), ("get", "configmaps", "", ""), lease)
    needed = [*reading, ("list", "secrets", "", ""), *_NEEDED]
    rules = [
        {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        for verb, resource, group, _ in needed
        if resource != "clusterrolebindings"
    ]
    name = "test-lacking"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    made: tuple[tuple[str, Json], ...] = (
        ("/api/v1/namespaces/default/serviceaccounts", {}),
        (f"{_RBAC}/clusterroles", {"rules": rules}),
        (f"{_RBAC}/clusterrolebindings", {"roleRef": role, "subjects": [subject]}),
    )
    try:
        for path, body in made:
            assert cluster.send("POST", path, {"metadata": {"name": name}, **body}) == 201
        answer = cluster.http.post(f"/api/v1/namespaces/default/serviceaccounts/{name}/token", json={"spec": {}})
        limited = {"name": "limited", "user": {"token": answer.json()["status"]["token"]}}
        context = {"name": "c", "context": {"cluster": cluster.kubeconfig["clusters"][0]["name"], "user": "limited"}}
        kubeconfig = {**cluster.kubeconfig, "users": [limited], "contexts": [context], "current-context": "c"}
        body = arcway.request(cluster, kubeconfig={"secret": cluster.store(json.dumps(kubeconfig))})
        run = arcway.http.post("/onboardings", json=body, params={"dryRun": "true"}).json()
    finally:
        for path, _ in made:
            cluster.send("DELETE", f"{path}/{name}", None)
    told = [finding["message"] for finding in run["findings"] if finding["code"] == "ARC-2008"]
    assert told == ["The credential may not create clusterrolebindings.rbac.authorization.k8s.io."]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_an_install_that_was_killed_is_repaired(
    arcway: Arcway, cluster: RealCluster, helm_program: Path, tmp_path: Path
) -> None:
    chart = ROOT / "arcway/local/azure/chart"
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
        # One agent waits for the identity's certificate, so that this install cannot end by itself.
        cluster.eventually(lambda: len(_pods(cluster)) == 7)
    finally:
        process.kill()
        process.wait()
    selector = "labelSelector=owner=helm,status=pending-install"
    assert cluster.get(f"/api/v1/namespaces/azure-arc-release/secrets?{selector}")["items"]
    # As long as whoever began it could still be at work, it is left alone; a later run repairs it.
    arcway.patience = 170
    run = arcway.connect(cluster)
    if run["state"] == "Failed":
        assert run["error"]["code"] == "ARC-5010"
        run = arcway.connect(cluster)
    assert run["state"] == "Succeeded", run["error"]
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]
    assert not cluster.get(f"/api/v1/namespaces/azure-arc-release/secrets?{selector}")["items"]
