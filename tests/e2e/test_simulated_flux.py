"""What the simulated agents make of Flux configurations in a cluster that Arcway has connected."""

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.kubernetesconfiguration.fluxconfigurations import KubernetesConfigurationFluxConfigurationsMgmtClient

from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, Control, SimulatedCluster

_SECONDS = 60.0
_NAMESPACE = "fleet"
_SOURCES = "/apis/source.toolkit.fluxcd.io/v1/namespaces/fleet"
_KUSTOMIZATIONS = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/fleet/kustomizations"
_FLUX_CONFIGS = "/apis/clusterconfig.azure.com/v1alpha1/namespaces/fleet/fluxconfigs"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KEY = base64.b64encode(b"hidden").decode()
PACES = {"flux": {"reads": 0}, "compliance": {"reads": 0}, "extension": {"reads": 0}, "release": {"seconds": 600}}


class StaticToken:
    """A credential of the official clients that has its token already."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3600)


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
        paths = (f"{_SOURCES}/gitrepositories", f"{_SOURCES}/buckets", _KUSTOMIZATIONS, _FLUX_CONFIGS)
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


@pytest.fixture
def flux(arcway: Arcway, cluster: SimulatedCluster, azure: Control) -> Iterator[Flux]:
    azure.put("paces", PACES)
    yield Flux(arcway, cluster, azure)
    azure.put("flux-failures", {})
    azure.put("paces", PACES)


def test_agents_apply_a_configuration_and_report_compliance(flux: Flux) -> None:
    flux.install()
    created = flux.put()
    assert (created["provisioningState"], created["complianceState"]) == ("Creating", "Pending")
    properties = flux.comply()
    assert properties["provisioningState"] == "Succeeded"
    assert properties["sourceSyncedCommitId"].startswith("main/")
    conditions = {item["name"]: item["statusConditions"][0] for item in properties["statuses"]}
    assert [(item["kind"], item["complianceState"]) for item in properties["statuses"]] == [
        ("GitRepository", "Compliant"),
        ("Kustomization", "Compliant"),
        ("Kustomization", "Compliant"),
    ]
    assert conditions["config"]["reason"] == "GitOperationSucceed"
    assert conditions["config"]["message"].startswith("Fetched revision")
    assert conditions["config-apps"]["reason"] == "ReconciliationSucceeded"
    assert conditions["config-apps"]["message"].startswith("Applied revision")
    assert flux.objects() == ALL
    assert "flux-applier" in flux.names("/api/v1/namespaces/fleet/serviceaccounts")
    labels = flux.cluster.get(f"{_KUSTOMIZATIONS}/config-apps")["metadata"]["labels"]
    assert (labels["clusterconfig.azure.com/name"], labels["clusterconfig.azure.com/namespace"]) == ("config", "fleet")
    # Dependencies come first.
    versions = [
        int(flux.cluster.get(f"/api/v1/namespaces/fleet/configmaps/config-{name}")["metadata"]["resourceVersion"])
        for name in ("infra", "apps")
    ]
    assert versions == sorted(versions)


def test_nothing_acts_before_the_extension_is_there(flux: Flux) -> None:
    flux.put()
    flux.cluster.wait_until(flux.neighbour_started("neighbour"))
    assert flux.objects() == set()
    assert flux.read()["provisioningState"] == "Creating"
    flux.install()
    flux.comply()


def test_deletion_removes_objects_and_what_prune_covers(flux: Flux) -> None:
    flux.install()
    flux.put()
    flux.comply()
    flux.send("DELETE", flux.id)
    flux.cluster.wait_until(lambda: flux.status(flux.id) == 404)
    # Of infra, prune is false.
    assert flux.objects() == {"configmaps/config-infra"}
    assert "flux-applier" not in flux.names("/api/v1/namespaces/fleet/serviceaccounts")
    flux.send("DELETE", flux.extension)
    flux.cluster.wait_until(lambda: flux.status(flux.extension) == 404)
    flux.cluster.wait_until(lambda: not any("fluxcd" in name for name in flux.names(_DEFINITIONS)))


def test_deletion_waits_for_agents_and_force_removes_later(flux: Flux) -> None:
    flux.install()
    flux.put()
    flux.comply()
    path = "/apis/apps/v1/namespaces/azure-arc/deployments/config-agent"
    agent = flux.cluster.get(path)
    assert flux.cluster.send("PUT", path, {**agent, "spec": {**agent["spec"], "replicas": 0}}) == 200
    flux.cluster.wait_until(lambda: not flux.cluster.get(path).get("status", {}).get("readyReplicas"))
    flux.send("DELETE", flux.id)
    flux.cluster.wait_until(flux.neighbour_started("neighbour"))
    assert flux.read()["provisioningState"] == "Deleting"
    assert flux.objects() == ALL
    flux.azure.put("flux-configurations", {flux.id: None})
    assert flux.status(flux.id) == 404
    agent = flux.cluster.get(path)
    assert flux.cluster.send("PUT", path, {**agent, "spec": {**agent["spec"], "replicas": 1}}) == 200
    flux.cluster.wait_until(lambda: flux.objects() == {"configmaps/config-infra"})


def test_extension_deleted_first_leaves_objects_with_finalizers(flux: Flux) -> None:
    flux.install()
    flux.put()
    flux.comply()
    flux.send("DELETE", flux.extension)
    flux.cluster.wait_until(lambda: flux.status(flux.extension) == 404)
    assert flux.objects() == ALL
    held = flux.cluster.get(f"{_KUSTOMIZATIONS}/config-apps")["metadata"]
    assert held["finalizers"] == ["finalizers.fluxcd.io"]
    flux.send("DELETE", flux.id)
    flux.cluster.wait_until(flux.neighbour_started("neighbour"))
    assert flux.read()["provisioningState"] == "Deleting"
    # The controllers of a new release finish what the old ones left.
    flux.install()
    flux.cluster.wait_until(lambda: flux.status(flux.id) == 404)
    assert flux.names(_KUSTOMIZATIONS) == set()


def test_condition_on_order_is_non_compliant_until_it_is_withdrawn(flux: Flux) -> None:
    flux.install()
    failure = {"kind": "GitRepository", "reason": "GitOperationFailed", "message": "authentication required"}
    flux.order({"condition": failure})
    flux.put()
    properties = flux.comply("Non-Compliant")
    assert properties["provisioningState"] == "Succeeded"
    conditions = {item["name"]: item["statusConditions"][0] for item in properties["statuses"]}
    assert (conditions["config"]["reason"], conditions["config"]["message"]) == (failure["reason"], failure["message"])
    assert conditions["config-infra"]["reason"] == "ArtifactFailed"
    assert flux.applied() == set()
    ready = flux.cluster.get(f"{_SOURCES}/gitrepositories/config")["status"]["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "GitOperationFailed")
    flux.order({})
    flux.comply()
    assert flux.objects() == ALL


def test_dependents_of_a_failed_kustomization_wait(flux: Flux) -> None:
    flux.install()
    failure = {"kind": "Kustomization", "name": "infra", "reason": "BuildFailed", "message": "no such file"}
    flux.order({"condition": failure})
    flux.put(kustomizations={"apps": {"dependsOn": ["infra"]}, "infra": {}, "other": {}})
    conditions = {item["name"]: item["statusConditions"][0] for item in flux.comply("Non-Compliant")["statuses"]}
    assert conditions["config-infra"]["reason"] == "BuildFailed"
    assert conditions["config-apps"]["reason"] == "DependencyNotReady"
    assert flux.applied() == {"config-other"}
    flux.order({"condition": {"kind": "HelmRelease", "name": "web", "reason": "InstallFailed", "message": "timeout"}})
    flux.cluster.wait_until(lambda: flux.read()["statuses"][-1]["kind"] == "HelmRelease")
    release = flux.read()["statuses"][-1]
    assert (release["name"], release["complianceState"]) == ("web", "Non-Compliant")
    assert release["appliedBy"] == {"name": "config-apps", "namespace": "fleet"}


def test_failed_provisioning_hang_and_pending_on_order(flux: Flux) -> None:
    flux.install()
    flux.order({"message": "the data plane does not respond", "code": "Own"})
    flux.put()
    properties = flux.wait_for(flux.id, "provisioningState", "Failed")
    assert properties["errorMessage"] == "the data plane does not respond"
    flux.order({"hang": True})
    flux.put()
    flux.cluster.wait_until(flux.neighbour_started("neighbour"))
    assert flux.read()["provisioningState"] == "Updating"
    assert flux.objects() == set()
    flux.order({"pending": True})
    flux.cluster.wait_until(lambda: len(flux.read()["statuses"]) == 3)
    properties = flux.read()
    assert (properties["provisioningState"], properties["complianceState"]) == ("Succeeded", "Pending")
    flux.order({})
    flux.comply()


def test_compliance_has_a_pace_of_its_own(flux: Flux) -> None:
    flux.install()
    flux.azure.put("paces", {"compliance": {"reads": 100_000}})
    flux.put()
    properties = flux.wait_for(flux.id, "provisioningState", "Succeeded")
    assert (properties["complianceState"], properties["statuses"]) == ("Pending", [])
    flux.azure.put("paces", {"flux": {"reads": 100_000}, "compliance": {"reads": 0}})
    flux.put(waitForReconciliation=True)
    flux.cluster.wait_until(lambda: flux.objects() == ALL)
    assert flux.read()["provisioningState"] == "Updating"


def test_put_that_waits_ends_when_the_configuration_complies(flux: Flux) -> None:
    flux.install()
    flux.order({"pending": True})
    flux.put(waitForReconciliation=True)
    flux.cluster.wait_until(lambda: len(flux.read()["statuses"]) == 3)
    assert flux.read()["provisioningState"] == "Creating"
    flux.order({})
    properties = flux.wait_for(flux.id, "provisioningState", "Succeeded")
    assert properties["complianceState"] == "Compliant"
    flux.order({"pending": True})
    flux.put(waitForReconciliation=True, reconciliationWaitDuration="PT0S")
    assert flux.wait_for(flux.id, "provisioningState", "Succeeded")["complianceState"] == "Pending"


def test_official_client_follows_operations_to_their_end(flux: Flux, arcway: Arcway) -> None:
    flux.install()
    _, _, subscription, _, group, _, _, _, name = flux.cluster_id.split("/")
    options: dict[str, Any] = {
        "base_url": arcway.stack.azure["endpoint"],
        "credential_scopes": [f"{arcway.stack.azure['endpoint']}/.default"],
        "connection_verify": arcway.stack.azure["caFile"],
        "polling_interval": 0,
    }
    credential: Any = StaticToken(flux.token())
    with KubernetesConfigurationFluxConfigurationsMgmtClient(credential, subscription, **options) as official:
        operations = official.flux_configurations
        address = (group, "Microsoft.Kubernetes", "connectedClusters", name, "config")
        body: Any = {"properties": flux.content()}
        created = operations.begin_create_or_update(*address, body).result()
        assert created.properties
        assert created.properties.provisioning_state == "Succeeded"
        patch: Any = {"properties": {"suspend": True}}
        updated = operations.begin_update(*address, patch).result()
        assert updated.properties
        assert updated.properties.suspend is True
        operations.begin_delete(*address).result()
        with pytest.raises(ResourceNotFoundError):
            operations.get(*address)


def test_suspended_configuration_is_not_reconciled(flux: Flux) -> None:
    flux.install()
    flux.put(suspend=True)
    flux.comply("Suspended")
    assert flux.applied() == set()
    assert flux.cluster.get(f"{_KUSTOMIZATIONS}/config-apps")["spec"]["suspend"] is True
    flux.send("PATCH", flux.id, {"properties": {"suspend": False}})
    flux.comply()
    assert flux.applied() == {"config-apps", "config-infra"}


def test_key_pair_is_made_for_a_repository_over_ssh(flux: Flux) -> None:
    flux.install()
    flux.put({"url": "git@git.example:fleet"})
    key = flux.comply()["repositoryPublicKey"]
    assert key.startswith("ssh-rsa ")
    flux.put({"url": "ssh://git@git.example/fleet", "repositoryRef": {"tag": "v1"}})
    assert flux.comply()["repositoryPublicKey"] == key
    assert flux.read()["sourceSyncedCommitId"].startswith("v1/")
    protected = {"sshPrivateKey": KEY}
    flux.put({"url": "git@git.example:fleet"}, configurationProtectedSettings=protected)
    assert flux.comply()["repositoryPublicKey"] == ""
    secret = flux.cluster.get("/api/v1/namespaces/fleet/secrets/config-auth")["data"]
    assert base64.b64decode(secret["identity"]) == b"hidden"
    config = flux.cluster.get(f"{_FLUX_CONFIGS}/config")
    source = flux.cluster.get(f"{_SOURCES}/gitrepositories/config")
    assert source["spec"]["secretRef"] == {"name": "config-auth"}
    for document in (config, source, flux.read()):
        assert KEY not in str(document)
        assert "hidden" not in str(document)


def test_local_secret_is_waited_for(flux: Flux) -> None:
    flux.install()
    flux.put({"url": "ssh://git@git.example/fleet", "localAuthRef": "own"})
    properties = flux.comply("Non-Compliant")
    assert properties["repositoryPublicKey"] == ""
    (condition,) = properties["statuses"][0]["statusConditions"]
    assert (condition["reason"], "not found" in condition["message"]) == ("AuthenticationFailed", True)
    body = {"metadata": {"name": "own"}, "stringData": {"identity": "x"}}
    assert flux.cluster.send("POST", "/api/v1/namespaces/fleet/secrets", body) == 201
    flux.comply()
    assert "own" in flux.names("/api/v1/namespaces/fleet/secrets")


def test_changed_configuration_removes_what_it_no_longer_has(flux: Flux) -> None:
    flux.install()
    flux.put()
    flux.comply()
    changes: Json = {
        "sourceKind": "Bucket",
        "gitRepository": None,
        "bucket": {"url": "https://store.example", "bucketName": "fleet"},
        "kustomizations": {"apps": None, "infra": {"dependsOn": []}},
    }
    flux.send("PATCH", flux.id, {"properties": changes})
    statuses = flux.comply()["statuses"]
    assert [item["kind"] for item in statuses] == ["Bucket", "Kustomization"]
    assert flux.objects() == {
        "buckets/config",
        "kustomizations/config-infra",
        "fluxconfigs/config",
        "configmaps/config-infra",
    }


def test_cluster_deleted_in_azure_leaves_everything_behind(flux: Flux, arcway: Arcway) -> None:
    flux.install()
    flux.put()
    flux.comply()
    flux.azure.put("paces", {"deletion": {"reads": 100_000}})
    assert arcway.arm("DELETE", flux.cluster_id).status_code == 202
    assert (flux.status(flux.id), flux.status(flux.extension)) == (404, 404)
    # The agents' request that is open gets its answer: they must not take it for a wish to remove everything.
    flux.order({"pending": True})
    flux.cluster.wait_until(flux.neighbour_started("first"))
    assert flux.objects() == ALL
    flux.azure.put("paces", {"deletion": {"reads": 0}})
    assert arcway.arm("DELETE", flux.cluster_id).status_code == 202
    flux.cluster.wait_until(lambda: arcway.resource(flux.cluster) is None)
    flux.order({})
    flux.cluster.wait_until(flux.neighbour_started("neighbour"))
    assert flux.objects() == ALL
    items = flux.cluster.get("/apis/apps/v1/namespaces/flux-system/deployments")["items"]
    assert {"source-controller", "kustomize-controller"} < {item["metadata"]["name"] for item in items}


def test_policy_extension_refuses_a_gatekeeper_of_its_own(flux: Flux) -> None:
    names = {"plural": "constrainttemplates", "singular": "constrainttemplate", "kind": "ConstraintTemplate"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    name = "constrainttemplates.templates.gatekeeper.sh"
    spec = {"group": "templates.gatekeeper.sh", "scope": "Cluster", "names": names, "versions": [version]}
    definition = {"metadata": {"name": name}, "spec": spec}
    assert flux.cluster.send("POST", _DEFINITIONS, definition) == 201
    url = flux.extension.replace("/flux", "/azurepolicy")
    policy = {
        "identity": {"type": "SystemAssigned"},
        "properties": {"extensionType": "Microsoft.PolicyInsights"},
    }
    flux.send("PUT", url, policy)
    (status,) = flux.wait_for(url, "provisioningState", "Failed")["statuses"]
    assert "exists and cannot be imported into the current release" in status["message"]
    assert 'missing key "app.kubernetes.io/managed-by"' in status["message"]
    assert "gatekeeper-system" not in flux.names("/api/v1/namespaces")
    assert flux.cluster.send("DELETE", f"{_DEFINITIONS}/{name}", None) == 200
    flux.cluster.wait_until(lambda: name not in flux.names(_DEFINITIONS))
    created = flux.send("PUT", url, policy)
    assert created["identity"]["principalId"]
    properties = flux.wait_for(url, "provisioningState", "Succeeded")
    assert properties["scope"] == {"cluster": {"releaseNamespace": "kube-system"}}
    items = flux.cluster.get("/apis/apps/v1/deployments")["items"]
    assert {("kube-system", "azure-policy"), ("gatekeeper-system", "gatekeeper-audit")} < {
        (item["metadata"]["namespace"], item["metadata"]["name"]) for item in items
    }
    assert ("gatekeeper-system", "gatekeeper-controller") in {
        (item["metadata"]["namespace"], item["metadata"]["name"]) for item in items
    }
