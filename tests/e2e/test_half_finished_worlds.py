"""Onboarding repairs what an earlier attempt left half-done, and refuses to touch what belongs to others."""

import base64
import uuid
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from arcway.domain.codes import Code
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, Control, SimulatedCluster, phase

_RECORDS = "/api/v1/namespaces/azure-arc-release/secrets"


def connected(run: Json) -> None:
    assert run["state"] == "Succeeded", run["error"]
    assert run["result"]["properties"]["connectivityStatus"] == "Connected"


def set_status(cluster: SimulatedCluster, record: str, status: str) -> None:
    """Make a release record say that its operation is in this state, as Helm does when it is cut off."""
    secret = cluster.get(f"{_RECORDS}/{record}")
    secret["metadata"]["labels"]["status"] = status
    release = _decoded(secret["data"]["release"])
    release["info"]["status"] = status
    secret["data"]["release"] = _encoded(release)
    assert cluster.send("PUT", f"{_RECORDS}/{record}", secret) == 200


def _decoded(message: str) -> Json:
    import gzip
    import json

    release: Json = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(message))))
    return release


def _encoded(release: Json) -> str:
    import gzip
    import json

    inner = base64.b64encode(gzip.compress(json.dumps(release).encode()))
    return base64.b64encode(inner).decode()


def test_a_resource_without_agents_is_adopted(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    resource = arcway.resource(cluster)
    assert resource
    for namespace in ("azure-arc", "azure-arc-release"):
        assert cluster.send("DELETE", f"/api/v1/namespaces/{namespace}", None) == 200
    arcway.say(cluster, "Offline")
    run = arcway.connect(cluster)
    connected(run)
    assert run["result"]["id"] == resource["id"]
    key = "agentPublicKeyCertificate"
    assert run["result"]["properties"][key] != resource["properties"][key]


def test_agents_whose_key_does_not_match_the_resource(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    resource_before: Any = arcway.resource(cluster)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    path = "/api/v1/namespaces/azure-arc/secrets/azure-arc-connect-privatekey"
    secret = cluster.get(path)
    secret["data"] = {"privateKey": base64.b64encode(pem).decode()}
    assert cluster.send("PUT", path, secret) == 200
    arcway.say(cluster, "Offline")
    run = arcway.connect(cluster)
    connected(run)
    assert run["changed"] is True
    keys = [item["properties"]["agentPublicKeyCertificate"] for item in (resource_before, run["result"])]
    assert keys[0] != keys[1]
    assert len(keys[1]) == 704


def test_a_first_install_that_failed(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    (record,) = cluster.revisions()
    set_status(cluster, record, "failed")
    connected(arcway.connect(cluster))
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]


def test_an_upgrade_that_failed(arcway: Arcway, azure: Control, cluster: SimulatedCluster) -> None:
    azure.put("settings", {"global.noProxy": "10.0.0.0/8"})
    connected(arcway.connect(cluster))
    first, second = cluster.revisions()
    set_status(cluster, first, "deployed")
    set_status(cluster, second, "failed")
    connected(arcway.connect(cluster))
    assert len(cluster.revisions()) == 3


def test_a_pending_operation_of_another_client_is_not_cut_off(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    (record,) = cluster.revisions()
    set_status(cluster, record, "pending-upgrade")
    answer = arcway.start(arcway.request(cluster))
    observed_run = arcway.wait_until(answer.json()["id"], lambda run: phase(run, "deployAgents")["state"] == "Retrying")
    assert phase(observed_run, "deployAgents")["error"]["code"] == Code.RELEASE_LOCKED
    assert cluster.revisions() == [record]
    set_status(cluster, record, "deployed")
    connected(arcway.finish(answer.json()["id"]))


def test_an_uninstall_that_never_ended(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    (record,) = cluster.revisions()
    set_status(cluster, record, "uninstalling")
    connected(arcway.connect(cluster))
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]


def test_a_namespace_that_is_terminating_is_waited_for(arcway: Arcway, cluster: SimulatedCluster) -> None:
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": "azure-arc", "finalizers": ["example.com/slow"]},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "azure-arc"}}
    assert cluster.send("POST", "/api/v1/namespaces", namespace) == 201
    assert cluster.send("POST", "/api/v1/namespaces/azure-arc/configmaps", config_map) == 201
    assert cluster.send("DELETE", "/api/v1/namespaces/azure-arc", None) == 200
    answer = arcway.start(arcway.request(cluster))
    observed_run = arcway.wait_until(answer.json()["id"], lambda run: phase(run, "deployAgents")["state"] == "Waiting")
    assert "namespace azure-arc" in phase(observed_run, "deployAgents")["detail"]
    config_map["metadata"]["finalizers"] = []  # type: ignore[index]
    assert cluster.send("PUT", "/api/v1/namespaces/azure-arc/configmaps/held", config_map) == 200
    connected(arcway.finish(answer.json()["id"]))


def test_definitions_left_by_an_old_installation(arcway: Arcway, cluster: SimulatedCluster) -> None:
    names = {"plural": "gitconfigs", "singular": "gitconfig", "kind": "GitConfig", "listKind": "GitConfigList"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gitconfigs.clusterconfig.azure.com"},
        "spec": {
            "group": "clusterconfig.azure.com",
            "scope": "Namespaced",
            "names": names,
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    assert cluster.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition) == 201
    connected(arcway.connect(cluster))


def test_a_resource_in_failed_state_is_put_again(arcway: Arcway, azure: Control, cluster: SimulatedCluster) -> None:
    resource = arcway.request(cluster)
    path = ClusterId(arcway.subscription, "clusters", resource["name"]).resource_id
    azure.put("provisioning-failures", {path: {"code": "Broken", "message": "once"}})
    failed = arcway.connect(cluster)
    assert failed["error"]["code"] == Code.PROVISIONING_FAILED
    connected(arcway.connect(cluster))


def test_a_resource_deleted_while_its_agents_run(arcway: Arcway, azure: Control, cluster: SimulatedCluster) -> None:
    azure.put("paces", {"heartbeat": {"seconds": 1}})
    connected(arcway.connect(cluster))
    delete_resource(arcway, cluster)
    run = arcway.connect(cluster)
    connected(run)
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]


def test_agents_of_a_deleted_resource_elsewhere_are_taken_over(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    delete_resource(arcway, cluster)
    run = arcway.connect(cluster, resourceGroup="elsewhere")
    connected(run)
    assert "/resourceGroups/elsewhere/" in run["result"]["id"]
    assert [finding["code"] for finding in run["findings"]] == [Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER]


@pytest.mark.parametrize("readable", [True, False])
def test_agents_of_another_subscription_are_left_alone(
    arcway: Arcway, azure: Control, cluster: SimulatedCluster, readable: bool
) -> None:
    connected(arcway.connect(cluster))
    objects = cluster.objects()
    if not readable:
        azure.put(f"subscriptions/{arcway.subscription}", {"notActions": ["*"]})
    second = str(uuid.uuid4())
    azure.put(f"subscriptions/{second}", {})
    run = arcway.connect(cluster, subscriptionId=second)
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER)
    assert arcway.subscription in run["error"]["message"]
    assert (run["changed"], cluster.objects()) == (False, objects)


def test_a_second_installation_is_kept_out(arcway: Arcway, cluster: SimulatedCluster) -> None:
    leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "arcway", "namespace": "kube-system"},
        "spec": {"holderIdentity": "other", "leaseDurationSeconds": 300, "renewTime": _now()},
    }
    assert cluster.send("POST", leases, lease) == 201
    run = arcway.connect(cluster)
    assert (run["state"], run["error"]["code"], run["changed"]) == ("Failed", Code.CLUSTER_LEASE_HELD, False)
    assert "other" in run["error"]["message"]
    lease["spec"]["renewTime"] = "2020-01-01T00:00:00.000000Z"  # type: ignore[index]
    assert cluster.send("PUT", f"{leases}/arcway", lease) == 200
    connected(arcway.connect(cluster))
    assert cluster.get(f"{leases}/arcway")["kind"] == "Status"


def delete_resource(arcway: Arcway, cluster: SimulatedCluster) -> None:
    """Delete the connected cluster behind Arcway's back."""
    result: Any = arcway.resource(cluster)
    assert arcway.arm("DELETE", result["id"]).status_code == 202
    assert arcway.resource(cluster) is None


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
