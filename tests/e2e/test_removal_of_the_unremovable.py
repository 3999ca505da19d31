"""Agents that something holds: what the cluster no longer serves, what Helm cannot read, finalizers of every object.

Each remedy that names force is tried with force.
"""

import base64
from typing import Any

import pytest

from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from tests.e2e.conftest import Arcway, SimulatedCluster, phase
from tests.e2e.test_half_finished_worlds import _decoded, _encoded
from tests.e2e.test_release_elsewhere import records, succeeded
from tests.e2e.test_update import change

_RECORDS = "/api/v1/namespaces/azure-arc-release/secrets"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_GONE = """---
# Source: azure-arc-k8sagents/templates/policy.yaml
apiVersion: policy/v1beta1
kind: PodSecurityPolicy
metadata:
  name: azure-arc-restricted
spec: {privileged: false}
---
apiVersion: "extensions/v1beta1"   # as it was before 1.16
kind: Deployment
metadata:
  name: old-agent
  namespace: azure-arc
spec: {}
---
apiVersion: example.com/v1
kind: Never
metadata: {name: heard-of}
"""


def rewrite(cluster: SimulatedCluster, namespace: str, **changes: Any) -> None:
    """Change what the latest record of the release says."""
    latest = max(records(cluster, namespace), key=lambda item: int(item["metadata"]["labels"]["version"]))
    path = f"/api/v1/namespaces/{namespace}/secrets/{latest['metadata']['name']}"
    secret = cluster.get(path)
    release = _decoded(secret["data"]["release"])
    release.update({name: line(release[name]) for name, line in changes.items()})
    secret["data"]["release"] = _encoded(release)
    assert cluster.send("PUT", path, secret) == 200


def name_what_is_gone(cluster: SimulatedCluster, namespace: str = "azure-arc-release") -> None:
    """Have the release name kinds that no server has any more, or had under another group."""
    rewrite(cluster, namespace, manifest=lambda line: line + _GONE)


def hold(cluster: SimulatedCluster, path: str) -> None:
    """Set a finalizer that no controller removes."""
    item = cluster.get(path)
    item["metadata"]["finalizers"] = [*item["metadata"].get("finalizers", []), "example.com/never"]
    assert cluster.send("PUT", path, item) == 200


def test_agents_whose_release_names_what_the_cluster_lost_are_removed(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    objects_before = cluster.objects()
    succeeded(arcway.connect(cluster))
    name_what_is_gone(cluster)
    assert succeeded(arcway.disconnect(cluster))["leftovers"] == []
    assert cluster.objects() == objects_before


def test_a_release_that_names_what_the_cluster_lost_is_updated_and_says_what_is_there(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    succeeded(arcway.connect(cluster))
    name_what_is_gone(cluster)
    first = cluster.revisions()[-1]
    succeeded(change(arcway, cluster, proxy={"https": "http://proxy:3128"}))
    mended = _decoded(cluster.get(f"{_RECORDS}/{first}")["data"]["release"])["manifest"]
    assert "PodSecurityPolicy" not in mended
    assert "Never" not in mended
    assert "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: old-agent" in mended
    assert "name: cluster-metadata-operator" in mended


def test_a_release_that_helm_cannot_read_needs_force(arcway: Arcway, cluster: SimulatedCluster) -> None:
    objects_before = cluster.objects()
    succeeded(arcway.connect(cluster))
    path = f"{_RECORDS}/{cluster.revisions()[-1]}"
    secret = cluster.get(path)
    secret["data"]["release"] = base64.b64encode(b"rubbish").decode()
    assert cluster.send("PUT", path, secret) == 200
    run = arcway.disconnect(cluster, agentsOnly=True)
    assert (run["state"], run["error"]["retryable"]) == ("Failed", False), run["error"]
    assert "--force" in run["error"]["remedy"]
    assert succeeded(arcway.disconnect(cluster, agentsOnly=True, force=True))["leftovers"] == []
    assert cluster.objects() == objects_before


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/azure-arc",
        f"{_CRDS}/gitconfigs.clusterconfig.azure.com",
        f"{_RBAC}/clusterrolebindings/azure-arc-operator",
    ],
    ids=["namespace", "CRD", "binding"],
)
def test_finalizers_of_the_objects_themselves_are_named_and_removed_by_force(
    path: str, arcway: Arcway, cluster: SimulatedCluster
) -> None:
    objects_before = cluster.objects()
    succeeded(arcway.connect(cluster))
    hold(cluster, path)
    started = arcway.http.post("/offboardings", json=arcway.offboarding(cluster)).json()["id"]

    def named(run: Json) -> bool:
        return "has the finalizer example.com/never" in (phase(run, "uninstallAgents")["detail"] or "")

    observed_run = arcway.wait_until(started, named)
    assert any(path.rpartition("/")[2] in item for item in describe_all(observed_run["leftovers"]))
    arcway.http.post(f"/runs/{started}/cancel").raise_for_status()
    arcway.finish(started)
    assert succeeded(arcway.disconnect(cluster, force=True))["leftovers"] == []
    assert cluster.objects() == objects_before
