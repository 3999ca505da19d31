"""What the control API can make a simulated cluster do."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from arcway.private_file import write_private
from arcway_local.certificates import CertificateAuthority
from arcway_local.cluster.server import SimulatedClusters

type Json = dict[str, Any]

_DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
_PODS = "/api/v1/namespaces/default/pods"


async def _deploy(http: httpx.AsyncClient, name: str = "web") -> None:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "example.com/a:1"}]}}
    body = {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    assert (await http.post(_DEPLOYMENTS, json=body)).status_code == 201


async def _watch_pods(http: httpx.AsyncClient, enough: Callable[[Json], bool]) -> Json:
    """The first pod state that is enough; a watch, so that it does not count as reads."""
    parameters = {"watch": "true", "timeoutSeconds": "10"}
    async with http.stream("GET", _PODS, params=parameters) as response:
        async for line in response.aiter_lines():
            pod: Json = json.loads(line)["object"]
            if enough(pod):
                return pod
    pytest.fail("the pod never got there")


def _condition(pod: Json, type_: str) -> str:
    return next((c["status"] for c in pod["status"].get("conditions", []) if c["type"] == type_), "")


def _waiting(pod: Json) -> str:
    statuses = pod["status"].get("containerStatuses", [{}])
    reason: str = statuses[0].get("state", {}).get("waiting", {}).get("reason", "")
    return reason


async def test_pods_become_ready_after_reads(http: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    order = {"readiness": {"mode": "reads", "value": 3}}
    assert (await control.put("/clusters/cluster-001/behaviour", json=order)).status_code == 200
    await _deploy(http)
    await _watch_pods(http, lambda pod: pod["status"]["phase"] == "Running")
    response = [_condition((await http.get(_PODS)).json()["items"][0], "Ready") for _ in range(3)]
    assert response == ["False"] * 3
    await _watch_pods(http, lambda pod: _condition(pod, "Ready") == "True")


async def test_pods_become_ready_after_seconds(http: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.put("/clusters/cluster-001/behaviour", json={"readiness": {"mode": "seconds", "value": 0.3}})
    started = asyncio.get_running_loop().time()
    await _deploy(http)
    await _watch_pods(http, lambda pod: _condition(pod, "Ready") == "True")
    assert asyncio.get_running_loop().time() - started >= 0.3


@pytest.mark.parametrize(
    ("outcome", "reason", "phase"),
    [("imagePull", "ImagePullBackOff", "Pending"), ("crashLoop", "CrashLoopBackOff", "Running")],
)
async def test_pods_fail_on_order_and_recover(
    http: httpx.AsyncClient, control: httpx.AsyncClient, outcome: str, reason: str, phase: str
) -> None:
    await control.put(
        "/clusters/cluster-001/behaviour", json={"pods": [{"outcome": outcome, "labels": {"app": "web"}}]}
    )
    await _deploy(http)
    await _deploy(http, "other")
    pod = await _watch_pods(http, lambda pod: _waiting(pod) == reason)
    assert pod["status"]["phase"] == phase
    assert pod["metadata"]["labels"]["app"] == "web"
    query = {"fieldSelector": f"involvedObject.name={pod['metadata']['name']},type=Warning"}
    assert (await http.get("/api/v1/namespaces/default/events", params=query)).json()["items"]
    await control.put("/clusters/cluster-001/behaviour", json={})
    name = pod["metadata"]["name"]
    await _watch_pods(http, lambda pod: pod["metadata"]["name"] == name and _condition(pod, "Ready") == "True")


async def test_a_pod_that_keeps_crashing_has_a_log(http: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    rule = {"outcome": "crashLoop", "labels": {"app": "web"}, "restarts": 7, "log": "one\ntwo\n"}
    await control.put("/clusters/cluster-001/behaviour", json={"pods": [rule]})
    await _deploy(http)
    await _deploy(http, "other")
    pod = await _watch_pods(http, lambda pod: _waiting(pod) == "CrashLoopBackOff")
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 7
    log = f"{_PODS}/{pod['metadata']['name']}/log"
    assert (await http.get(log, params={"previous": "true", "tailLines": 1})).text == "two\n"
    assert (await http.get(log, params={"container": "main"})).text == "one\ntwo\n"
    assert (await http.get(log, params={"container": "no"})).status_code == 400
    assert (await http.delete(log)).status_code == 405
    well = await _watch_pods(http, lambda pod: _condition(pod, "Ready") == "True")
    refused = await http.get(f"{_PODS}/{well['metadata']['name']}/log", params={"previous": "true"})
    assert (refused.status_code, "previous terminated container" in refused.json()["message"]) == (400, True)


async def test_hosts_that_pods_cannot_reach(http: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.put("/clusters/cluster-001/behaviour", json={"unreachable": ["*.shut.example"]})
    container = {"name": "main", "image": "i:1", "args": ["a.shut.example:443", "b.example:80", "--verbose"]}
    body = {"metadata": {"name": "probe"}, "spec": {"containers": [container], "restartPolicy": "Never"}}
    assert (await http.post(_PODS, json=body)).status_code == 201
    pod = await _watch_pods(http, lambda pod: pod["status"]["phase"] == "Succeeded")
    message = pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"]
    assert message == "unreachable a.shut.example:443\nok b.example:80\n"


async def test_a_tainted_node_takes_no_pod(http: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    for node in ("cluster-001-control-plane", "cluster-001-worker"):
        change = {"os": "windows", "providerID": "azure:///x", "taints": [{"key": "os", "effect": "NoSchedule"}]}
        changed = (await control.patch(f"/clusters/cluster-001/nodes/{node}", json=change)).json()
        assert changed["metadata"]["labels"]["kubernetes.io/os"] == "windows"
        assert changed["spec"]["providerID"] == "azure:///x"
    await _deploy(http)
    await _watch_pods(http, lambda pod: _condition(pod, "PodScheduled") == "False")
    await control.patch("/clusters/cluster-001/nodes/cluster-001-worker", json={"taints": []})
    await _watch_pods(http, lambda pod: _condition(pod, "Ready") == "True")


async def test_error_answers_for_the_next_requests_that_match(
    http: httpx.AsyncClient, control: httpx.AsyncClient
) -> None:
    order = {"kind": "status", "status": 429, "count": 2, "path": "/nodes$", "method": "GET", "retryAfterSeconds": 7}
    assert (await control.post("/clusters/cluster-001/faults", json=order)).status_code == 201
    answers = [await http.get("/api/v1/nodes") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["reason"] == "TooManyRequests"
    assert (await control.get("/clusters/cluster-001/faults")).json() == {"faults": []}


async def test_a_silent_server_and_how_it_speaks_again(http: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.post("/clusters/cluster-001/faults", json={"kind": "silent"})
    with pytest.raises(httpx.ReadTimeout):
        await http.get("/version", timeout=0.2)
    await control.delete("/clusters/cluster-001/faults")
    assert (await http.get("/version")).status_code == 200


async def test_a_delay(http: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.post("/clusters/cluster-001/faults", json={"kind": "delay", "seconds": 0.2, "count": 1})
    started = asyncio.get_running_loop().time()
    assert (await http.get("/version")).status_code == 200
    assert asyncio.get_running_loop().time() - started >= 0.2


async def _broken(call: Awaitable[Any]) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await call


async def test_dropped_connections(http: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.post("/clusters/cluster-001/faults", json={"kind": "disconnect", "count": 1})
    await _broken(http.get("/version"))
    version = (await http.get(_PODS)).json()["metadata"]["resourceVersion"]
    async with http.stream("GET", _PODS, params={"watch": "true", "resourceVersion": version}) as response:
        assert (await control.delete("/clusters/cluster-001/connections")).json() == {"dropped": 1}
        await _broken(response.aread())


async def test_a_user_may_do_what_the_rules_say(
    http: httpx.AsyncClient, control: httpx.AsyncClient, tls: ssl.SSLContext
) -> None:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"], "namespaces": ["default"]}
    response = (await control.post("/clusters/cluster-001/users", json={"name": "dev", "rules": [rule]})).json()
    assert response["kubeconfig"]["users"][0]["user"]["token"] == response["token"]
    headers = {"Authorization": f"Bearer {response['token']}"}
    assert (await http.get("/api/v1/namespaces/default/configmaps", headers=headers)).status_code == 200
    for path in ("/api/v1/namespaces/kube-system/configmaps", _PODS):
        assert (await http.get(path, headers=headers)).status_code == 403
    async with httpx.AsyncClient(base_url=http.base_url, verify=tls, trust_env=False) as nobody:
        assert (await nobody.get("/version")).status_code == 200
        assert (await nobody.get(_PODS)).status_code == 403


async def test_a_client_certificate_names_user_and_groups(
    http: httpx.AsyncClient, authority: CertificateAuthority, tls: ssl.SSLContext, tmp_path: Path
) -> None:
    issued = authority.issue_client("root", ["system:masters"])
    write_private(tmp_path / "client.pem", issued.private_key + issued.certificate)
    tls.load_cert_chain(tmp_path / "client.pem")
    async with httpx.AsyncClient(base_url=http.base_url, verify=tls, trust_env=False) as client:
        assert (await client.get("/api/v1/nodes")).status_code == 200


async def test_a_forgotten_history_is_gone(http: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    version = (await http.get(_PODS)).json()["metadata"]["resourceVersion"]
    await _deploy(http)
    await _watch_pods(http, lambda pod: _condition(pod, "Ready") == "True")
    assert (await control.delete("/clusters/cluster-001/history")).status_code == 204
    answer = await http.get(_PODS, params={"watch": "true", "resourceVersion": version})
    assert answer.json()["object"]["code"] == 410


def _inspect(path: Path) -> tuple[int, Json]:
    return path.stat().st_mode & 0o777, yaml.safe_load(path.read_text())


async def test_clusters_come_and_go(
    clusters: SimulatedClusters, control: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    response = (await control.post("/clusters", json={"name": "edge"})).json()
    mode, content = await asyncio.to_thread(_inspect, Path(response["kubeconfig"]))
    assert mode == 0o600
    assert content["current-context"] == "edge"
    assert (await control.post("/clusters", json={"name": "edge"})).status_code == 400
    assert [c["name"] for c in (await control.get("/clusters")).json()["clusters"]] == [
        "cluster-001",
        "cluster-002",
        "edge",
    ]
    assert (await control.delete("/clusters/edge")).status_code == 204
    assert not await asyncio.to_thread(Path(response["kubeconfig"]).exists)
    assert (await control.delete("/clusters/edge")).status_code == 404
    await _deploy(http)
    assert clusters.cluster("cluster-002").store.objects(("apps", "deployments")) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/clusters/cluster-001/behaviour", {"readiness": {"mode": "never"}}),
        ("/clusters/cluster-001/behaviour", {"pods": [{"outcome": "explode"}]}),
    ],
)
async def test_an_order_that_cannot_be_read_is_refused(control: httpx.AsyncClient, path: str, body: Json) -> None:
    assert (await control.put(path, json=body)).status_code == 400
    assert (await control.post("/clusters/cluster-001/faults", json={"kind": "explode"})).status_code == 400
