"""What a real cluster refuses or holds, told with its cause: quotas, pod security, finalizers, an API that is dead."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from arcway.cluster.access.kubeconfig import read_kubeconfig
from arcway.cluster.helm.cli import HelmProgram
from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, Command, phase
from tests.e2e.real_cluster.conftest import RealCluster
from tests.e2e.test_release_elsewhere import agents_chart, succeeded, values
from tests.e2e.test_removal_of_the_unremovable import hold, name_what_is_gone

# Most of it is waiting for the other tests that need the cluster for themselves.
pytestmark = pytest.mark.timeout(900)

_NAMESPACE = "/api/v1/namespaces/azure-arc"
_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ADOPTED = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {
        "meta.helm.sh/release-name": "azure-arc",
        "meta.helm.sh/release-namespace": "azure-arc-release",
    },
}


def _namespace(cluster: RealCluster, **labels: str) -> None:
    metadata = {"name": "azure-arc", **_ADOPTED, "labels": {**_ADOPTED["labels"], **labels}}
    assert cluster.send("POST", "/api/v1/namespaces", {"metadata": metadata}) == 201


def _cancelled_when(arcway: Arcway, cluster: RealCluster, words: str) -> Json:
    """The agents' problem as soon as a run says these words while it waits."""
    run_id = arcway.start(arcway.request(cluster)).json()["id"]
    arcway.wait_until(run_id, lambda run: words in (phase(run, "deployAgents")["detail"] or ""))
    path = f"/connectedClusters/{arcway.subscription}/clusters/c-{cluster.name}/agents"
    table: Json = arcway.http.get(path).json()
    assert table["well"] is False
    arcway.http.post(f"/runs/{run_id}/cancel").raise_for_status()
    arcway.finish(run_id)
    problem: Json = next(item for item in table["problems"] if item["reason"] == "refused")
    return problem


def test_pods_that_a_quota_refuses_are_reported_at_once(arcway: Arcway, cluster: RealCluster) -> None:
    _namespace(cluster)
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    assert cluster.send("POST", f"{_NAMESPACE}/resourcequotas", quota) == 201
    cluster.eventually(lambda: "pods" in cluster.get(f"{_NAMESPACE}/resourcequotas/none")["status"].get("hard", {}))
    problem = _cancelled_when(arcway, cluster, "exceeded quota")
    assert problem["code"] == Code.PODS_REFUSED
    assert "ResourceQuota none" in problem["remedy"]


def test_pods_that_break_the_security_standard_fail_fast_with_it(arcway: Arcway, cluster: RealCluster) -> None:
    _namespace(cluster, **{"pod-security.kubernetes.io/enforce": "restricted"})
    run = arcway.connect(cluster, failFast=True)
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.PODS_REFUSED), run["error"]
    assert "violates PodSecurity" in run["error"]["message"]
    assert "enforce=privileged" in run["error"]["remedy"]


@contextmanager
def _dead_api(cluster: RealCluster) -> Iterator[None]:
    """An aggregated API whose server is not there."""
    name = "v1.dead.example.com"
    spec = {
        "group": "dead.example.com",
        "version": "v1",
        "groupPriorityMinimum": 1000,
        "versionPriority": 15,
        "insecureSkipTLSVerify": True,
        "service": {"namespace": "default", "name": "nobody"},
    }
    assert cluster.send("POST", _SERVICES, {"metadata": {"name": name}, "spec": spec}) == 201
    try:
        cluster.eventually(lambda: "status" in cluster.get(f"{_SERVICES}/{name}"))
        yield
    finally:
        assert cluster.send("DELETE", f"{_SERVICES}/{name}", None) == 200


def test_a_dead_api_that_keeps_a_namespace_is_named_and_force_is_not_said_to_help(
    arcway: Arcway, cluster: RealCluster
) -> None:
    succeeded(arcway.connect(cluster))
    with _dead_api(cluster):
        run_id = arcway.http.post("/offboardings", json=arcway.offboarding(cluster)).json()["id"]

        def told(run: Json) -> bool:
            return "dead.example.com" in (phase(run, "uninstallAgents")["detail"] or "")

        arcway.wait_until(run_id, told)
    # The API is gone now, so that the namespace can go; the server looks again after minutes, or when it is touched.
    assert succeeded(arcway.finish(run_id))["leftovers"] == []


def test_finalizers_of_namespace_definition_role_and_binding_go_with_force(
    arcway: Arcway, cluster: RealCluster
) -> None:
    objects_before = cluster.objects()
    succeeded(arcway.connect(cluster))
    role = {"metadata": {"name": "azure-arc-extra", **_ADOPTED}, "rules": []}
    assert cluster.send("POST", f"{_RBAC}/clusterroles", role) == 201
    with_finalizers = (
        _NAMESPACE,
        f"{_CRDS}/gitconfigs.clusterconfig.azure.com",
        f"{_RBAC}/clusterroles/azure-arc-extra",
        f"{_RBAC}/clusterrolebindings/azure-arc-operator",
    )
    for path in with_finalizers:
        hold(cluster, path)
    assert succeeded(arcway.disconnect(cluster, force=True))["leftovers"] == []
    cluster.eventually(lambda: cluster.objects() == objects_before)


def test_an_old_installation_in_default_that_names_lost_apis_is_removed(
    arcway: Arcway, cluster: RealCluster, helm_program: Path, tmp_path: Path
) -> None:
    objects_before = cluster.objects()
    helm = HelmProgram(helm_program, tmp_path / "work", 1, None)
    access = read_kubeconfig(cluster.file.read_text(), None, allow_loopback=True)
    helm.install(access, "azure-arc", "default", agents_chart(), values(arcway, cluster))
    succeeded(arcway.connect(cluster))
    assert cluster.get("/api/v1/namespaces/azure-arc-release")["kind"] == "Status"
    name_what_is_gone(cluster, "default")
    assert succeeded(arcway.disconnect(cluster))["leftovers"] == []
    cluster.eventually(lambda: cluster.objects() == objects_before)


@contextmanager
def _kube_system_closed(cluster: RealCluster) -> Iterator[None]:
    """No client may make a Lease or a ServiceAccount of Arcway's in kube-system, as on GKE Autopilot."""
    name, base = "arcway-closed", "/apis/admissionregistration.k8s.io/v1"
    rules = [
        {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource]}
        for group, resource in (("", "serviceaccounts"), ("coordination.k8s.io", "leases"))
    ]
    policy = {
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "resourceRules": rules,
        },
        "validations": [{"expression": "!object.metadata.name.startsWith('arcway')", "message": "it is managed"}],
    }
    binding = {"policyName": name, "validationActions": ["Deny"]}
    paths = (f"{base}/validatingadmissionpolicies", f"{base}/validatingadmissionpolicybindings")
    for path, spec in zip(paths, (policy, binding), strict=True):
        assert cluster.send("POST", path, {"metadata": {"name": name}, "spec": spec}) == 201
    probe = "/api/v1/namespaces/kube-system/serviceaccounts?dryRun=All"
    try:
        cluster.eventually(lambda: cluster.send("POST", probe, {"metadata": {"name": "arcway-probe"}}) == 422)
        yield
    finally:
        for path in reversed(paths):
            cluster.send("DELETE", f"{path}/{name}", None)
        cluster.eventually(lambda: cluster.send("POST", probe, {"metadata": {"name": "arcway-probe"}}) == 201)


def test_where_kube_system_is_closed_the_lease_and_the_account_live_elsewhere(
    arcway: Arcway, cluster: RealCluster, command: Command
) -> None:
    objects_before = cluster.objects()
    named = ("-n", "c-real", "-g", "clusters", "--subscription", arcway.subscription)
    with _kube_system_closed(cluster):
        completed = command(
            "connect", *named, "-l", "eastus", "--kube-config", str(cluster.file), "--quiet", timeout=240
        )
        assert completed.returncode == 0, completed.stderr
        assert "ServiceAccount arcway-tmp-" in completed.stderr
        completed = command("disconnect", *named, "--yes", "--kube-config", str(cluster.file), "--quiet", timeout=240)
        assert completed.returncode == 0, completed.stderr
        cluster.eventually(lambda: cluster.objects() == objects_before)
