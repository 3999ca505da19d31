"""The agents' release is found wherever it is, is never doubled, and goes with everything that it made."""

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from arcway.cluster.access.kubeconfig import Access, read_kubeconfig
from arcway.cluster.helm.pool import WorkerPool
from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, SimulatedCluster
from tests.e2e.test_update import change

ROOT = Path(__file__).parents[2]
_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"


def agents_chart(name: str = "azure-arc-k8sagents") -> bytes:
    """The agents' chart as an archive."""
    buffer = io.BytesIO()
    folder = ROOT / "arcway_local/azure/chart"
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(item for item in folder.rglob("*") if item.is_file()):
            data = path.read_bytes().replace(b"version: 0.0.0", b"version: 1.36.2")
            if path.name == "Chart.yaml":
                data = data.replace(b"azure-arc-k8sagents", name.encode())
            entry = tarfile.TarInfo(f"{name}/{path.relative_to(folder)}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(buffer.getvalue())


def small_chart(template: Json) -> bytes:
    """A foreign chart with one object."""
    buffer = io.BytesIO()
    files = {
        "Chart.yaml": json.dumps({"apiVersion": "v2", "name": "theirs", "version": "1.0.0"}),
        "templates/role.yaml": json.dumps(template),
    }
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, line in files.items():
            entry = tarfile.TarInfo(f"theirs/{path}")
            entry.size = len(line)
            archive.addfile(entry, io.BytesIO(line.encode()))
    return gzip.compress(buffer.getvalue())


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    pool = WorkerPool(tmp_path_factory.mktemp("helm"), 1, None)
    yield pool
    pool.close()


@pytest.fixture
def access(cluster: SimulatedCluster) -> Access:
    return read_kubeconfig(cluster.file.read_text(), None, allow_loopback=True)


def values(arcway: Arcway, cluster: SimulatedCluster) -> Json:
    named = {"subscriptionId": arcway.subscription, "resourceGroup": "clusters", "resourceName": f"c-{cluster.name}"}
    return {"global": {**named, "resourceGroupName": "clusters", "location": "eastus"}}


def records(cluster: SimulatedCluster, namespace: str) -> list[Json]:
    result = cluster.get(f"/api/v1/namespaces/{namespace}/secrets")["items"]
    return [item for item in result if item["type"] == "helm.sh/release.v1"]


def succeeded(run: Json) -> Json:
    assert run["state"] == "Succeeded", run["error"]
    return run


def test_every_command_works_on_an_installation_in_another_namespace(
    arcway: Arcway, cluster: SimulatedCluster, helm: WorkerPool, access: Access
) -> None:
    objects_before = cluster.objects()
    helm.install(access, "azure-arc", "default", agents_chart(), values(arcway, cluster))
    body = arcway.request(cluster)
    checked = arcway.http.post("/onboardings", json=body, params={"dryRun": "true"}).json()
    assert "install release azure-arc" not in succeeded(checked)["result"]["plan"]
    succeeded(arcway.connect(cluster, agents={"autoUpgrade": False}))
    assert succeeded(arcway.connect(cluster, agents={"autoUpgrade": False}))["changed"] is False
    key = cluster.get("/api/v1/namespaces/azure-arc/secrets/azure-arc-connect-privatekey")
    assert key["metadata"]["annotations"]["meta.helm.sh/release-namespace"] == "default"
    succeeded(change(arcway, cluster, proxy={"https": "http://proxy:3128"}))
    assert (
        base64.b64decode(
            cluster.get("/api/v1/namespaces/azure-arc/secrets/proxy-config")["data"]["HTTPS_PROXY"]
        ).decode()
        == "http://proxy:3128"
    )
    succeeded(change(arcway, cluster, "upgrades"))
    assert len(records(cluster, "default")) >= 2
    assert cluster.get("/api/v1/namespaces/azure-arc-release")["kind"] == "Status"
    checked = arcway.http.post("/offboardings", json=arcway.offboarding(cluster), params={"dryRun": "true"}).json()
    assert "remove release azure-arc in namespace default" in succeeded(checked)["result"]["plan"]
    run = succeeded(arcway.disconnect(cluster))
    assert run["leftovers"] == []
    assert cluster.objects() == objects_before


def test_two_installations_are_reported_and_both_removed(
    arcway: Arcway, cluster: SimulatedCluster, helm: WorkerPool, access: Access
) -> None:
    objects_before = cluster.objects()
    succeeded(arcway.connect(cluster))
    helm.install(access, "azure-arc", "default", agents_chart(), values(arcway, cluster))
    checked = arcway.http.post("/onboardings", json=arcway.request(cluster), params={"dryRun": "true"}).json()
    assert any("installed 2 times" in item["message"] for item in checked["findings"]), checked
    assert succeeded(arcway.disconnect(cluster))["leftovers"] == []
    assert cluster.objects() == objects_before


def test_a_foreign_release_of_the_same_name_stays(
    arcway: Arcway, cluster: SimulatedCluster, helm: WorkerPool, access: Access
) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "azure-arc-x"}}
    helm.install(access, "azure-arc", "default", small_chart({**role, "rules": []}), {})
    objects_before = cluster.objects()
    connected = succeeded(arcway.connect(cluster))
    assert [finding["code"] for finding in connected["findings"]] == ["ARC-2046"]
    assert len(records(cluster, "azure-arc-release")) == 1
    for force in (False, True):
        disconnected = succeeded(arcway.disconnect(cluster, force=force, agentsOnly=True))
        assert (disconnected["leftovers"], [finding["code"] for finding in disconnected["findings"]]) == (
            [],
            ["ARC-2046"],
        )
        assert cluster.objects() == objects_before
        assert cluster.get(f"{_ROLES}/azure-arc-x")["kind"] == "ClusterRole"


def forged(release: Json, **labels: str) -> Json:
    """A record that Helm did not write."""
    name = f"sh.helm.release.v1.azure-arc.v{labels.get('version', '1')}"
    all_labels = {"owner": "helm", "name": "azure-arc", "status": "deployed", "version": "1", **labels}
    packed = base64.b64encode(gzip.compress(json.dumps(release).encode()))
    data = {"release": base64.b64encode(packed).decode()}
    return {"metadata": {"name": name, "labels": all_labels}, "type": "helm.sh/release.v1", "data": data}


def test_a_client_that_may_write_secrets_somewhere_steers_no_installation(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    victim = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "kube-public"}}
    assert cluster.send("POST", "/api/v1/namespaces/kube-public/configmaps", victim) == 201
    release = {
        "name": "azure-arc",
        "namespace": "default",
        "version": 1,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "azure-arc-k8sagents", "version": "1.36.2"}},
        "config": {"global": {"forged": "yes"}, "image": {"registry": "evil.example"}},
        "manifest": f"---\n{json.dumps(victim)}\n",
    }
    secrets = "/api/v1/namespaces/default/secrets"
    assert cluster.send("POST", secrets, forged(release)) == 201
    assert cluster.send("POST", secrets, forged(release, version="x")) == 201
    objects_before = cluster.objects()
    succeeded(arcway.connect(cluster))
    (record,) = records(cluster, "azure-arc-release")
    assert "forged" not in gzip.decompress(base64.b64decode(base64.b64decode(record["data"]["release"]))).decode()
    assert succeeded(arcway.disconnect(cluster, force=True))["leftovers"] == []
    assert cluster.objects() == objects_before
