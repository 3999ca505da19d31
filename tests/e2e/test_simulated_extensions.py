"""What the simulated agents make of extensions in a cluster that Arcway has connected."""

import base64
import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, Control, SimulatedCluster

VERSION = "2025-03-01"
CUSTOM_RESOURCES = "/apis/clusterconfig.azure.com/v1beta1/namespaces/azure-arc/extensionconfigs"
_SECONDS = 60.0


class Extension:
    """The extension `flux` of one connected cluster."""

    def __init__(self, arcway: Arcway, cluster: SimulatedCluster) -> None:
        arcway.connect(cluster)
        resource = arcway.resource(cluster)
        assert resource
        self.id = f"{resource['id']}/providers/Microsoft.KubernetesConfiguration/extensions/flux"
        self._arcway = arcway
        self.cluster = cluster

    def send(self, method: str, body: Json | None = None) -> Json:
        response = self._arcway.arm(method, self.id, body, VERSION)
        assert response.status_code < 300, response.text
        answer: Json = response.json() if response.content else {}
        return answer

    def put(self, **properties: Any) -> Json:
        return self.send("PUT", {"properties": {"extensionType": "microsoft.flux", **properties}})

    def status(self) -> int:
        return self._arcway.arm("GET", self.id, None, VERSION).status_code

    def wait_for(self, state: str) -> Json:
        deadline = time.monotonic() + _SECONDS
        while (properties := self.send("GET")["properties"])["provisioningState"] != state:
            assert time.monotonic() < deadline, properties
            time.sleep(0.05)
        result: Json = properties
        return result

    def deployments(self) -> set[str]:
        items = self.cluster.get("/apis/apps/v1/namespaces/flux-system/deployments")["items"]
        return {item["metadata"]["name"] for item in items}

    def releases(self) -> list[Json]:
        items = self.cluster.get("/api/v1/namespaces/flux-system/secrets")["items"]
        records = [item["data"]["release"] for item in items if item["type"] == "helm.sh/release.v1"]
        return [json.loads(gzip.decompress(base64.b64decode(base64.b64decode(record)))) for record in records]

    def is_gone(self) -> bool:
        return not self.deployments() and not self.releases() and not self.cluster.get(CUSTOM_RESOURCES)["items"]


def deployment(name: str) -> Json:
    """A Deployment of a user's own."""
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "one", "image": "registry.example/one"}]}}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": pod}}


@pytest.fixture
def flux(arcway: Arcway, cluster: SimulatedCluster, azure: Control) -> Iterator[Extension]:
    yield Extension(arcway, cluster)
    azure.put("extension-failures", {})
    azure.put("paces", {"release": {"seconds": 600}, "extension": {"seconds": 0}})


def test_agents_install_a_release_and_report_its_version(flux: Extension) -> None:
    flux.put(configurationSettings={"a": "1"}, configurationProtectedSettings={"password": "hidden"})
    assert flux.wait_for("Succeeded")["currentVersion"] == "1.18.2"
    assert {"source-controller", "kustomize-controller", "fluxconfig-agent"} < flux.deployments()
    (release,) = flux.releases()
    assert (release["name"], release["version"], release["info"]["status"]) == ("flux", 1, "deployed")
    assert release["config"] == {"a": "1", "password": "hidden"}
    (item,) = flux.cluster.get(CUSTOM_RESOURCES)["items"]
    assert item["status"]["status"] == "Succeeded"
    assert "hidden" not in str(item)
    flux.put(autoUpgradeMinorVersion=False, version="1.17.3")
    assert flux.wait_for("Succeeded")["currentVersion"] == "1.17.3"
    (release,) = flux.releases()
    assert (release["version"], release["config"]) == (2, {})


def test_deletion_ends_when_the_release_is_gone(flux: Extension) -> None:
    flux.put()
    flux.wait_for("Succeeded")
    flux.send("DELETE")
    flux.cluster.wait_until(lambda: flux.status() == 404)
    assert flux.is_gone()


def test_deletion_with_force_removes_the_release_later(flux: Extension, azure: Control) -> None:
    flux.put()
    flux.wait_for("Succeeded")
    azure.put("extensions", {flux.id: None})
    assert flux.status() == 404
    flux.cluster.wait_until(flux.is_gone)


def test_install_is_atomic_and_its_failure_names_the_deployment(flux: Extension, azure: Control) -> None:
    azure.put("paces", {"release": {"seconds": 0.5}})
    rule = {"outcome": "imagePull", "namePrefix": "source-controller"}
    flux.cluster.control("PUT", "behaviour", {"pods": [rule]})
    flux.put()
    (status,) = flux.wait_for("Failed")["statuses"]
    assert (status["code"], status["level"]) == ("InstallationFailed", "Error")
    assert "has been uninstalled due to atomic being set" in status["message"]
    assert "Deployment is not ready: flux-system/source-controller" in status["message"]
    assert flux.deployments() == set()
    assert flux.releases() == []
    flux.cluster.control("PUT", "behaviour", {})
    flux.put()
    assert flux.wait_for("Succeeded")["statuses"] == []


def test_what_others_installed_is_not_imported(flux: Extension) -> None:
    flux.cluster.send("POST", "/api/v1/namespaces", {"metadata": {"name": "flux-system"}})
    path = "/apis/apps/v1/namespaces/flux-system/deployments"
    assert flux.cluster.send("POST", path, deployment("helm-controller")) == 201
    flux.put()
    (status,) = flux.wait_for("Failed")["statuses"]
    assert "exists and cannot be imported into the current release" in status["message"]
    assert flux.deployments() == {"helm-controller"}


def test_version_that_is_not_offered_fails(flux: Extension) -> None:
    flux.put(autoUpgradeMinorVersion=False, version="0.0.1")
    (status,) = flux.wait_for("Failed")["statuses"]
    assert status["message"] == "Failed to resolve the extension version from the given values."


def test_ordered_failure_and_ordered_hang(flux: Extension, azure: Control) -> None:
    azure.put("extension-failures", {flux.id: {"code": "Own", "message": "status not populated"}})
    flux.put()
    (status,) = flux.wait_for("Failed")["statuses"]
    assert (status["code"], status["message"]) == ("Own", "status not populated")
    azure.put("extension-failures", {flux.id: {"hang": True}})
    assert flux.put()["properties"]["provisioningState"] == "Updating"
    azure.put("extension-failures", {})
    assert flux.send("GET")["properties"]["provisioningState"] == "Updating"
    flux.put()
    flux.wait_for("Succeeded")


def test_agents_act_only_while_config_agent_is_ready(flux: Extension) -> None:
    path = "/apis/apps/v1/namespaces/azure-arc/deployments/config-agent"
    agent = flux.cluster.get(path)
    assert flux.cluster.send("PUT", path, {**agent, "spec": {**agent["spec"], "replicas": 0}}) == 200
    flux.cluster.wait_until(lambda: not flux.cluster.get(path).get("status", {}).get("readyReplicas"))
    flux.put()
    # Whatever acts at once has acted by the time that another workload has started.
    flux.cluster.control("PUT", "behaviour", {"readiness": {"mode": "seconds", "value": 1}})
    neighbours = "/apis/apps/v1/namespaces/default/deployments"
    assert flux.cluster.send("POST", neighbours, deployment("neighbour")) == 201
    flux.cluster.wait_until(lambda: "readyReplicas" in flux.cluster.get(f"{neighbours}/neighbour").get("status", {}))
    assert flux.cluster.get(CUSTOM_RESOURCES)["items"] == []
    assert flux.send("GET")["properties"]["provisioningState"] == "Creating"
    agent = flux.cluster.get(path)
    assert flux.cluster.send("PUT", path, {**agent, "spec": {**agent["spec"], "replicas": 1}}) == 200
    flux.wait_for("Succeeded")


def test_pace_of_extensions_is_kept(flux: Extension, azure: Control) -> None:
    azure.put("paces", {"extension": {"reads": 1000}})
    flux.put()
    flux.cluster.wait_until(lambda: bool(flux.releases()))
    assert flux.send("GET")["properties"]["provisioningState"] == "Creating"


def test_cluster_deleted_in_azure_leaves_the_release_behind(flux: Extension, arcway: Arcway) -> None:
    flux.put()
    flux.wait_for("Succeeded")
    installed = flux.deployments()
    cluster_id = flux.id.partition("/providers/Microsoft.KubernetesConfiguration")[0]
    assert arcway.arm("DELETE", cluster_id).status_code == 202
    flux.cluster.wait_until(lambda: arcway.resource(flux.cluster) is None)
    assert flux.status() == 404
    assert flux.deployments() == installed
    assert len(flux.releases()) == 1
