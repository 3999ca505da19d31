"""States that Azure's answers have are read before anything is installed, and one look of Azure is not the truth."""

import re
import uuid
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, SimulatedCluster, phase
from tests.e2e.test_half_finished_worlds import connected, delete_resource


def resource_id(arcway: Arcway, cluster: SimulatedCluster) -> str:
    """The id that the cluster's connected cluster has or would have."""
    return ClusterId(arcway.subscription, "clusters", f"c-{cluster.name}").resource_id


def refused(arcway: Arcway, cluster: SimulatedCluster, **changes: Any) -> Json:
    """The error of a connect that must fail before anything is in the cluster."""
    objects_before = cluster.objects()
    run = arcway.connect(cluster, **changes)
    assert run["state"] == "Failed"
    assert cluster.objects() == objects_before
    assert run["leftovers"] == []
    error: Json = run["error"]
    return error


def group(arcway: Arcway) -> str:
    """The id of the resource group, made by another client."""
    place = f"/subscriptions/{arcway.subscription}/resourceGroups/clusters"
    response = arcway.arm("PUT", place, {"location": "eastus"}, "2024-11-01")
    assert response.status_code == 201, response.text
    return place


def not_there(path: str, times: int = 1) -> Json:
    """A fault: Azure does not show what is there."""
    return {"path": path, "method": "GET", "times": times, "status": 404, "code": "ResourceNotFound", "message": "gone"}


def test_a_connected_cluster_in_another_location_is_reported(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    run = arcway.connect(cluster, location="westeurope")
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.LOCATION_MISMATCH)
    assert "eastus" in run["error"]["message"]
    assert run["changed"] is False


@pytest.mark.parametrize("state", ["Disabled", "Warned", "Deleted"])
def test_a_subscription_that_is_not_enabled_is_reported(arcway: Arcway, cluster: SimulatedCluster, state: str) -> None:
    arcway.azure.put(f"subscriptions/{arcway.subscription}", {"state": state})
    error = refused(arcway, cluster)
    assert error["code"] == Code.SUBSCRIPTION_DISABLED
    assert state in error["message"]


def test_a_subscription_that_soon_will_not_be_enabled_is_a_warning(arcway: Arcway, cluster: SimulatedCluster) -> None:
    arcway.azure.put(f"subscriptions/{arcway.subscription}", {"state": "PastDue"})
    run = arcway.connect(cluster)
    connected(run)
    assert [(item["code"], item["level"]) for item in run["findings"]] == [(Code.SUBSCRIPTION_DISABLED, "warning")]


def test_a_resource_group_that_is_being_deleted_is_reported(arcway: Arcway, cluster: SimulatedCluster) -> None:
    group(arcway)
    arcway.azure.put(f"groups/{arcway.subscription}/clusters", {})
    assert refused(arcway, cluster)["code"] == Code.RESOURCE_GROUP_DELETING


def test_an_expired_cluster_is_disconnected_and_connected_again(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    arcway.azure.put("clusters", {resource_id(arcway, cluster): {"connectivityStatus": "Expired"}})
    run = arcway.connect(cluster)
    assert (run["state"], run["error"]["code"], run["changed"]) == ("Failed", Code.CONNECTED_CLUSTER_EXPIRED, False)
    assert "arcway disconnect" in run["error"]["remedy"]
    assert arcway.disconnect(cluster)["state"] == "Succeeded"
    connected(arcway.connect(cluster))


def test_a_connected_cluster_that_is_being_deleted_is_waited_for(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    old = arcway.resource(cluster)
    assert old
    state = {"provisioningState": "Deleting", "gone": {"reads": 12, "seconds": 0}}
    arcway.azure.put("clusters", {resource_id(arcway, cluster): state})
    run = arcway.connect(cluster)
    connected(run)
    assert (Code.CONNECTED_CLUSTER_DELETING, "info") in [(item["code"], item["level"]) for item in run["findings"]]
    new = arcway.resource(cluster)
    assert new
    assert new["systemData"]["createdAt"] > old["systemData"]["createdAt"]


def test_a_namespace_that_stops_registering_is_asked_again(arcway: Arcway, cluster: SimulatedCluster) -> None:
    arcway.azure.put("paces", {"registration": {"reads": 0, "seconds": 2}})
    arcway.azure.put(f"providers/{arcway.subscription}/Microsoft.Kubernetes", {"state": "Unregistering"})
    started = arcway.start(arcway.request(cluster)).json()["id"]
    waiting = "Microsoft.Kubernetes is Unregistering"
    run = arcway.wait_until(started, lambda run: waiting in (phase(run, "pollRegistration")["detail"] or ""))
    assert "Microsoft.Kubernetes," not in phase(run, "registerProviders")["detail"]
    connected(arcway.finish(started))
    assert len(arcway.asked("providers/Microsoft.Kubernetes/register")) == 1


def test_one_404_after_our_own_write_is_not_believed(arcway: Arcway, cluster: SimulatedCluster) -> None:
    path = f"connectedClusters/c-{cluster.name}$"
    arcway.azure.put("paces", {"connection": {"reads": 0, "seconds": 1}})
    started = arcway.start(arcway.request(cluster)).json()["id"]
    arcway.wait_until(started, lambda run: run["phase"] == "waitForMetadata" or run["state"] != "Running", 0.01)
    arcway.azure.put("faults", [not_there(path)])
    arcway.patience = 240
    run = arcway.finish(started)
    connected(run)
    assert run["findings"] == []


def test_a_404_before_a_deletion_is_read_again(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    arcway.azure.put("faults", [not_there(f"connectedClusters/c-{cluster.name}$", times=2)])
    run = arcway.disconnect(cluster)
    assert (run["state"], run["result"]["resource"], run["leftovers"]) == ("Succeeded", "deleted", []), run["error"]
    arcway.azure.put("faults", [])
    assert arcway.resource(cluster) is None


def test_agents_of_a_cluster_that_one_look_does_not_show_are_not_taken_over(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    connected(arcway.connect(cluster))
    name = f"other-{uuid.uuid4().hex[:8]}"
    arcway.azure.put("faults", [not_there(f"connectedClusters/c-{cluster.name}$")])
    run = arcway.connect(cluster, name=name)
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER), run["error"]
    assert arcway.resource(cluster)


def test_agents_of_a_cluster_that_is_gone_are_taken_over(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    delete_resource(arcway, cluster)
    run = arcway.connect(cluster, name=f"other-{uuid.uuid4().hex[:8]}")
    assert run["state"] == "Succeeded", run["error"]
    assert (Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER, "info") in [
        (item["code"], item["level"]) for item in run["findings"]
    ]


@pytest.mark.parametrize("header", ["seconds", "date"])
def test_azure_is_waited_for_longer_than_the_phase_and_visibly(
    arcway: Arcway, cluster: SimulatedCluster, header: str
) -> None:
    fault: Json = {"path": f"subscriptions/{arcway.subscription}$", "method": "GET", "times": 1, "status": 429}
    fault |= {"code": "TooManyRequests", "message": "slow"}
    request_body = {"headers": {"Retry-After": "372"}} if header == "seconds" else {"retryAfterDate": 372}
    arcway.azure.put("faults", [{**fault, **request_body}])
    started = arcway.start(arcway.request(cluster)).json()["id"]
    run = arcway.wait_until(
        started, lambda run: phase(run, "checkCluster")["state"] == "Retrying" or bool(run["error"])
    )
    waiting = phase(run, "checkCluster")
    assert (run["state"], waiting["state"]) == ("Running", "Retrying"), run["error"]
    assert waiting["error"]["code"] == Code.AZURE_THROTTLED
    assert re.match(r"[0-9-]+T", waiting["nextAttemptAt"])
    assert arcway.http.post(f"/runs/{started}/cancel").status_code == 202
    assert arcway.finish(started)["state"] == "Canceled"


@pytest.mark.parametrize(
    ("guards", "code", "expected_text"),
    [
        (
            {
                "policies": [
                    {
                        "name": "must-have-owner",
                        "types": ["Microsoft.Kubernetes/connectedClusters"],
                        "requiredTags": ["owner"],
                    }
                ]
            },
            Code.AZURE_POLICY_DENIED,
            "must-have-owner",
        ),
        ({"locks": [{"level": "ReadOnly"}]}, Code.RESOURCE_LOCKED, "lock"),
        (
            {"denyAssignments": [{"name": "stack", "actions": ["Microsoft.Kubernetes/*/write"]}]},
            Code.DENY_ASSIGNMENT,
            "deny",
        ),
    ],
    ids=["policy", "lock", "deny assignment"],
)
def test_the_remedy_is_that_of_the_cause(
    arcway: Arcway, cluster: SimulatedCluster, guards: Json, code: str, expected_text: str
) -> None:
    place = group(arcway)
    fields = {kind: [{**item, "scope": place} for item in items] for kind, items in guards.items()}
    arcway.azure.put("guards", {"locks": [], "denyAssignments": [], "policies": [], **fields})
    run = arcway.connect(cluster, onFailure="rollback")
    assert (run["state"], run["error"]["code"]) == ("Failed", code), run["error"]
    assert expected_text in run["error"]["message"].lower()
    assert "Assign Arcway's identity the role" not in run["error"]["remedy"]


def test_a_change_that_azure_answers_with_an_address_to_follow_is_followed(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    connected(arcway.connect(cluster))
    arcway.azure.put("patches", {"asynchronous": True})
    try:
        body = arcway.offboarding(cluster, kubeconfig=None, tags={"cost": "42"})
        run = arcway.finish(arcway.http.post("/updates", json=body).json()["id"])
    finally:
        arcway.azure.put("patches", {"asynchronous": False})
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]
    assert run["result"]["tags"] == {"cost": "42"}
    requests = arcway.azure.http.get("/control/requests").json()
    assert [item["status"] for item in requests if "/operationresults/" in item["path"].lower()][-1] == 200
