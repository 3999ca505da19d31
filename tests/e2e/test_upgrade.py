"""Upgrading the agents: all or nothing, across the change in how they get their key, never against their own will."""

import time

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from tests.e2e.conftest import Arcway, SimulatedCluster, phase
from tests.e2e.test_half_finished_worlds import connected
from tests.e2e.test_key_delivery import CURRENT, OLD, key, release
from tests.e2e.test_update import body, change, values, writes

_DEPLOYMENTS = "/apis/apps/v1/namespaces/azure-arc/deployments"
_SECONDS = 240


def old_agents(arcway: Arcway, cluster: SimulatedCluster) -> None:
    """A connected cluster with old agents that do not upgrade themselves, and a value that a user gave them."""
    connected(arcway.connect(cluster, agents={"version": OLD, "autoUpgrade": False}))


def wait_until_ready(cluster: SimulatedCluster) -> None:
    """Until every agent is Ready in its latest form."""

    def ready(item: Json) -> bool:
        status = item["status"]
        return bool(
            status.get("observedGeneration") == item["metadata"]["generation"]
            and status.get("replicas") == status.get("updatedReplicas") == status.get("readyReplicas") == 1
        )

    deadline = time.monotonic() + _SECONDS
    while not all(map(ready, cluster.get(_DEPLOYMENTS)["items"])):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_upgrade_to_the_newest_version_takes_the_key_along(arcway: Arcway, cluster: SimulatedCluster) -> None:
    old_agents(arcway, cluster)
    key_before, count = key(cluster), len(writes(arcway))
    run = change(arcway, cluster, "upgrades")
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert [item["name"] for item in run["phases"]] == [
        "checkCluster",
        "upgradeAgents",
        "waitForMetadata",
        "publishResult",
    ]
    properties = run["result"]["properties"]
    assert (properties["agentVersion"], properties["connectivityStatus"]) == (CURRENT, "Connected")
    assert key(cluster) == key_before
    assert values(cluster)["global"].get("onboardingPrivateKey") is None
    assert "name: azure-arc-connect-privatekey" not in release(cluster)["manifest"]
    assert len(writes(arcway)) == count
    revisions = cluster.revisions()
    second_run = change(arcway, cluster, "upgrades", agentVersion=CURRENT)
    assert (second_run["state"], second_run["changed"]) == ("Succeeded", False), second_run["error"]
    assert second_run["result"]["properties"]["agentVersion"] == CURRENT
    assert "already" in phase(second_run, "upgradeAgents")["detail"]
    assert cluster.revisions() == revisions
    refused = change(arcway, cluster, "upgrades", agentVersion=OLD)
    assert (refused["error"]["code"], refused["changed"]) == (Code.AGENTS_NEWER_THAN_REQUESTED, False)


def test_agents_that_upgrade_themselves_are_not_upgraded(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster, agents={"version": OLD}))
    run = change(arcway, cluster, "upgrades")
    assert (run["state"], run["error"]["code"], run["changed"]) == ("Failed", Code.AUTO_UPGRADE_ON, False)
    assert "arcway update --auto-upgrade false" in run["error"]["remedy"]
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]
    assert change(arcway, cluster, autoUpgrade=False)["state"] == "Succeeded"
    run = change(arcway, cluster, "upgrades")
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]


def test_a_failed_upgrade_leaves_the_old_agents_running(arcway: Arcway, cluster: SimulatedCluster) -> None:
    old_agents(arcway, cluster)
    key_before, helm_values = key(cluster), values(cluster)
    cluster.control("PUT", "behaviour", {"pods": [{"outcome": "imagePull", "namePrefix": "metrics-agent"}]})
    run = change(arcway, cluster, "upgrades", agentVersion=CURRENT, failFast=True)
    assert (run["state"], run["error"]["code"], run["error"]["phase"]) == (
        "Failed",
        Code.IMAGE_PULL_FAILED,
        "upgradeAgents",
    )
    assert describe_all(run["leftovers"]) == [f"agents {OLD}, as before"]
    cluster.control("PUT", "behaviour", {"pods": []})
    wait_until_ready(cluster)
    images = [item["spec"]["template"]["spec"]["containers"][0]["image"] for item in cluster.get(_DEPLOYMENTS)["items"]]
    assert {image.rpartition(":")[2] for image in images} == {OLD}
    assert (key(cluster), values(cluster)) == (key_before, helm_values)
    assert release(cluster)["info"]["status"] == "deployed"
    run = arcway.finish(arcway.http.post(f"/runs/{run['id']}/retry").json()["id"])
    assert (run["state"], run["result"]["properties"]["agentVersion"]) == ("Succeeded", CURRENT), run["error"]
    assert key(cluster) == key_before


def test_an_upgrade_repairs_agents_that_fail(arcway: Arcway, cluster: SimulatedCluster) -> None:
    old_agents(arcway, cluster)
    cluster.control("PUT", "behaviour", {"pods": [{"outcome": "imagePull", "namePrefix": "metrics-agent"}]})
    pods = "/api/v1/namespaces/azure-arc/pods?labelSelector=app.kubernetes.io/component=metrics-agent"
    (running,) = cluster.get(pods)["items"]
    cluster.send("DELETE", f"/api/v1/namespaces/azure-arc/pods/{running['metadata']['name']}", None)
    deadline = time.monotonic() + _SECONDS
    while "ImagePullBackOff" not in str(cluster.get(pods)["items"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    cluster.control("PUT", "behaviour", {"pods": []})
    run = change(arcway, cluster, "upgrades")
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]


def test_a_canceled_upgrade_is_rolled_back(arcway: Arcway, cluster: SimulatedCluster) -> None:
    old_agents(arcway, cluster)
    cluster.control("PUT", "behaviour", {"readiness": {"mode": "seconds", "value": 600}})
    run_id = arcway.http.post("/upgrades", json=body(arcway, cluster)).json()["id"]
    arcway.wait_until(run_id, lambda run: phase(run, "upgradeAgents")["state"] == "Waiting")
    arcway.http.post(f"/runs/{run_id}/cancel").raise_for_status()
    run = arcway.finish(run_id)
    assert (run["state"], describe_all(run["leftovers"])) == ("Canceled", [f"agents {OLD}, as before"])
    assert release(cluster)["chart"]["metadata"]["version"] == OLD


def test_a_version_that_is_not_in_the_registry_changes_nothing(arcway: Arcway, cluster: SimulatedCluster) -> None:
    old_agents(arcway, cluster)
    run = change(arcway, cluster, "upgrades", agentVersion="9.9.9")
    assert (run["state"], run["error"]["code"], run["changed"], run["leftovers"]) == (
        "Failed",
        Code.CHART_UNAVAILABLE,
        False,
        [],
    )
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]


def test_a_dry_run_tells_what_would_be_upgraded(arcway: Arcway, cluster: SimulatedCluster) -> None:
    old_agents(arcway, cluster)
    run = arcway.http.post("/upgrades", json=body(arcway, cluster), params={"dryRun": "true"}).json()
    assert (run["state"], run["changed"]) == ("Succeeded", False)
    assert run["result"]["plan"] == [f"upgrade release azure-arc from {OLD} to {CURRENT}"]
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]
