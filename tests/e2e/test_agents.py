"""The agents as the API and `arcway agents` show them: what kubectl would say, and why one is not well."""

import json
from pathlib import Path
from typing import Any

import httpx

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, Command, SimulatedCluster
from tests.e2e.test_command_line import kubeconfig_of


def ask(arcway: Arcway, cluster: SimulatedCluster, **query: str) -> httpx.Response:
    path = f"/connectedClusters/{arcway.subscription}/clusters/c-{cluster.name}/agents"
    return arcway.http.get(path, params=query)


def problem(arcway: Arcway, cluster: SimulatedCluster, reason: str) -> Json:
    """The first problem with this reason."""
    body = ask(arcway, cluster).json()
    assert body["well"] is False
    return next(item for item in body["problems"] if item["reason"] == reason)


def order(cluster: SimulatedCluster, **rule: Any) -> None:
    """From now on these agents fail, those that run included."""
    cluster.control("PUT", "behaviour", {"pods": [{"namePrefix": "metrics-agent", **rule}]})


def test_the_table_and_what_is_wrong(arcway: Arcway, cluster: SimulatedCluster, command: Command) -> None:
    missing = ask(arcway, cluster)
    assert (missing.status_code, missing.json()["code"]) == (404, Code.KUBECONFIG_UNKNOWN)
    assert arcway.connect(cluster)["state"] == "Succeeded"
    document = ask(arcway, cluster).json()
    assert (document["well"], document["problems"]) == (True, [])
    row = document["deployments"][0]
    assert (row["name"], row["ready"], row["upToDate"], row["available"]) == ("cluster-metadata-operator", "1/1", 1, 1)
    assert {(pod["ready"], pod["status"], pod["restarts"]) for pod in document["pods"]} == {("1/1", "Running", 0)}
    leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/arcway"
    assert cluster.get(leases)["kind"] == "Status"

    named = ("-n", f"c-{cluster.name}", "-g", "clusters", "--subscription", arcway.subscription)
    output = command("agents", *named)
    assert output.returncode == 0, output.stderr
    assert output.stdout.split()[:6] == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "cluster-metadata-operator"]
    assert "STATUS" in output.stdout

    order(cluster, outcome="crashLoop", restarts=4, log="starting\npassword=hunter2hunter2 is wrong\n")
    crash = problem(arcway, cluster, "crashLoop")
    assert crash["code"] == Code.CRASH_LOOP
    assert crash["message"].endswith("Last log line: [redacted] is wrong")
    pods = {pod["name"]: pod for pod in ask(arcway, cluster).json()["pods"]}
    assert (pods[crash["pod"]]["status"], pods[crash["pod"]]["restarts"]) == ("CrashLoopBackOff", 4)
    output = command("agents", *named)
    assert (output.returncode, "ARC-5007: Container metrics-agent of pod" in output.stderr) == (1, True), output.stderr

    order(cluster, outcome="imagePull")
    pull = problem(arcway, cluster, "imagePull")
    assert "azurearck8s/metrics-agent:" in pull["message"]
    cluster.control("PUT", "behaviour", {})
    config = "/api/v1/namespaces/azure-arc/configmaps/azure-clusterconfig"
    body = cluster.get(config)
    body["data"]["AZURE_RESOURCE_NAME"] = "elsewhere"
    assert cluster.send("PUT", config, body) == 200
    second = ask(arcway, cluster)
    assert (second.status_code, second.json()["code"]) == (409, Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER)
    assert "elsewhere" not in second.text


def test_pods_that_wait_for_a_node_or_for_the_connected_cluster(arcway: Arcway, cluster: SimulatedCluster) -> None:
    for item in cluster.get("/api/v1/nodes")["items"][1:]:
        cluster.control(
            "PATCH", f"nodes/{item['metadata']['name']}", {"taints": [{"key": "x", "effect": "NoSchedule"}]}
        )
    arcway.azure.put("paces", {"provisioning": {"reads": 0, "seconds": 30}})
    started = arcway.start(arcway.request(cluster)).json()["id"]
    arcway.wait_until(started, lambda run: run["phase"] == "createResource")
    identity = problem(arcway, cluster, "identity")
    assert "waits for Secret azure-identity-certificate" in identity["message"]
    first = cluster.get("/api/v1/nodes")["items"][0]["metadata"]["name"]
    cluster.control("PATCH", f"nodes/{first}", {"taints": [{"key": "x", "effect": "NoSchedule"}]})
    pod = next(item for item in cluster.get("/api/v1/namespaces/azure-arc/pods")["items"])["metadata"]["name"]
    assert cluster.send("DELETE", f"/api/v1/namespaces/azure-arc/pods/{pod}", {}) == 200
    assert "0/2 nodes are available" in problem(arcway, cluster, "unschedulable")["message"]
    arcway.http.post(f"/runs/{started}/cancel")
    assert arcway.finish(started)["state"] == "Canceled"


def test_the_command_line_takes_the_users_own_kubeconfig_where_no_other_is_known(
    arcway: Arcway, cluster: SimulatedCluster, command: Command, tmp_path: Path
) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    (Path(arcway.stack.secrets) / cluster.secret).unlink()
    gone = ask(arcway, cluster)
    assert (gone.status_code, gone.json()["code"]) == (404, Code.KUBECONFIG_UNKNOWN)
    assert f"secret {cluster.secret}, is gone" in gone.json()["detail"]
    objects_before, secrets = cluster.objects(), set(Path(arcway.stack.secrets).iterdir())
    named = ("-n", f"c-{cluster.name}", "-g", "clusters", "--subscription", arcway.subscription)
    output = command("agents", *named, "--kube-config", kubeconfig_of(cluster, tmp_path), "-o", "json")
    assert output.returncode == 0, output.stderr
    assert json.loads(output.stdout)["well"] is True
    assert (cluster.objects(), set(Path(arcway.stack.secrets).iterdir())) == (objects_before, secrets)


def test_which_kubeconfig_is_used(arcway: Arcway, cluster: SimulatedCluster) -> None:
    # Missing agents differ from an unknown cluster.
    secret = cluster.store(json.dumps(cluster.kubeconfig))
    codes = {
        Code.AGENTS_NOT_INSTALLED: {"kubeconfig": secret},
        Code.SECRET_UNUSABLE: {"kubeconfig": "arcway-no-such-secret"},
        Code.KUBECONFIG_CONTEXT_NOT_FOUND: {"kubeconfig": secret, "context": "elsewhere"},
        Code.INVALID_PARAMETERS: {"kubeconfig": "other-peoples-secret"},
    }
    for code, query in codes.items():
        answer = ask(arcway, cluster, **query)
        assert (answer.json()["code"], bool(answer.json()["remedy"])) == (code, True), answer.text
    assert ask(arcway, cluster, context="x").json()["code"] == Code.INVALID_PARAMETERS
    body = arcway.offboarding(cluster, azureOnly=True, kubeconfig=None)
    assert arcway.finish(arcway.http.post("/offboardings", json=body).json()["id"])["state"] == "Succeeded"
    answer = ask(arcway, cluster)
    assert (answer.status_code, answer.json()["code"]) == (404, Code.KUBECONFIG_UNKNOWN)
    assert "The last run had no kubeconfig" in answer.json()["detail"]


def test_the_error_of_a_run_has_the_last_line_of_a_crash(arcway: Arcway, cluster: SimulatedCluster) -> None:
    order(cluster, outcome="crashLoop", restarts=3, log="first\nno route to host\n")
    run = arcway.connect(cluster, failFast=True)
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.CRASH_LOOP)
    assert run["error"]["message"].endswith("Last log line: no route to host")
