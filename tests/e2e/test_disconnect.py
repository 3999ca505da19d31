"""Disconnecting: nothing is left, each half works alone, twice is a success, other people's agents are not touched."""

import json
import uuid
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all, leftover
from tests.e2e.conftest import Arcway, Control, SimulatedCluster, phase
from tests.e2e.test_half_finished_worlds import connected, delete_resource, set_status

_NAMESPACE = "/api/v1/namespaces/azure-arc"
_INSTANCES = "/apis/clusterconfig.azure.com/v1beta1/namespaces/azure-arc/gitconfigs"


def held(arcway: Arcway, cluster: SimulatedCluster) -> None:
    """Agents that leave objects with a finalizer whose controller is gone: an instance of a CRD, and another."""
    connected(arcway.connect(cluster))
    metadata: Json = {"name": "held", "namespace": "azure-arc", "finalizers": ["example.com/never"]}
    instance = {"apiVersion": "clusterconfig.azure.com/v1beta1", "kind": "GitConfig", "metadata": metadata}
    assert cluster.send("POST", _INSTANCES, instance) == 201
    second = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    assert cluster.send("POST", f"{_NAMESPACE}/configmaps", second) == 201


def test_a_disconnect_leaves_the_lists_of_objects_as_they_were(arcway: Arcway, cluster: SimulatedCluster) -> None:
    objects_before = cluster.objects()
    connected(arcway.connect(cluster))
    run = arcway.disconnect(cluster)
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert (run["result"]["resource"], run["result"]["agents"]) == ("deleted", "removed")
    assert [item["name"] for item in run["phases"]] == [
        "checkCluster",
        "deleteExtensions",
        "deleteResource",
        "uninstallAgents",
        "publishResult",
    ]
    assert arcway.resource(cluster) is None
    assert cluster.objects() == objects_before


def test_twice_is_a_success_that_changes_nothing(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    assert arcway.disconnect(cluster)["changed"] is True
    run = arcway.disconnect(cluster)
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", False, []), run["error"]
    assert (run["result"]["resource"], run["result"]["agents"]) == ("absent", "absent")


def test_source_control_configurations_go_with_the_resource(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    resource = arcway.resource(cluster)
    assert resource
    configuration = f"{resource['id']}/providers/Microsoft.KubernetesConfiguration/sourceControlConfigurations/flux"
    body: Json = {"properties": {"repositoryUrl": "https://example.com/repository.git"}}
    assert arcway.arm("PUT", configuration, body).status_code == 201
    assert arcway.arm("GET", configuration).json()["properties"]["repositoryUrl"] == body["properties"]["repositoryUrl"]
    run = arcway.disconnect(cluster)
    assert (run["state"], run["leftovers"]) == ("Succeeded", []), run["error"]
    assert arcway.arm("GET", configuration).status_code == 404
    # The next cluster of this name starts without.
    connected(arcway.connect(cluster))
    assert arcway.arm("GET", configuration).status_code == 404


def test_a_connect_right_after_a_disconnect_succeeds(arcway: Arcway, cluster: SimulatedCluster) -> None:
    for _ in range(2):
        connected(arcway.connect(cluster))
        assert arcway.disconnect(cluster)["state"] == "Succeeded"
    connected(arcway.connect(cluster))
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]


def test_agents_whose_resource_is_gone_are_removed(arcway: Arcway, cluster: SimulatedCluster) -> None:
    objects_before = cluster.objects()
    connected(arcway.connect(cluster))
    delete_resource(arcway, cluster)
    run = arcway.disconnect(cluster)
    assert (run["state"], run["result"]["resource"], run["result"]["agents"]) == ("Succeeded", "absent", "removed")
    assert cluster.objects() == objects_before


def test_a_dead_cluster_is_removed_from_azure_only(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    objects = cluster.objects()
    dead = cluster.kubeconfig | {}
    server = {**dead["clusters"][0]["cluster"], "server": "https://127.0.0.1:1"}
    dead["clusters"] = [{**dead["clusters"][0], "cluster": server}]
    run = arcway.disconnect(cluster, kubeconfig={"secret": cluster.store(json.dumps(dead))})
    assert (run["state"], run["error"]["code"], run["changed"]) == ("Failed", Code.API_SERVER_UNREACHABLE, False)
    assert "--azure-only" in run["error"]["remedy"]
    assert arcway.resource(cluster)
    run = arcway.disconnect(cluster, azureOnly=True, kubeconfig=None)
    assert (run["state"], run["result"]["resource"], run["result"]["agents"]) == (
        "Succeeded",
        "deleted",
        "not checked",
    )
    assert run["leftovers"] == [leftover("Agents", None, reason="NotChecked")]
    assert "uninstallAgents" not in {item["name"] for item in run["phases"]}
    assert arcway.resource(cluster) is None
    assert cluster.objects() == objects


@pytest.mark.parametrize("force", [False, True])
def test_agents_of_another_resource_are_never_touched(arcway: Arcway, cluster: SimulatedCluster, force: bool) -> None:
    connected(arcway.connect(cluster))
    objects = cluster.objects()
    second = str(uuid.uuid4())
    arcway.azure.put(f"subscriptions/{second}", {})
    for change in ({"subscriptionId": second}, {"resourceGroup": "other"}, {"name": "other"}):
        run = arcway.disconnect(cluster, force=force, **change)
        assert (run["state"], run["error"]["code"], run["changed"]) == (
            "Failed",
            Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER,
            False,
        )
        assert f"/connectedClusters/c-{cluster.name}" in run["error"]["message"]
    assert arcway.resource(cluster)
    assert cluster.objects() == objects


def test_finalizers_of_dead_controllers_are_named_and_force_removes_them(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    objects_before = cluster.objects()
    held(arcway, cluster)
    answer = arcway.http.post("/offboardings", json=arcway.offboarding(cluster))

    def stuck(run: Json) -> bool:
        return "example.com/never" in (phase(run, "uninstallAgents")["detail"] or "")

    observed_run = arcway.wait_until(answer.json()["id"], stuck)
    assert set(describe_all(observed_run["leftovers"])) >= {
        "namespace azure-arc",
        "CRD gitconfigs.clusterconfig.azure.com",
    }
    arcway.http.post(f"/runs/{observed_run['id']}/cancel").raise_for_status()
    ended = arcway.finish(observed_run["id"])
    assert (ended["state"], ended["changed"]) == ("Canceled", True)
    assert set(describe_all(ended["leftovers"])) >= {"namespace azure-arc", "CRD gitconfigs.clusterconfig.azure.com"}
    run = arcway.disconnect(cluster, force=True)
    assert (run["state"], run["leftovers"]) == ("Succeeded", []), run["error"]
    assert cluster.objects() == objects_before


def test_a_connect_after_a_disconnect_that_was_canceled_waits_for_what_is_going(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    held(arcway, cluster)
    run_id = arcway.http.post("/offboardings", json=arcway.offboarding(cluster)).json()["id"]
    arcway.wait_until(run_id, lambda run: phase(run, "uninstallAgents")["state"] == "Waiting")
    arcway.http.post(f"/runs/{run_id}/cancel").raise_for_status()
    arcway.finish(run_id)
    run_id = arcway.start(arcway.request(cluster)).json()["id"]
    observed_run = arcway.wait_until(run_id, lambda run: phase(run, "deployAgents")["state"] == "Waiting")
    assert "CRD gitconfigs.clusterconfig.azure.com" in phase(observed_run, "deployAgents")["detail"]
    for path in (f"{_INSTANCES}/held", f"{_NAMESPACE}/configmaps/held"):
        item = cluster.get(path)
        item["metadata"]["finalizers"] = []
        assert cluster.send("PUT", path, item) == 200
    connected(arcway.finish(run_id))
    definition = cluster.get(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gitconfigs.clusterconfig.azure.com"
    )
    assert "deletionTimestamp" not in definition["metadata"]


@pytest.mark.parametrize("status", ["pending-install", "failed", "uninstalling"])
def test_a_release_in_any_state_is_removed(arcway: Arcway, cluster: SimulatedCluster, status: str) -> None:
    objects_before = cluster.objects()
    connected(arcway.connect(cluster))
    (record,) = cluster.revisions()
    set_status(cluster, record, status)
    run = arcway.disconnect(cluster)
    assert (run["state"], run["leftovers"]) == ("Succeeded", []), run["error"]
    assert cluster.objects() == objects_before


def test_what_a_lost_release_left_is_removed(arcway: Arcway, cluster: SimulatedCluster) -> None:
    objects_before = cluster.objects()
    connected(arcway.connect(cluster))
    for name in ("azure-arc", "azure-arc-release"):
        assert cluster.send("DELETE", f"/api/v1/namespaces/{name}", None) == 200
    assert cluster.objects() - objects_before
    arcway.say(cluster, "Offline")
    run = arcway.disconnect(cluster)
    assert (run["state"], run["leftovers"]) == ("Succeeded", []), run["error"]
    assert cluster.objects() == objects_before


def test_a_resource_without_agents_is_deleted_with_a_warning(arcway: Arcway, cluster: SimulatedCluster) -> None:
    objects_before = cluster.objects()
    connected(arcway.connect(cluster))
    for path, namespace, name in (item.rsplit("/", 2) for item in cluster.objects() - objects_before):
        if not namespace:
            cluster.send("DELETE", f"{path}/{name}", None)
    cluster.wait_for_objects(objects_before)
    arcway.say(cluster, "Offline")
    run = arcway.disconnect(cluster)
    assert (run["state"], run["changed"], run["result"]["agents"]) == ("Succeeded", True, "absent"), run["error"]
    assert [(item["code"], item["level"]) for item in run["findings"]] == [(Code.AGENTS_NOT_INSTALLED, "warning")]


def test_a_dry_run_tells_what_would_be_removed(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    objects = cluster.objects()
    answer = arcway.http.post("/offboardings", json=arcway.offboarding(cluster), params={"dryRun": "true"})
    assert answer.status_code == 200
    run = answer.json()
    assert (run["operation"], run["state"], run["changed"], run["leftovers"]) == ("check", "Succeeded", False, [])
    assert f"remove connected cluster c-{cluster.name}" in run["result"]["plan"]
    assert {"remove release azure-arc", "remove namespace azure-arc"} <= set(run["result"]["plan"])
    assert arcway.resource(cluster)
    assert cluster.objects() == objects


def test_an_identity_that_may_not_delete_is_a_finding(
    arcway: Arcway, azure: Control, cluster: SimulatedCluster
) -> None:
    connected(arcway.connect(cluster))
    action = "Microsoft.Kubernetes/connectedClusters/delete"
    azure.put(f"subscriptions/{arcway.subscription}", {"notActions": [action]})
    run = arcway.disconnect(cluster)
    assert (run["state"], run["error"]["code"], run["changed"]) == ("Failed", Code.AZURE_PERMISSION_MISSING, False)
    assert action in run["error"]["message"]
    assert cluster.revisions()


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"kubeconfig": None}, {"kubeconfig"}),
        ({"kubeconfig": None, "name": "-x", "location": "eastus"}, {"kubeconfig", "name", "location"}),
        ({"operation": "onboard"}, {"operation"}),
        ({"force": "perhaps"}, {"force"}),
    ],
)
def test_all_problems_of_a_request_at_once(
    arcway: Arcway, cluster: SimulatedCluster, change: dict[str, Any], fields: set[str]
) -> None:
    answer = arcway.http.post("/offboardings", json=arcway.offboarding(cluster, **change))
    assert (answer.status_code, answer.json()["code"]) == (400, Code.INVALID_FIELDS)
    assert {item["field"] for item in answer.json()["details"]} == fields


def test_keys_and_conflicts_are_those_of_onboarding(arcway: Arcway, azure: Control, cluster: SimulatedCluster) -> None:
    azure.put("paces", {"registration": {"seconds": 1}})
    onboarding = arcway.start(arcway.request(cluster)).json()["id"]
    refused = arcway.http.post("/offboardings", json=arcway.offboarding(cluster))
    assert (refused.status_code, refused.json()["code"]) == (409, Code.RUN_IN_PROGRESS)
    assert refused.json()["details"][0]["run"] == onboarding
    connected(arcway.finish(onboarding))
    headers = {"Idempotency-Key": "off-1"}
    body = arcway.offboarding(cluster)
    first = arcway.http.post("/offboardings", json=body, headers=headers).json()["id"]
    assert arcway.http.post("/offboardings", json=body, headers=headers).json()["id"] == first
    arcway.finish(first)
    second_response = arcway.http.post("/offboardings", json=body, headers=headers)
    assert (second_response.status_code, second_response.json()["id"]) == (200, first)
    assert (
        arcway.http.get("/runs", params={"subscription": arcway.subscription, "operation": "offboard"}).json()["value"][
            0
        ]["cluster"]["location"]
        is None
    )
