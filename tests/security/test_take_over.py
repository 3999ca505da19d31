"""A live connected cluster is not taken over: the key in the cluster's Secret says whose it is, never a name."""

import base64
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Control, SimulatedCluster

_KEY = "agentPublicKeyCertificate"
_SECRET = "/api/v1/namespaces/azure-arc/secrets/azure-arc-connect-privatekey"


@pytest.fixture
def second_cluster(stack: Stack, cluster_control: Control) -> Iterator[SimulatedCluster]:
    """A second cluster, which a user connects by the name of the first."""
    simulated_cluster = SimulatedCluster(cluster_control, stack)
    yield simulated_cluster
    simulated_cluster.file.unlink(missing_ok=True)


def as_first(arcway: Arcway, cluster: SimulatedCluster, second: SimulatedCluster, **changes: object) -> Json:
    """The request of the first cluster with the second one's kubeconfig."""
    return {**arcway.request(cluster), "kubeconfig": {"secret": second.secret}, **changes}


def run(arcway: Arcway, path: str, body: Json) -> Json:
    answer = arcway.http.post(path, json=body)
    assert answer.status_code == 202, answer.text
    return arcway.finish(answer.json()["id"])


@pytest.mark.parametrize("on_failure", ["keep", "rollback"])
@pytest.mark.parametrize("order", ["agents-first", "resource-first"])
def test_a_second_cluster_does_not_get_the_resource_of_a_live_one(
    arcway: Arcway, cluster: SimulatedCluster, second_cluster: SimulatedCluster, on_failure: str, order: str
) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    resource_before, objects = arcway.resource(cluster), second_cluster.objects()
    refused = run(arcway, "/onboardings", as_first(arcway, cluster, second_cluster, onFailure=on_failure, order=order))
    assert (refused["state"], refused["error"]["code"], refused["changed"]) == (
        "Failed",
        Code.CONNECTED_CLUSTER_TAKEN,
        False,
    )
    assert "--take-over" in refused["error"]["remedy"]
    resource_after = arcway.resource(cluster)
    assert resource_before
    assert resource_after
    assert (resource_before["identity"], resource_before["properties"][_KEY]) == (
        resource_after["identity"],
        resource_after["properties"][_KEY],
    )
    assert second_cluster.objects() == objects


def test_a_check_reports_it(arcway: Arcway, cluster: SimulatedCluster, second_cluster: SimulatedCluster) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    answer = arcway.http.post("/onboardings", params={"dryRun": "true"}, json=as_first(arcway, cluster, second_cluster))
    result = answer.json()["result"]
    assert [(item["code"], item["level"]) for item in result["findings"]] == [(Code.CONNECTED_CLUSTER_TAKEN, "error")]
    assert result["ready"] is False


def test_it_is_taken_over_on_request(
    arcway: Arcway, cluster: SimulatedCluster, second_cluster: SimulatedCluster
) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    resource_before = arcway.resource(cluster)
    taken = run(arcway, "/onboardings", as_first(arcway, cluster, second_cluster, takeOver=True))
    assert taken["state"] == "Succeeded", taken["error"]
    assert [(item["code"], item["level"]) for item in taken["findings"]] == [(Code.CONNECTED_CLUSTER_TAKEN, "warning")]
    assert resource_before
    assert taken["result"]["properties"][_KEY] != resource_before["properties"][_KEY]

    # The first cluster's agents still name the resource, which is the second one's now.
    for body in ({}, {"force": True}):
        refused = run(arcway, "/offboardings", arcway.offboarding(cluster, **body))
        assert (refused["state"], refused["error"]["code"], refused["changed"]) == (
            "Failed",
            Code.CONNECTED_CLUSTER_TAKEN,
            False,
        )
    resource_after = arcway.resource(cluster)
    assert resource_after
    assert resource_after["properties"][_KEY] == taken["result"]["properties"][_KEY]
    removed = run(arcway, "/offboardings", arcway.offboarding(cluster, agentsOnly=True))
    assert (removed["state"], removed["result"]["agents"]) == ("Succeeded", "removed")
    assert arcway.resource(cluster)


@pytest.mark.parametrize("status", ["Offline", "Expired", "AgentNotInstalled"])
def test_a_record_without_a_live_cluster_is_adopted(
    arcway: Arcway, cluster: SimulatedCluster, second_cluster: SimulatedCluster, status: str
) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    for namespace in ("azure-arc", "azure-arc-release"):
        assert cluster.send("DELETE", f"/api/v1/namespaces/{namespace}", None) == 200
    arcway.say(cluster, status)
    adopted = run(arcway, "/onboardings", as_first(arcway, cluster, second_cluster))
    assert (adopted["state"], adopted["findings"]) == ("Succeeded", []), adopted["error"]


def test_a_kubeconfig_of_another_cluster_disconnects_nothing(
    arcway: Arcway, cluster: SimulatedCluster, second_cluster: SimulatedCluster
) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    body = {**arcway.offboarding(cluster), "kubeconfig": {"secret": second_cluster.secret}}
    refused = run(arcway, "/offboardings", body)
    assert (refused["state"], refused["error"]["code"], refused["changed"]) == (
        "Failed",
        Code.CONNECTED_CLUSTER_TAKEN,
        False,
    )
    assert arcway.resource(cluster)
    gone = run(arcway, "/offboardings", arcway.offboarding(cluster, azureOnly=True, kubeconfig=None))
    assert gone["state"] == "Succeeded"


@pytest.mark.parametrize("path", ["/updates", "/upgrades"])
def test_agents_that_name_the_resource_of_another_cluster_are_not_changed(
    arcway: Arcway, cluster: SimulatedCluster, second_cluster: SimulatedCluster, path: str
) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    assert run(arcway, "/onboardings", as_first(arcway, cluster, second_cluster, takeOver=True))["state"] == "Succeeded"
    body = arcway.offboarding(cluster)
    refused = run(arcway, path, body | ({"autoUpgrade": False} if path == "/updates" else {}))
    assert (refused["state"], refused["error"]["code"], refused["changed"]) == (
        "Failed",
        Code.CONNECTED_CLUSTER_TAKEN,
        False,
    )


def test_agents_that_name_the_resource_of_another_cluster_are_not_shown_as_its_agents(
    arcway: Arcway, cluster: SimulatedCluster, second_cluster: SimulatedCluster
) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    assert run(arcway, "/onboardings", as_first(arcway, cluster, second_cluster, takeOver=True))["state"] == "Succeeded"
    path = f"/connectedClusters/{arcway.subscription}/clusters/c-{cluster.name}/agents"
    assert arcway.http.get(path, params={"kubeconfig": second_cluster.secret}).status_code == 200
    refused = arcway.http.get(path, params={"kubeconfig": cluster.secret})
    assert (refused.status_code, refused.json()["code"]) == (409, Code.CONNECTED_CLUSTER_TAKEN)


@pytest.mark.parametrize("bits", [2048, 4096])
def test_a_planted_key_is_not_used(arcway: Arcway, cluster: SimulatedCluster, bits: int) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "azure-arc"}}
    assert cluster.send("POST", "/api/v1/namespaces", namespace) == 201
    planted = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "azure-arc-connect-privatekey", "namespace": "azure-arc"},
        "data": {"privateKey": base64.b64encode(pem).decode()},
    }
    assert cluster.send("POST", "/api/v1/namespaces/azure-arc/secrets", planted) == 201
    connected = arcway.connect(cluster)
    assert connected["state"] == "Succeeded", connected["error"]
    assert cluster.get(_SECRET)["data"] != planted["data"]
