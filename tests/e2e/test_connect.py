"""Connecting a cluster, from the request to Connected."""

from typing import Any

import httpx
import pytest

from arcway.domain.codes import Code
from arcway.domain.ids import ClusterId
from arcway.domain.leftovers import describe_all
from arcway.domain.phases import AGENTS_FIRST, RESOURCE_FIRST
from tests.e2e.conftest import Arcway, Control, SimulatedCluster, phase

KEY_PAIR = "Secret azure-arc-connect-privatekey in namespace azure-arc"
ARTICLE_FIELDS = {
    "agentPublicKeyCertificate",
    "agentVersion",
    "connectivityStatus",
    "distribution",
    "infrastructure",
    "kubernetesVersion",
    "lastConnectivityTime",
    "managedIdentityCertificateExpirationTime",
    "offering",
    "provisioningState",
    "totalCoreCount",
    "totalNodeCount",
}


@pytest.mark.parametrize(("order", "phases"), [("agents-first", AGENTS_FIRST), ("resource-first", RESOURCE_FIRST)])
def test_a_cluster_becomes_connected_in_either_order(
    arcway: Arcway, cluster: SimulatedCluster, order: str, phases: tuple[str, ...]
) -> None:
    run = arcway.connect(cluster, order=order, tags={"team": "shop"})
    assert run["state"] == "Succeeded"
    assert run["changed"] is True
    assert [item["name"] for item in run["phases"]] == list(phases)
    assert {item["state"] for item in run["phases"]} == {"Succeeded"}
    properties = run["result"]["properties"]
    assert properties.keys() >= ARTICLE_FIELDS
    assert properties["connectivityStatus"] == "Connected"
    assert (properties["distribution"], properties["totalNodeCount"]) == ("kind", 2)
    assert len(properties["agentPublicKeyCertificate"]) == 704
    assert run["result"]["tags"] == {"team": "shop"}
    started = [item["startedAt"] for item in run["phases"]]
    assert started == sorted(started)
    # The simulated Azure's metadata name itself as Microsoft Graph; every version of that begins with v1.0 or beta.
    requests = {item["path"].split("/")[1].lower() for item in arcway.azure.http.get("/control/requests").json()}
    assert "subscriptions" in requests
    assert not requests & {"v1.0", "beta"}


def test_connecting_again_changes_nothing(arcway: Arcway, cluster: SimulatedCluster) -> None:
    assert arcway.connect(cluster)["changed"] is True
    objects, writes = cluster.objects(), len([item for item in arcway.asked("/") if item["method"] == "PUT"])
    run = arcway.connect(cluster)
    assert (run["state"], run["changed"]) == ("Succeeded", False)
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]
    assert cluster.objects() == objects
    assert len([item for item in arcway.asked("/") if item["method"] == "PUT"]) == writes


def test_the_data_planes_settings_reach_the_agents(arcway: Arcway, azure: Control, cluster: SimulatedCluster) -> None:
    azure.put("settings", {"global.noProxy": "10.0.0.0/8,.svc"})
    run = arcway.connect(cluster)
    assert run["state"] == "Succeeded"
    assert "changed 1 setting" in phase(run, "configureAgents")["detail"]
    assert len(cluster.revisions()) == 2
    second_run = arcway.connect(cluster)
    assert (second_run["changed"], len(cluster.revisions())) == (False, 2)


def test_providers_are_registered_and_waited_for(arcway: Arcway, azure: Control, cluster: SimulatedCluster) -> None:
    azure.put("paces", {"registration": {"seconds": 1}})
    answer = arcway.start(arcway.request(cluster))
    waiting = arcway.wait_until(answer.json()["id"], lambda run: phase(run, "pollRegistration")["state"] == "Waiting")
    assert "Microsoft.Kubernetes is Registering" in phase(waiting, "pollRegistration")["detail"]
    assert phase(waiting, "pollRegistration")["nextAttemptAt"] > waiting["updatedAt"]
    assert arcway.finish(answer.json()["id"])["state"] == "Succeeded"
    requests = [item for item in arcway.asked("/register") if item["method"] == "POST"]
    assert len(requests) == 2


def test_provisioning_is_followed_as_long_as_azure_asks(
    arcway: Arcway, azure: Control, cluster: SimulatedCluster
) -> None:
    azure.put("paces", {"provisioning": {"reads": 3}})
    azure.put("retry-after", {"seconds": 1})
    run = arcway.connect(cluster)
    assert run["state"] == "Succeeded"
    assert phase(run, "createResource")["attempts"] >= 3


def test_a_slow_azure_is_given_its_retry_after(arcway: Arcway, azure: Control, cluster: SimulatedCluster) -> None:
    path = f"/subscriptions/{arcway.subscription}/.*connectedClusters/"
    azure.put("faults", [{"path": path, "method": "PUT", "status": 429, "headers": {"Retry-After": "2"}}])
    answer = arcway.start(arcway.request(cluster))
    observed_run = arcway.wait_until(
        answer.json()["id"], lambda run: phase(run, "createResource")["state"] == "Retrying"
    )
    assert phase(observed_run, "createResource")["error"]["code"] == Code.AZURE_THROTTLED
    assert arcway.finish(answer.json()["id"])["state"] == "Succeeded"
    puts = [item["time"] for item in arcway.asked("connectedClusters/") if item["method"] == "PUT"]
    assert len(puts) == 2
    first, second = puts
    assert _seconds(second) - _seconds(first) >= 2


def test_a_failed_image_pull_ends_a_run_that_is_to_fail_fast_and_says_what_is_left(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    cluster.control("PUT", "behaviour", {"pods": [{"outcome": "imagePull", "namePrefix": "metrics-agent"}]})
    run = arcway.connect(cluster, failFast=True)
    assert run["state"] == "Failed"
    assert (run["error"]["code"], run["error"]["phase"]) == (Code.IMAGE_PULL_FAILED, "deployAgents")
    assert "metrics-agent" in run["error"]["message"]
    assert describe_all(run["leftovers"]) == [
        KEY_PAIR,
        "release azure-arc",
    ]
    assert arcway.resource(cluster) is None


def test_transient_problems_are_waited_for_with_their_reason(arcway: Arcway, cluster: SimulatedCluster) -> None:
    cluster.control("PUT", "behaviour", {"pods": [{"outcome": "imagePull", "namePrefix": "metrics-agent"}]})
    run_id = arcway.start(arcway.request(cluster)).json()["id"]

    def tells(run: dict[str, Any]) -> bool:
        deploying = next(item for item in run["phases"] if item["name"] == "deployAgents")
        return deploying["state"] == "Waiting" and "ImagePullBackOff" in (deploying["detail"] or "")

    arcway.wait_until(run_id, tells)
    cluster.control("PUT", "behaviour", {"pods": []})
    for pod in cluster.get("/api/v1/namespaces/azure-arc/pods")["items"]:
        cluster.send("DELETE", f"/api/v1/namespaces/azure-arc/pods/{pod['metadata']['name']}", None)
    run = arcway.finish(run_id)
    assert run["state"] == "Succeeded", run["error"]


def test_a_rollback_leaves_nothing_behind(arcway: Arcway, azure: Control, cluster: SimulatedCluster) -> None:
    objects_before = cluster.objects()
    resource = ClusterId(arcway.subscription, "clusters", f"c-{cluster.name}").resource_id
    azure.put("provisioning-failures", {resource: {"code": "Broken", "message": "The back end is on fire."}})
    run = arcway.connect(cluster, onFailure="rollback")
    assert run["state"] == "Failed"
    assert run["error"]["code"] == Code.PROVISIONING_FAILED
    assert "on fire" in run["error"]["message"]
    assert run["leftovers"] == []
    assert phase(run, "createResource")["state"] == "Failed"
    assert arcway.resource(cluster) is None
    assert cluster.objects() == objects_before


def test_agents_of_another_connected_cluster_are_left_alone(arcway: Arcway, cluster: SimulatedCluster) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    objects = cluster.objects()
    run = arcway.connect(cluster, resourceGroup="elsewhere")
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER)
    assert "/resourceGroups/clusters/" in run["error"]["message"]
    assert cluster.objects() == objects


def test_a_run_can_be_canceled_while_it_waits(arcway: Arcway, azure: Control, cluster: SimulatedCluster) -> None:
    azure.put("paces", {"connection": {"seconds": 600}})
    run_id = arcway.start(arcway.request(cluster)).json()["id"]
    arcway.wait_until(run_id, lambda run: phase(run, "waitForMetadata")["state"] == "Waiting")
    assert arcway.http.post(f"/runs/{run_id}/cancel").status_code == 202
    run = arcway.finish(run_id)
    assert (run["state"], phase(run, "waitForMetadata")["state"]) == ("Canceled", "Canceled")
    created = [
        KEY_PAIR,
        "release azure-arc",
        f"connected cluster c-{cluster.name}",
    ]
    assert describe_all(run["leftovers"]) == created
    assert arcway.http.post(f"/runs/{run_id}/cancel").status_code == 200


def test_termination_and_suspension_from_outside_show(
    arcway: Arcway, azure: Control, cluster: SimulatedCluster
) -> None:
    azure.put("paces", {"connection": {"seconds": 600}})
    run_id = arcway.start(arcway.request(cluster)).json()["id"]
    arcway.wait_until(run_id, lambda run: phase(run, "waitForMetadata")["state"] == "Waiting")
    instance = f"{arcway.stack.url}/runtime/webhooks/durabletask/instances/{run_id.partition('.')[0]}"
    assert httpx.post(f"{instance}/suspend?reason=x", headers=arcway.management_key).status_code == 202
    suspended = arcway.wait_until(
        run_id, lambda run: phase(run, "waitForMetadata")["detail"] == "suspended by an operator"
    )
    assert suspended["state"] == "Running"
    assert httpx.post(f"{instance}/terminate?reason=x", headers=arcway.management_key).status_code == 202
    run = arcway.finish(run_id)
    assert (run["state"], run["error"]["code"], run["error"]["phase"]) == (
        "Canceled",
        Code.RUN_TERMINATED,
        "waitForMetadata",
    )
    created = [KEY_PAIR, "release azure-arc", f"connected cluster c-{cluster.name}"]
    assert describe_all(run["leftovers"]) == [*created, "lease arcway"]


def test_a_failed_run_can_be_gone_on_with(arcway: Arcway, cluster: SimulatedCluster) -> None:
    cluster.control("PUT", "behaviour", {"pods": [{"outcome": "imagePull", "namePrefix": "metrics-agent"}]})
    failed = arcway.connect(cluster, failFast=True)
    assert failed["state"] == "Failed"
    cluster.control("PUT", "behaviour", {"pods": []})
    for pod in cluster.get("/api/v1/namespaces/azure-arc/pods")["items"]:
        cluster.send("DELETE", f"/api/v1/namespaces/azure-arc/pods/{pod['metadata']['name']}", None)
    answer = arcway.http.post(f"/runs/{failed['id']}/retry")
    assert answer.status_code == 202
    run = arcway.finish(answer.json()["id"])
    assert (run["state"], run["id"] != failed["id"]) == ("Succeeded", True)
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]
    second_response = arcway.http.post(f"/runs/{run['id']}/retry")
    assert (second_response.status_code, second_response.json()["id"]) == (200, run["id"])


def _seconds(message: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(message).timestamp()
