"""Changing a connected cluster: only what is asked for, nothing twice, and nothing that belongs to others."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from tests.e2e.conftest import Arcway, Control, SimulatedCluster, phase
from tests.e2e.test_half_finished_worlds import connected, delete_resource
from tests.e2e.test_key_delivery import release

_PROXY = {"https": "http://proxy:3128", "skipRange": "10.0.0.0/8,a{b},c\\d,ü"}


def body(arcway: Arcway, cluster: SimulatedCluster, **changes: Any) -> Json:
    """A request about this cluster."""
    return arcway.offboarding(cluster, **changes)


def change(arcway: Arcway, cluster: SimulatedCluster, operation: str = "updates", **changes: Any) -> Json:
    """Start an update or upgrade and wait for its end."""
    answer = arcway.http.post(f"/{operation}", json=body(arcway, cluster, **changes))
    assert answer.status_code == 202, answer.text
    return arcway.finish(answer.json()["id"])


def writes(arcway: Arcway) -> list[str]:
    """How the connected cluster was written to."""
    return [item["method"] for item in arcway.asked("connectedClusters/") if item["method"] in ("PUT", "PATCH")]


def values(cluster: SimulatedCluster) -> Json:
    """The release's values."""
    result: Json = release(cluster)["config"]
    return result


def certificate() -> str:
    """A CA's certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Proxy CA")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_tags_need_no_cluster_and_replace_or_remove(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster, tags={"team": "shop", "stage": "test"}))
    objects, resource_before = cluster.objects(), arcway.resource(cluster)
    assert resource_before
    run = change(arcway, cluster, kubeconfig=None, removeTags=["TEAM"])
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert run["result"]["tags"] == {"stage": "test"}
    assert [item["name"] for item in run["phases"]] == ["checkCluster", "updateResource", "publishResult"]
    run = change(arcway, cluster, kubeconfig=None, tags={"a": "b"})
    assert (run["result"]["tags"], run["changed"]) == ({"a": "b"}, True)
    run = change(arcway, cluster, kubeconfig=None, tags={})
    assert (run["result"]["tags"], run["changed"]) == ({}, True)
    assert writes(arcway) == ["PUT", "PATCH", "PATCH", "PATCH"]
    run = change(arcway, cluster, kubeconfig=None, tags={}, removeTags=["x"])
    assert (run["state"], run["changed"], len(writes(arcway))) == ("Succeeded", False, 4)
    assert (cluster.objects(), cluster.revisions()) == (objects, ["sh.helm.release.v1.azure-arc.v1"])
    assert (
        run["result"]["properties"]["agentPublicKeyCertificate"]
        == resource_before["properties"]["agentPublicKeyCertificate"]
    )


def test_what_the_service_and_the_agents_know_is_changed_in_both(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster, tags={"a": "b"}))
    resource_before = arcway.resource(cluster)
    assert resource_before
    expected: Json = {
        "autoUpgrade": False,
        "distribution": "eks",
        "infrastructure": "aws",
        "azureHybridBenefit": "True",
    }
    run = change(arcway, cluster, **expected)
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    properties = run["result"]["properties"]
    assert properties["arcAgentProfile"]["agentAutoUpgrade"] == "Disabled"
    assert (properties["azureHybridBenefit"], run["result"]["tags"]) == ("True", {"a": "b"})
    assert properties["agentPublicKeyCertificate"] == resource_before["properties"]["agentPublicKeyCertificate"]
    assert run["result"]["identity"] == resource_before["identity"]
    config = cluster.get("/api/v1/namespaces/azure-arc/configmaps/azure-clusterconfig")["data"]
    observed = (config["AZURE_ARC_AUTOUPDATE"], config["KUBERNETES_DISTRO"], config["KUBERNETES_INFRA"])
    assert observed == ("false", "eks", "aws")
    count = len(writes(arcway))
    second_run = change(arcway, cluster, **expected)
    assert (second_run["state"], second_run["changed"]) == ("Succeeded", False), second_run["error"]
    assert (len(writes(arcway)), len(cluster.revisions())) == (count, 2)
    back = change(arcway, cluster, autoUpgrade=True)
    assert back["result"]["properties"]["arcAgentProfile"]["agentAutoUpgrade"] == "Enabled"
    assert values(cluster)["global"]["kubernetesDistro"] == "eks"


def test_a_proxy_comes_changes_and_goes(arcway: Arcway, azure: Control, cluster: SimulatedCluster) -> None:
    azure.put("settings", {"global.somethingElse": "kept"})
    connected(arcway.connect(cluster))
    secret = cluster.store("us,er:p{a}s\\s", prefix="arcway-proxy-")
    run = change(arcway, cluster, proxy={**_PROXY, "credentials": {"secret": secret}})
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]
    assert [item["name"] for item in run["phases"]] == ["checkCluster", "updateAgents", "publishResult"]
    helm_values = values(cluster)["global"]
    assert (helm_values["isProxyEnabled"], helm_values["httpsProxy"]) == (
        True,
        "http://us%2Cer:p%7Ba%7Ds%5Cs@proxy:3128",
    )
    assert helm_values["noProxy"].startswith("10.0.0.0/8,a{b},c\\d,ü,")
    assert ".svc" in helm_values["noProxy"].split(",")
    assert "p%7Ba" not in str(run)
    pem = certificate()
    run = change(arcway, cluster, proxy={"certificate": pem})
    assert run["changed"] is True
    now = values(cluster)["global"]
    assert (now["proxyCert"], now["isCustomCert"], now["isProxyEnabled"]) == (pem, False, True)
    assert (now["httpsProxy"], now["noProxy"], now["somethingElse"]) == (
        helm_values["httpsProxy"],
        helm_values["noProxy"],
        "kept",
    )
    assert change(arcway, cluster, proxy={"certificate": pem})["changed"] is False
    revisions = cluster.revisions()
    run = change(arcway, cluster, disableProxy=True)
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]
    now = {name: value for name, value in values(cluster)["global"].items() if value is not None}
    assert not now.keys() & {"httpsProxy", "httpProxy", "noProxy", "proxyCert"}
    assert (now["isProxyEnabled"], now["isCustomCert"], now["somethingElse"]) == (False, False, "kept")
    assert change(arcway, cluster, disableProxy=True)["changed"] is False
    assert len(cluster.revisions()) == len(revisions) + 1
    assert writes(arcway) == ["PUT"]


def test_a_proxy_that_never_was_is_nothing_to_disable(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    assert change(arcway, cluster, disableProxy=True)["changed"] is False
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]


def test_a_dry_run_tells_what_would_change(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    count, revisions = len(writes(arcway)), cluster.revisions()
    request_body = body(arcway, cluster, autoUpgrade=False, tags={"a": "b"})
    run = arcway.http.post("/updates", json=request_body, params={"dryRun": "true"}).json()
    assert (run["operation"], run["state"], run["changed"]) == ("check", "Succeeded", False)
    assert run["result"]["plan"] == [
        f"change agentAutoUpgrade of connected cluster c-{cluster.name}",
        f"change tags of connected cluster c-{cluster.name}",
        "change systemDefaultValues.azureArcAgents.autoUpdate of release azure-arc",
    ]
    assert (len(writes(arcway)), cluster.revisions()) == (count, revisions)


@pytest.mark.parametrize(("operation", "change_"), [("updates", {"autoUpgrade": False}), ("upgrades", {})])
def test_agents_of_another_resource_are_never_touched(
    arcway: Arcway, cluster: SimulatedCluster, operation: str, change_: Json
) -> None:
    connected(arcway.connect(cluster))
    objects = cluster.objects()
    second = str(uuid.uuid4())
    arcway.azure.put(f"subscriptions/{second}", {})
    run = change(arcway, cluster, operation, subscriptionId=second, **change_)
    assert (run["state"], run["changed"]) == ("Failed", False)
    assert {item["code"] for item in run["findings"]} == {
        Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER,
        Code.CONNECTED_CLUSTER_NOT_FOUND,
    }
    assert any(f"/connectedClusters/c-{cluster.name}" in item["message"] for item in run["findings"])
    assert cluster.objects() == objects


@pytest.mark.parametrize(("operation", "change_"), [("updates", {"autoUpgrade": False}), ("upgrades", {})])
def test_what_is_not_there_cannot_be_changed(
    arcway: Arcway, cluster: SimulatedCluster, operation: str, change_: Json
) -> None:
    objects_before = cluster.objects()
    run = change(arcway, cluster, operation, **change_)
    assert (run["state"], run["changed"]) == ("Failed", False)
    assert {item["code"] for item in run["findings"]} == {Code.CONNECTED_CLUSTER_NOT_FOUND, Code.AGENTS_NOT_INSTALLED}
    assert all(item["remedy"] for item in run["findings"])
    assert cluster.objects() == objects_before


def test_agents_whose_resource_is_gone_are_left_alone(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    delete_resource(arcway, cluster)
    run = change(arcway, cluster, autoUpgrade=False)
    assert (run["error"]["code"], run["changed"]) == (Code.CONNECTED_CLUSTER_NOT_FOUND, False)
    assert len(cluster.revisions()) == 1


def test_agents_that_do_not_become_ready_fail_the_update_and_what_was_changed_is_named(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    connected(arcway.connect(cluster))
    cluster.control("PUT", "behaviour", {"pods": [{"outcome": "imagePull", "namePrefix": "metrics-agent"}]})
    run = change(arcway, cluster, tags={"a": "b"}, proxy=_PROXY, failFast=True)
    assert (run["state"], run["error"]["code"], run["error"]["phase"]) == (
        "Failed",
        Code.IMAGE_PULL_FAILED,
        "updateAgents",
    )
    assert run["changed"]
    assert describe_all(run["leftovers"]) == [f"connected cluster c-{cluster.name}, changed"]
    assert phase(run, "updateResource")["state"] == "Succeeded"


@pytest.mark.parametrize(
    ("change_", "fields"),
    [
        ({}, {"operation"}),
        ({"kubeconfig": None}, {"operation"}),
        ({"kubeconfig": None, "autoUpgrade": False}, {"kubeconfig"}),
        ({"kubeconfig": None, "proxy": _PROXY, "name": "-x"}, {"kubeconfig", "name"}),
        ({"proxy": _PROXY, "disableProxy": True}, {"disableProxy"}),
        ({"proxy": {}}, {"proxy"}),
        ({"azureHybridBenefit": "true"}, {"azureHybridBenefit"}),
        ({"tags": {"bad/name": "x"}, "location": "eastus"}, {"tags", "location"}),
    ],
)
def test_all_problems_of_a_request_at_once(
    arcway: Arcway, cluster: SimulatedCluster, change_: dict[str, Any], fields: set[str]
) -> None:
    answer = arcway.http.post("/updates", json=body(arcway, cluster, **change_))
    assert (answer.status_code, answer.json()["code"]) == (400, Code.INVALID_FIELDS)
    assert {item["field"] for item in answer.json()["details"]} == fields


def test_keys_are_those_of_every_operation(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    headers = {"Idempotency-Key": "update-1"}
    request_body = body(arcway, cluster, kubeconfig=None, tags={"a": "b"})
    first = arcway.http.post("/updates", json=request_body, headers=headers).json()["id"]
    arcway.finish(first)
    second_response = arcway.http.post("/updates", json=request_body, headers=headers)
    assert (second_response.status_code, second_response.json()["id"]) == (200, first)
