"""Starting runs: one instance per cluster, request keys, conflicts, replaced runs, lists."""

from concurrent.futures import ThreadPoolExecutor

from arcway.domain.codes import Code
from tests.e2e.conftest import Arcway, Control, SimulatedCluster


def test_a_start_is_accepted_with_a_place_to_look(arcway: Arcway, cluster: SimulatedCluster) -> None:
    answer = arcway.start(arcway.request(cluster), headers={"x-ms-correlation-request-id": "11112222-abcd"})
    assert answer.status_code == 202
    run = answer.json()
    assert answer.headers["Location"] == f"/api/runs/{run['id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    assert run["state"] in ("Accepted", "Running")
    assert run["startedBy"] == {"name": "local", "objectId": None}
    finished = arcway.finish(run["id"])
    assert finished["correlationId"] == "11112222-abcd"
    sent = {item["correlationId"] for item in arcway.asked("connectedClusters/")}
    assert "11112222-abcd" in sent


def test_the_same_key_gives_the_same_run_while_it_runs_and_afterwards(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    headers = {"Idempotency-Key": "order-1"}
    first = arcway.start(arcway.request(cluster), headers=headers)
    second = arcway.start(arcway.request(cluster), headers=headers)
    assert first.json()["id"] == second.json()["id"]
    arcway.finish(first.json()["id"])
    third = arcway.start(arcway.request(cluster), headers=headers)
    assert (third.status_code, third.json()["id"]) == (200, first.json()["id"])


def test_another_request_while_one_runs_is_a_conflict_that_names_it(
    arcway: Arcway, azure: Control, cluster: SimulatedCluster
) -> None:
    azure.put("paces", {"registration": {"seconds": 1}})
    first = arcway.start(arcway.request(cluster)).json()
    equal = arcway.start(arcway.request(cluster))
    assert (equal.status_code, equal.json()["id"]) == (202, first["id"])
    second = arcway.start(arcway.request(cluster, tags={"x": "y"}))
    assert second.status_code == 409
    assert second.headers["Content-Type"].startswith("application/problem+json")
    assert second.json()["code"] == Code.RUN_IN_PROGRESS
    assert second.json()["details"] == [{"run": first["id"], "href": f"/api/runs/{first['id']}"}]
    assert arcway.finish(first["id"])["state"] == "Succeeded"


def test_many_simultaneous_starts_make_one_run(arcway: Arcway, cluster: SimulatedCluster) -> None:
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda _: arcway.start(arcway.request(cluster)), range(50)))
    assert {answer.status_code for answer in answers} == {202}
    (run_id,) = {answer.json()["id"] for answer in answers}
    assert arcway.finish(run_id)["state"] == "Succeeded"
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]


def test_a_replaced_run_is_gone_and_names_the_later_one(arcway: Arcway, cluster: SimulatedCluster) -> None:
    first = arcway.start(arcway.request(cluster), headers={"Idempotency-Key": "one"}).json()["id"]
    arcway.finish(first)
    later = arcway.connect(cluster)["id"]
    gone = arcway.http.get(f"/runs/{first}")
    assert (gone.status_code, gone.json()["code"]) == (410, Code.RUN_SUPERSEDED)
    assert gone.json()["details"] == [{"run": later, "href": f"/api/runs/{later}"}]
    old_key = arcway.start(arcway.request(cluster), headers={"Idempotency-Key": "one"})
    assert (old_key.status_code, old_key.json()["details"][0]["run"]) == (410, later)


def test_runs_are_listed_newest_first_page_by_page(arcway: Arcway, cluster: SimulatedCluster) -> None:
    names = [f"p{number}" for number in range(3)]
    for name in names:
        body = arcway.request(cluster, name=name, kubeconfig={"secret": "arcway-missing"})
        arcway.finish(arcway.start(body).json()["id"])
    observed, token = [], None
    while True:
        query = {"subscription": arcway.subscription, "top": "2", **({"continuationToken": token} if token else {})}
        page = arcway.http.get("/runs", params=query).json()
        observed += [run["cluster"]["name"] for run in page["value"]]
        token = page["continuationToken"]
        if not token:
            break
    assert observed == names[::-1]
    failed = arcway.http.get("/runs", params={"subscription": arcway.subscription, "state": "Failed"}).json()["value"]
    assert len(failed) == 3
    assert (
        arcway.http.get("/runs", params={"subscription": arcway.subscription, "state": "Running"}).json()["value"] == []
    )


def test_wrong_queries_name_every_parameter(arcway: Arcway) -> None:
    answer = arcway.http.get("/runs", params={"top": "0", "createdFrom": "yesterday"})
    assert (answer.status_code, answer.json()["code"]) == (400, Code.INVALID_PARAMETERS)
    assert {item["field"] for item in answer.json()["details"]} == {"top", "createdFrom"}
    assert arcway.http.get("/runs", params={"continuationToken": "%%%"}).json()["code"] == Code.INVALID_PARAMETERS


def test_finished_runs_of_a_day_and_running_ones_are_never_removed(
    arcway: Arcway, azure: Control, cluster: SimulatedCluster
) -> None:
    finished = arcway.finish(
        arcway.start(arcway.request(cluster, kubeconfig={"secret": "arcway-missing"})).json()["id"]
    )
    azure.put("paces", {"connection": {"seconds": 600}})
    running = arcway.start(arcway.request(cluster, name="running")).json()["id"]
    assert arcway.http.post("/runs/purge", params={"olderThan": "1d"}).json() == {"purged": 0}
    for age in ("soon", "0s", "23h"):
        wrong = arcway.http.post("/runs/purge", params={"olderThan": age})
        assert (wrong.status_code, wrong.json()["details"][0]["field"]) == (400, "olderThan")
    for run in (finished["id"], running):
        assert arcway.http.get(f"/runs/{run}").status_code == 200
    arcway.http.post(f"/runs/{running}/cancel")
    arcway.finish(running)


def test_unknown_runs_paths_and_methods_are_problems(arcway: Arcway) -> None:
    unknown = arcway.http.get(f"/runs/cluster-{'0' * 26}.{'0' * 12}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, Code.RUN_NOT_FOUND)
    assert arcway.http.get("/runs/nonsense").json()["code"] == Code.RUN_NOT_FOUND
    path = arcway.http.get("/no/such/path")
    assert (path.status_code, path.json()["code"]) == (404, Code.PATH_NOT_FOUND)
    method = arcway.http.delete("/runs")
    assert (method.status_code, method.json()["code"], method.headers["Allow"]) == (
        405,
        Code.METHOD_NOT_ALLOWED,
        "GET, HEAD",
    )


def test_health_tells_the_parts_apart(arcway: Arcway) -> None:
    answer = arcway.http.get("/health")
    parts = {"engine": "ok", "resourceManager": "ok", "broker": "configured"}
    self_test = {"settings": "ok", "workFolder": "ok", "memoryFiles": "ok", "helm": "ok"}
    assert answer.json() == {**parts, "selfTest": self_test}
