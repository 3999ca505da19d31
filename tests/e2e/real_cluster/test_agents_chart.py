"""The simulated agents' chart succeeds the published one: a release of the old layout is upgraded to it by real Helm.

Labels, scopes and versions below are those of the chart 1.13.4 as it was published.
"""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from arcway.cluster.access.kubeconfig import read_kubeconfig
from arcway.cluster.helm.pool import WorkerPool
from tests.e2e.conftest import Arcway
from tests.e2e.real_cluster.conftest import RealCluster

pytestmark = pytest.mark.timeout(900)

_BOTH = {"app.kubernetes.io/name": "azure-arc-k8s"}
_SELECTORS = {
    "cluster-metadata-operator": _BOTH | {"app.kubernetes.io/component": "cluster-metadata-operator"},
    "clusteridentityoperator": {"control-plane": "cluster-identity-manager"},
    "config-agent": _BOTH | {"app.kubernetes.io/component": "config-agent"},
    "controller-manager": {"control-plane": "controller-manager"},
    "metrics-agent": _BOTH | {"app.kubernetes.io/component": "metrics-agent"},
    "resource-sync-agent": _BOTH | {"app.kubernetes.io/component": "resource-sync-agent"},
}
_DEFINITIONS = {
    "connectedclusters.arc.azure.com": "ConnectedCluster",
    "azureclusteridentityrequests.clusterconfig.azure.com": "AzureClusterIdentityRequest",
    "gitconfigs.clusterconfig.azure.com": "GitConfig",
    "extensionconfigs.clusterconfig.azure.com": "ExtensionConfig",
}
_INSTANCES = "/apis/arc.azure.com/v1beta1/namespaces/azure-arc/connectedclusters"


def _published() -> bytes:
    """A chart with the published one's immutable parts, under its version."""
    objects: list[dict[str, object]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "azure-arc"}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "azure-arc-connect-privatekey", "namespace": "azure-arc"},
            "stringData": {"privateKey": "{{ .Values.global.onboardingPrivateKey }}"},
        },
    ]
    for name, labels in _SELECTORS.items():
        pod = {"containers": [{"name": "manager", "image": f"example.com/{name}:1.13.4"}]}
        template = {"metadata": {"labels": labels}, "spec": pod}
        objects.append(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": name, "namespace": "azure-arc"},
                "spec": {"selector": {"matchLabels": labels}, "template": template},
            }
        )
    for name, kind in _DEFINITIONS.items():
        plural, _, group = name.partition(".")
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        versions = [{"name": "v1beta1", "served": True, "storage": True, "schema": schema}]
        objects.append(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": name},
                "spec": {
                    "group": group,
                    "scope": "Namespaced",
                    "names": {"kind": kind, "plural": plural},
                    "versions": versions,
                },
            }
        )
    files = {
        "Chart.yaml": json.dumps({"apiVersion": "v1", "name": "azure-arc-k8sagents", "version": "1.13.4"}),
        "templates/all.yaml": "\n---\n".join(json.dumps(item) for item in objects),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, line in files.items():
            entry = tarfile.TarInfo(f"azure-arc-k8sagents/{name}")
            entry.size = len(line.encode())
            archive.addfile(entry, io.BytesIO(line.encode()))
    return gzip.compress(buffer.getvalue())


def test_a_release_of_the_published_layout_is_upgraded(arcway: Arcway, cluster: RealCluster, tmp_path: Path) -> None:
    azure = arcway.stack.azure
    access = read_kubeconfig(json.dumps(cluster.kubeconfig), None, allow_loopback=True)
    place = (access, "azure-arc", "azure-arc-release")
    helm = WorkerPool(tmp_path, 1, azure["caFile"])
    try:
        helm.install(*place, _published(), {"global": {"onboardingPrivateKey": "first"}})
        body = {"apiVersion": "arc.azure.com/v1beta1", "kind": "ConnectedCluster", "metadata": {"name": "metadata"}}
        assert cluster.eventually(lambda: cluster.send("POST", _INSTANCES, body) in (201, 409))
        reference = f"{azure['registry']}/azurearck8s/azure-arc-k8sagents:1.36.2"
        successor = helm.pull(reference, helm.digest_of(reference))
        values = {
            "global": {"onboardingPrivateKey": "second"},
            "systemDefaultValues": {"spnOnboarding": False},
        }
        helm.upgrade(*place, successor, values)
        release = helm.release(*place)
        assert release is not None
        assert (release.status, release.chart_version) == ("deployed", "1.36.2")
    finally:
        helm.close()
    assert cluster.get(f"{_INSTANCES}/metadata")["metadata"]["name"] == "metadata"
    secret = cluster.get("/api/v1/namespaces/azure-arc/secrets/azure-arc-connect-privatekey")
    assert secret["data"]["privateKey"] == "c2Vjb25k"
