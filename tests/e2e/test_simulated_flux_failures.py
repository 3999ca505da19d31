"""Flux configurations that do not comply, are held up, or lose what acts on them."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Arcway, Control, SimulatedCluster
from tests.e2e.simulated_flux import ALL, KUSTOMIZATIONS, SOURCES, Flux, flux_of


@pytest.fixture
def flux(arcway: Arcway, cluster: SimulatedCluster, azure: Control) -> Iterator[Flux]:
    with flux_of(arcway, cluster, azure) as prepared:
        yield prepared


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
    held = flux.cluster.get(f"{KUSTOMIZATIONS}/config-apps")["metadata"]
    assert held["finalizers"] == ["finalizers.fluxcd.io"]
    flux.send("DELETE", flux.id)
    flux.cluster.wait_until(flux.neighbour_started("neighbour"))
    assert flux.read()["provisioningState"] == "Deleting"
    # The controllers of a new release finish what the old ones left.
    flux.install()
    flux.cluster.wait_until(lambda: flux.status(flux.id) == 404)
    assert flux.names(KUSTOMIZATIONS) == set()


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
    ready = flux.cluster.get(f"{SOURCES}/gitrepositories/config")["status"]["conditions"][0]
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
