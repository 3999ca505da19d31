"""The real control plane as a cluster to connect, put back as it was after each test.

The agents' release is one per cluster, so tests that install it wait for one another.
"""

import base64
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from arcway.domain.json_values import Json
from arcway.private_file import write_private
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, SimulatedCluster

_DEADLINE_SECONDS = 240.0
_RUN_SECONDS = 240
_POLICIES = "/apis/admissionregistration.k8s.io/v1"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_KINDS = (
    "/api/v1/namespaces",
    "/api/v1/secrets",
    "/api/v1/configmaps",
    "/api/v1/services",
    "/api/v1/serviceaccounts",
    "/api/v1/pods",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/batch/v1/jobs",
    _DEFINITIONS,
    "/apis/coordination.k8s.io/v1/leases",
    f"{_RBAC}/clusterroles",
    f"{_RBAC}/clusterrolebindings",
    f"{_RBAC}/roles",
    f"{_RBAC}/rolebindings",
)


class RealCluster(SimulatedCluster):
    """The real control plane under the handles that tests have for a simulated cluster; it has no controls."""

    def __init__(self, kubeconfig: Path, stack: Stack) -> None:
        self.name = "real"
        self.file = kubeconfig
        self.kubeconfig = yaml.safe_load(kubeconfig.read_text())
        self._stack = stack
        self.http = _client(self.kubeconfig)
        self.secret = self.store(json.dumps(self.kubeconfig))

    def get(self, path: str) -> Json:
        """Read as the administrator."""
        body: Json = self.http.get(path).json()
        return body

    def send(self, method: str, path: str, body: Any) -> int:
        """Change something as the administrator; returns the status."""
        return self.http.request(method, path, json=body).status_code

    def objects(self) -> set[str]:
        """Names of all objects that a cluster has of the kinds that onboarding makes, and of namespaced ones."""
        return {
            f"{path}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
            for path in _KINDS
            for item in self.get(path)["items"]
            # Tests of other things work in the same cluster, under names and in namespaces of their own.
            if "test-" not in item["metadata"].get("namespace", "") + item["metadata"]["name"]
        }

    def eventually[T](self, look: Callable[[], T]) -> T:
        """The first true result of `look`; fails after a deadline."""
        deadline = time.monotonic() + _DEADLINE_SECONDS
        never = threading.Event()
        while not (result := look()):
            assert time.monotonic() < deadline, f"not within {_DEADLINE_SECONDS} s"
            never.wait(0.2)
        return result

    def clean(self) -> None:
        """Remove what a release of the agents is made of."""
        for path in ("/apis/apps/v1/namespaces/azure-arc/deployments", "/api/v1/namespaces/azure-arc/pods"):
            # A namespace that still has pods when it is deleted takes half their grace period longer.
            self.send("DELETE", path, {"propagationPolicy": "Background", "gracePeriodSeconds": 0})
            self.eventually(lambda: not self.get("/api/v1/namespaces/azure-arc/pods")["items"])
        for path in self._owned():
            self.send("DELETE", path, None)
        self.send("DELETE", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/arcway", None)
        self.eventually(self._nothing_owned)

    def _nothing_owned(self) -> bool:
        """Whether the release is gone; CRDs whose deletion the API server abandoned are touched, so that it retries."""
        for item in self.get(_DEFINITIONS)["items"]:
            if any(
                entry.get("reason") == "InstanceDeletionFailed"
                for entry in item.get("status", {}).get("conditions", [])
            ):
                body = {"metadata": {"annotations": {"asked-again": item["metadata"]["resourceVersion"]}}}
                kind = {"Content-Type": "application/merge-patch+json"}
                self.http.patch(f"{_DEFINITIONS}/{item['metadata']['name']}", json=body, headers=kind)
        return not self._owned()

    def _owned(self) -> list[str]:
        """Paths of the release's namespaces and of its other objects without a namespace."""
        collected = []
        for path in _KINDS:
            for item in self.get(path)["items"]:
                name, owner = item["metadata"]["name"], item["metadata"].get("annotations") or {}
                mine = owner.get("meta.helm.sh/release-name") == "azure-arc" or name.startswith("azure-arc")
                if mine and not item["metadata"].get("namespace"):
                    collected.append(f"{path}/{name}")
        return collected


@contextmanager
def image_pulls_fail(cluster: RealCluster) -> Iterator[None]:
    """Pods of the agents get the annotation by which kwok's stages let their image pulls fail.

    The agents' namespace must be there.
    """
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
    pod = {"metadata": {"generateName": "probe-"}, "spec": {"containers": [{"name": "main", "image": "i:1"}]}}

    def acts() -> bool:
        response = cluster.http.post("/api/v1/namespaces/azure-arc/pods?dryRun=All", json=pod).json()
        return "arcway.local/outcome" in (response["metadata"].get("annotations") or {})

    try:
        # A policy begins to act a moment after it was made.
        cluster.eventually(acts)
        yield
    finally:
        for path in reversed(paths):
            cluster.send("DELETE", f"{path}/{name}", None)
        cluster.eventually(lambda: not acts())


@pytest.fixture(autouse=True)
def patient(arcway: Arcway) -> None:
    """A real control plane beside other tests is slow at times, most of all in deleting a namespace."""
    arcway.patience = _RUN_SECONDS


@pytest.fixture
def cluster(only_user: Path, stack: Stack) -> Iterator[RealCluster]:
    real = RealCluster(only_user, stack)
    # The simulated agents find the cluster here, as real ones would be inside it.
    path = Path(stack.clusters) / "real.yaml"
    server = real.kubeconfig["clusters"][0]["cluster"]["server"]
    for old_kubeconfig in path.parent.glob("*.yaml"):
        # What the command line has left for them: they serve a cluster by one of its kubeconfigs only.
        if server in old_kubeconfig.read_text():
            old_kubeconfig.unlink()
    write_private(path, only_user.read_bytes())
    try:
        yield real
    finally:
        path.unlink()
        try:
            real.clean()
        finally:
            real.http.close()


def _client(kubeconfig: Json) -> httpx.Client:
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    if "client-certificate-data" in user:
        with tempfile.NamedTemporaryFile() as file:
            for part in ("client-key-data", "client-certificate-data"):
                file.write(base64.b64decode(user[part]))
            file.flush()
            tls.load_cert_chain(file.name)
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    return httpx.Client(base_url=cluster["server"], verify=tls, headers=headers, timeout=240, trust_env=False)
