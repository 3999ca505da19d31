"""One connected cluster with the extension microsoft.flux and a Flux configuration, as tests drive them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, Control, SimulatedCluster

_SECONDS = 60.0
_NAMESPACE = "fleet"
SOURCES = "/apis/source.toolkit.fluxcd.io/v1/namespaces/fleet"
KUSTOMIZATIONS = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/fleet/kustomizations"
FLUX_CONFIGS = "/apis/clusterconfig.azure.com/v1alpha1/namespaces/fleet/fluxconfigs"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PACES = {"flux": {"reads": 0}, "compliance": {"reads": 0}, "extension": {"reads": 0}, "release": {"seconds": 600}}


class Flux:
    """The extension `flux` and the configuration `config` of one connected cluster."""

    def __init__(self, arcway: Arcway, cluster: SimulatedCluster, azure: Control) -> None:
        arcway.connect(cluster)
        resource = arcway.resource(cluster)
        assert resource
        self.cluster_id: str = resource["id"]
        namespace = f"{self.cluster_id}/providers/Microsoft.KubernetesConfiguration"
        self.extension = f"{namespace}/extensions/flux"
        self.id = f"{namespace}/fluxConfigurations/config"
        self.cluster = cluster
        self.azure = azure
        self._arcway = arcway

    def send(self, method: str, url: str, body: Json | None = None) -> Json:
        version = "2025-03-01" if "/extensions/" in url else "2025-04-01"
        response = self._arcway.arm(method, url, body, version)
        assert response.status_code < 300, response.text
        answer: Json = response.json() if response.content else {}
        return answer

    def status(self, url: str) -> int:
        version = "2025-03-01" if "/extensions/" in url else "2025-04-01"
        return self._arcway.arm("GET", url, None, version).status_code

    def install(self) -> None:
        self.send("PUT", self.extension, {"properties": {"extensionType": "microsoft.flux"}})
        self.wait_for(self.extension, "provisioningState", "Succeeded")

    def token(self) -> str:
        header = {"X-IDENTITY-HEADER": self._arcway.stack.azure["identityHeader"]}
        query = {"resource": self._arcway.stack.azure["endpoint"]}
        answer = self.azure.http.get("/msi/token", params=query, headers=header).raise_for_status().json()
        return str(answer["access_token"])

    def content(self, source: Json | None = None, **properties: Any) -> Json:
        repository = {"url": "https://git.example/fleet", "repositoryRef": {"branch": "main"}, **(source or {})}
        kustomizations = {"apps": {"dependsOn": ["infra"], "prune": True}, "infra": {"path": "./infra"}}
        content = {"namespace": _NAMESPACE, "sourceKind": "GitRepository", "gitRepository": repository}
        return {**content, "kustomizations": kustomizations, **properties}

    def put(self, source: Json | None = None, **properties: Any) -> Json:
        result: Json = self.send("PUT", self.id, {"properties": self.content(source, **properties)})["properties"]
        return result

    def order(self, order: Json) -> None:
        self.azure.put("flux-failures", {self.id: order})

    def read(self) -> Json:
        result: Json = self.send("GET", self.id)["properties"]
        return result

    def wait_for(self, url: str, name: str, value: str) -> Json:
        deadline = time.monotonic() + _SECONDS
        while (properties := self.send("GET", url)["properties"])[name] != value:
            assert time.monotonic() < deadline, properties
            time.sleep(0.05)
        result: Json = properties
        return result

    def comply(self, state: str = "Compliant") -> Json:
        return self.wait_for(self.id, "complianceState", state)

    def names(self, path: str) -> set[str]:
        return {item["metadata"]["name"] for item in self.cluster.get(path).get("items", ())}

    def applied(self) -> set[str]:
        items = self.cluster.get("/api/v1/namespaces/fleet/configmaps").get("items", ())
        labels = "kustomize.toolkit.fluxcd.io/name"
        return {item["metadata"]["name"] for item in items if labels in item["metadata"].get("labels", {})}

    def objects(self) -> set[str]:
        """Everything of the configuration but its namespace."""
        paths = (f"{SOURCES}/gitrepositories", f"{SOURCES}/buckets", KUSTOMIZATIONS, FLUX_CONFIGS)
        configured = {f"{path.rpartition('/')[2]}/{name}" for path in paths for name in self.names(path)}
        return configured | {f"configmaps/{name}" for name in self.applied()}

    def neighbour_started(self, name: str) -> Callable[[], bool]:
        """Start another workload; whatever acts at once has acted by the time that it is Ready."""
        self.cluster.control("PUT", "behaviour", {"readiness": {"mode": "seconds", "value": 1}})
        labels = {"app": name}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "one", "image": "registry.example/1"}]}}
        body = {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": pod}}
        path = "/apis/apps/v1/namespaces/default/deployments"
        assert self.cluster.send("POST", path, body) == 201
        return lambda: "readyReplicas" in self.cluster.get(f"{path}/{name}").get("status", {})


ALL = {
    "gitrepositories/config",
    "kustomizations/config-apps",
    "kustomizations/config-infra",
    "fluxconfigs/config",
    "configmaps/config-apps",
    "configmaps/config-infra",
}


@contextmanager
def flux_of(arcway: Arcway, cluster: SimulatedCluster, azure: Control) -> Iterator[Flux]:
    """A connected cluster without the extension; orders and paces end with it."""
    azure.put("paces", PACES)
    yield Flux(arcway, cluster, azure)
    azure.put("flux-failures", {})
    azure.put("paces", PACES)
