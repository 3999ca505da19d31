"""What a check says before anything is changed: every finding at once, each with a code, a level and a remedy."""

import json
from typing import Any

from arcway.cluster.checks.permissions import TO_CONNECT
from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, SimulatedCluster

_NODES = "/api/v1/nodes"


def check(arcway: Arcway, cluster: SimulatedCluster, **changes: Any) -> Json:
    """The run of a check."""
    body = arcway.request(cluster, **changes)
    answer = arcway.http.post("/onboardings", json=body, params={"dryRun": "true"})
    assert answer.status_code == 200, answer.text
    run: Json = answer.json()
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", False, [])
    assert all(finding["remedy"] for finding in run["findings"])
    return run


def told(run: Json) -> list[tuple[str, str]]:
    """Codes and levels of the findings."""
    return [(finding["code"], finding["level"]) for finding in run["findings"]]


def messages(run: Json, code: str) -> list[str]:
    return [finding["message"] for finding in run["findings"] if finding["code"] == code]


def nodes(cluster: SimulatedCluster) -> list[str]:
    return sorted(item["metadata"]["name"] for item in cluster.get(_NODES)["items"])


def limited(cluster: SimulatedCluster, rules: list[Json]) -> str:
    """The secret of a kubeconfig whose user may do what the rules say."""
    user = cluster.control("POST", "users", {"name": "limited", "rules": rules})
    document = json.loads(json.dumps(cluster.kubeconfig))
    document["users"][0]["user"] = {"token": user["token"]}
    return cluster.store(json.dumps(document))


def test_findings_about_nodes_memory_and_leftovers_come_together(arcway: Arcway, cluster: SimulatedCluster) -> None:
    assert told(check(arcway, cluster)) == []
    first, second = nodes(cluster)
    cluster.control("PATCH", f"nodes/{first}", {"labels": {"kubernetes.io/arch": "s390x"}})
    cluster.control("PATCH", f"nodes/{second}", {"ready": False})
    taken = {"containers": [{"name": "main", "image": "i:1", "resources": {"requests": {"memory": "7400Mi"}}}]}
    taken["nodeName"] = first  # type: ignore[assignment]
    assert cluster.send("POST", "/api/v1/namespaces/default/pods", {"metadata": {"name": "big"}, "spec": taken}) == 201
    assert cluster.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition()) == 201
    run = check(arcway, cluster)
    warnings = [
        (Code.NODE_ARCHITECTURE_UNSUPPORTED, "warning"),
        (Code.NODE_NOT_READY, "warning"),
        (Code.LOW_MEMORY, "warning"),
    ]
    assert told(run) == [*warnings, (Code.AGENT_LEFTOVERS, "info")]
    assert messages(run, Code.NODE_ARCHITECTURE_UNSUPPORTED) == [
        f"The agents do not support the architecture of node {first}, only amd64 and arm64."
    ]
    assert messages(run, Code.NODE_NOT_READY) == [f"Not ready: node {second}."]
    assert "have 792 MiB of free memory; the agents need 850" in messages(run, Code.LOW_MEMORY)[0]
    assert "connectedclusters.arc.azure.com" in messages(run, Code.AGENT_LEFTOVERS)[0]
    assert run["result"]["ready"] is True

    cluster.control("PATCH", f"nodes/{second}", {"labels": {"kubernetes.io/arch": "riscv64"}})
    run = check(arcway, cluster)
    assert (Code.NODE_ARCHITECTURE_UNSUPPORTED, "error") in told(run)
    assert messages(run, Code.NODE_ARCHITECTURE_UNSUPPORTED) == [
        "The schedulable Linux nodes have the architecture riscv64, s390x; the agents support amd64 and arm64."
    ]
    assert run["result"]["ready"] is False


def definition() -> Json:
    names = {"plural": "connectedclusters", "singular": "connectedcluster", "kind": "ConnectedCluster"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "arc.azure.com", "scope": "Cluster", "names": names, "versions": [version]}
    return {"metadata": {"name": "connectedclusters.arc.azure.com"}, "spec": spec}


def rules_but(*left_out: str) -> list[Json]:
    """Exactly what connecting needs, verb by verb, but for some verbs."""
    return [
        {"apiGroups": [item.group], "resources": [item.resource], "verbs": [item.verb]}
        | ({"namespaces": [item.namespace]} if item.namespace else {})
        for item in TO_CONNECT
        if f"{item.verb} {item.resource}" not in left_out
    ]


def test_each_missing_permission_is_named_with_its_resource(arcway: Arcway, cluster: SimulatedCluster) -> None:
    some = ("patch deployments", "bind clusterroles", "delete services", "create services")
    run = check(arcway, cluster, kubeconfig={"secret": limited(cluster, rules_but(*some))})
    assert messages(run, Code.CLUSTER_PERMISSION_MISSING) == [
        "The credential lacks the permission to create, delete services in namespace azure-arc.",
        "The credential lacks the permission to patch deployments.apps in namespace azure-arc.",
        "The credential lacks the permission to bind clusterroles.rbac.authorization.k8s.io cluster-admin.",
    ]
    # What it may not see is said, too: pods of other namespaces tell how much memory is left.
    assert (Code.LOW_MEMORY, "info") in told(run)


def test_a_credential_that_may_read_nothing_still_gets_every_finding(arcway: Arcway, cluster: SimulatedCluster) -> None:
    run = check(arcway, cluster, location="moonbase", kubeconfig={"secret": limited(cluster, [])})
    assert {Code.CLUSTER_PERMISSION_MISSING, Code.LOCATION_NOT_OFFERED} == {code for code, _ in told(run)}
    # Of so many, those that fit are shown with the run, and all are in its result.
    assert any("list nodes" in finding["message"] for finding in run["result"]["findings"])


def test_just_the_permissions_that_are_asked_for_are_enough(arcway: Arcway, cluster: SimulatedCluster) -> None:
    run = arcway.connect(cluster, kubeconfig={"secret": limited(cluster, rules_but())})
    assert run["state"] == "Succeeded", run["error"]


def test_a_provider_that_may_not_be_registered_is_a_finding_with_the_command(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    make_group(arcway)
    refused = {"notActions": ["Microsoft.Kubernetes/register/action"]}
    arcway.azure.put(f"subscriptions/{arcway.subscription}", refused)
    run = check(arcway, cluster)
    assert told(run) == [(Code.PROVIDER_NOT_REGISTERED, "error")]
    command = f"az provider register --namespace Microsoft.Kubernetes --subscription {arcway.subscription}"
    assert command in run["findings"][0]["remedy"]


def test_a_registration_that_is_refused_matters_only_where_it_is_missing(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    make_group(arcway)
    for namespace in ("Microsoft.Kubernetes", "Microsoft.KubernetesConfiguration"):
        arcway.azure.put(f"providers/{arcway.subscription}/{namespace}", {"state": "Registered"})
    arcway.azure.put(f"subscriptions/{arcway.subscription}", {"notActions": ["*/register/action"]})
    run = arcway.connect(cluster)
    assert (run["state"], run["findings"]) == ("Succeeded", []), run["error"]


def make_group(arcway: Arcway) -> None:
    """The resource group, made by another client."""
    azure, http = arcway.stack.azure, arcway.azure.http
    header = {"X-IDENTITY-HEADER": azure["identityHeader"]}
    token = http.get("/msi/token", params={"resource": azure["endpoint"]}, headers=header).json()["access_token"]
    response = http.put(
        f"/subscriptions/{arcway.subscription}/resourcegroups/clusters",
        params={"api-version": "2024-11-01"},
        json={"location": "eastus"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert response.status_code == 201, response.text
