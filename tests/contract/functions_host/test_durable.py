"""Every kind of durable function, over HTTP through the app's own clients and the management API."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.contract.functions_host.hosting import MANAGEMENT, Host, eventually


def test_a_started_orchestration_answers_with_its_management_links(host: Host, name: str) -> None:
    reply = host.start("chain", name)
    links = reply.json()
    assert reply.status_code == 202
    assert reply.headers["Retry-After"] == "10"
    assert reply.headers["Location"] == links["statusQueryGetUri"]
    assert links["id"] == name
    host.until(name, "Completed")
    assert host.http.get(links["statusQueryGetUri"]).json()["output"] == ["A", "A!", "3"]
    assert host.http.delete(links["purgeHistoryDeleteUri"]).json() == {"instancesDeleted": 1}
    assert host.status(name).status_code == 404


def test_both_clients_see_the_same_instance(host: Host, name: str) -> None:
    host.start("echo", name, {"a": 1})
    assert host.http.get(f"/api/wait/{name}").json() == '{"a": 1}'
    assert host.http.get(f"/api/sync-state/{name}").json() == "COMPLETED"


def test_a_retry_policy_repeats_a_failing_activity(host: Host, name: str) -> None:
    assert host.run("retried", name)["output"] == 3


def test_an_external_event_is_delivered_and_custom_status_shown(host: Host, name: str) -> None:
    host.start("listens", name)
    assert host.until(name, "Running")["customStatus"] == {"listening": True}
    reply = host.status(name)
    assert (reply.status_code, reply.headers["Retry-After"]) == (202, "5")
    assert host.http.post(f"{MANAGEMENT}/instances/{name}/raiseEvent/GO", json={"x": 1}).status_code == 202
    assert host.until(name, "Completed")["output"] == {"x": 1}
    assert host.http.post(f"{MANAGEMENT}/instances/{name}/raiseEvent/go", json=1).status_code == 410


def test_raise_event_refuses_other_content_than_json(host: Host, name: str) -> None:
    url = f"{MANAGEMENT}/instances/{name}/raiseEvent/go"
    assert host.http.post(url, json=1).status_code == 404
    host.start("listens", name)
    assert host.http.post(url, content="1", headers={"Content-Type": "text/plain"}).status_code == 400
    assert host.http.post(url, content="{", headers={"Content-Type": "application/json"}).status_code == 400
    assert host.post(f"{name}/terminate", reason="over").status_code == 202
    host.until(name, "Terminated")


def test_suspend_holds_events_until_resume(host: Host, name: str) -> None:
    host.start("listens", name)
    host.until(name, "Running")
    assert host.post(f"{name}/suspend", reason="a pause").status_code == 202
    host.until(name, "Suspended")
    host.http.post(f"{MANAGEMENT}/instances/{name}/raiseEvent/go", json="later")
    assert host.status(name).json()["runtimeStatus"] == "Suspended"
    assert host.post(f"{name}/resume").status_code == 202
    assert host.until(name, "Completed")["output"] == "later"


def test_terminate_ends_an_instance_once_and_its_children_with_it(host: Host, name: str) -> None:
    host.start("parent", name, {"child": "listens", "input": None})
    host.until(f"{name}-child", "Running")
    assert host.post(f"{name}/terminate", reason="enough").status_code == 202
    assert host.until(name, "Terminated")["output"] == "enough"
    host.until(f"{name}-child", "Terminated")
    assert host.post(f"{name}/terminate").status_code == 410
    assert host.post(f"{name}-none/terminate").status_code == 404


def test_a_sub_orchestration_returns_its_result(host: Host, name: str) -> None:
    assert host.run("parent", name, {"child": "echo", "input": [1]})["output"] == [1]


def test_the_failure_of_a_sub_orchestration_keeps_its_details(host: Host, name: str) -> None:
    document = host.run("parent", name, {"child": "raises", "input": None})
    assert document["runtimeStatus"] == "Failed"
    assert "nothing there" in document["output"]
    history = host.status(name, showHistory="true").json()["historyEvents"]
    failed = next(event for event in history if event["EventType"] == "SubOrchestrationInstanceFailed")
    assert failed["FailureDetails"]["ErrorMessage"] == "nothing there"
    assert "LookupError" in failed["FailureDetails"]["ErrorType"]


def test_an_unknown_sub_orchestration_fails_the_parent(host: Host, name: str) -> None:
    assert "'nobody' doesn't exist" in host.run("parent", name, {"child": "nobody", "input": None})["output"]


def test_an_activity_that_fails_without_a_message_fails(host: Host, name: str) -> None:
    assert host.run("empty_failure", name)["runtimeStatus"] == "Failed"


def test_continue_as_new_is_not_woken_by_timers_of_an_earlier_execution(host: Host, name: str) -> None:
    document = host.run("counts_down", name, 2)
    assert document["output"] == "zero"
    history = host.status(name, showHistory="true").json()["historyEvents"]
    started, *_, ended = (datetime.fromisoformat(event["Timestamp"]) for event in history)
    assert ended - started >= timedelta(seconds=0.6)


def test_an_entity_is_signalled_called_and_deleted(host: Host, name: str) -> None:
    assert host.run("counts_with_entity", name)["output"] == 5
    host.http.post(f"/api/entities/{name}/add", params={"by": "4"})
    assert eventually(lambda: host.http.get(f"/api/entities/{name}").json() == 9 or None)
    host.http.post(f"/api/entities/{name}/delete")
    assert eventually(lambda: host.http.get(f"/api/entities/{name}").json() is None or None)


def test_a_finished_id_is_replaced_and_a_running_one_refused(host: Host, name: str) -> None:
    assert host.run("echo", name, "first")["output"] == "first"
    assert host.run("echo", name, "second")["output"] == "second"
    host.start("listens", name)
    assert host.start("echo", name).status_code == 500
    assert host.http.post(f"{MANAGEMENT}/orchestrators/echo/{name}", json=1).status_code == 409
    host.post(f"{name}/terminate")
    host.until(name, "Terminated")


@pytest.mark.parametrize("instance_id", ["a%23b", "@x", "y" * 101, "a%09b"])
def test_ids_that_azure_refuses_are_refused(host: Host, instance_id: str) -> None:
    reply = host.http.post(f"{MANAGEMENT}/orchestrators/echo/{instance_id}", json=1)
    assert reply.status_code == 400
    assert "nstance IDs must not" in reply.json()["Message"]


def test_an_unknown_orchestrator_is_refused(host: Host) -> None:
    reply = host.http.post(f"{MANAGEMENT}/orchestrators/nobody", json=1)
    assert reply.status_code == 400
    assert "'nobody' doesn't exist" in reply.json()["Message"]


def test_orchestrator_names_are_not_case_sensitive(host: Host, name: str) -> None:
    assert host.run("ECHO", name, 1)["output"] == 1


def test_a_custom_status_over_the_limit_fails_the_orchestration(host: Host, name: str) -> None:
    assert host.run("status_of_length", name, 8192)["output"] == "fits"
    document = host.run("status_of_length", name, 8193)
    assert document["runtimeStatus"] == "Failed"
    assert "has 8193 UTF-16 characters" in document["output"]


def test_a_scheduled_start_waits_for_its_time(host: Host, name: str) -> None:
    host.http.post(f"/api/delayed/{name}", params={"seconds": "0.5"})
    assert host.status(name).json()["runtimeStatus"] == "Pending"
    host.until(name, "Completed")
    history = host.status(name, showHistory="true").json()
    assert history["output"] == "late"


def test_histories_over_four_megabytes_and_real_timestamps(host: Host, name: str) -> None:
    assert host.run("big", name, 2_000_000)["output"] == 6_000_000
    host.start("chain", name)
    document = host.until(name, "Completed")
    history = host.status(name, showHistory="true").json()["historyEvents"]
    assert all(event["Timestamp"][:4] == document["createdTime"][:4] != "1970" for event in history)


def test_many_clients_wait_at_once(host: Host, name: str) -> None:
    host.start("listens", name)
    with ThreadPoolExecutor(30) as pool:
        waiting = [pool.submit(host.http.get, f"/api/wait/{name}") for _ in range(30)]
        host.until(name, "Running")
        host.http.post(f"{MANAGEMENT}/instances/{name}/raiseEvent/go", json="now")
        assert {reply.result().json() for reply in waiting} == {'"now"'}


def test_activities_run_no_wider_than_host_json_says(host: Host, name: str) -> None:
    assert host.run("fan_out", name, {"count": 12, "seconds": 0.05})["output"] == 12
    assert host.facts()["most"] == 4


def test_instances_are_queried_in_pages(host: Host, name: str) -> None:
    for number in range(5):
        host.run("echo", f"{name}-{number}", number)
    collected, token = [], ""
    while True:
        headers = {"x-ms-continuation-token": token} if token else {}
        reply = host.http.get(
            f"{MANAGEMENT}/instances",
            params={"top": "2", "instanceIdPrefix": f"{name}-", "runtimeStatus": "Completed,Failed"},
            headers=headers,
        )
        assert len(reply.json()) <= 2
        collected += [document["output"] for document in reply.json()]
        token = reply.headers.get("x-ms-continuation-token", "")
        if not token:
            break
    assert collected == [0, 1, 2, 3, 4]
    assert host.http.get(f"/api/count/{name}").json() == 5


def test_many_are_purged_by_creation_time(host: Host, name: str) -> None:
    url = f"{MANAGEMENT}/instances"
    assert host.http.delete(url).status_code == 400
    assert host.http.delete(url, params={"createdTimeFrom": "2999-01-01T00:00:00Z"}).status_code == 404
    assert host.http.get(url, params={"runtimeStatus": "Odd"}).status_code == 400


def test_a_failed_instance_is_rewound_or_restarted(host: Host, name: str) -> None:
    assert host.run("raises", name)["runtimeStatus"] == "Failed"
    assert host.status(name, returnInternalServerErrorOnFailure="true").status_code == 500
    restarted = host.post(f"{name}/restart").json()["id"]
    assert restarted != name
    assert host.until(restarted, "Failed")["name"] == "raises"
    assert host.post(f"{name}/rewind", reason="again").status_code == 202
    host.until(name, "Failed")
    assert host.run("echo", name)["runtimeStatus"] == "Completed"
    assert host.post(f"{name}/rewind").status_code == 410


def test_rewind_repeats_only_what_failed(host: Host, name: str) -> None:
    assert host.run("flaky", name, name)["output"].endswith("attempt 1")
    host.post(f"{name}/rewind")
    document = eventually(lambda: _with_output(host, name, "attempt 2"))
    assert document["runtimeStatus"] == "Failed"
    host.post(f"{name}/rewind")
    assert host.until(name, "Completed")["output"] == 3


def test_rewinding_a_parent_rewinds_its_failed_child(host: Host, name: str) -> None:
    host.run("parent", name, {"child": "flaky", "input": name})
    host.post(f"{name}/rewind")
    eventually(lambda: _with_output(host, name, "attempt 2"))
    host.post(f"{name}/rewind")
    assert host.until(name, "Completed")["output"] == 3


def test_locked_entities_are_used_by_one_orchestration_at_a_time(host: Host, name: str) -> None:
    for number in range(4):
        host.start("locks", f"{name}-{number}", name)
    assert [host.until(f"{name}-{number}", "Completed")["output"] for number in range(4)] == [1, 1, 1, 1]


def test_durable_http_calls_use_the_built_in_functions(host: Host, name: str) -> None:
    assert host.run("calls_http", name, f"{host.url}/api/overlap/x")["output"] == [200, "a_general"]


def _with_output(host: Host, instance_id: str, message: str) -> dict[str, Any] | None:
    document: dict[str, Any] = host.status(instance_id).json()
    return document if message in str(document["output"]) else None


def test_signals_of_others_wait_while_an_entity_is_locked(host: Host, name: str) -> None:
    host.start("locks_until_told", f"{name}-holder", name)
    eventually(lambda: host.status(f"{name}-holder").json().get("customStatus") == "locked" or None)
    for _ in range(3):
        assert host.http.post(f"/api/entities/{name}/add", params={"by": "5"}).is_success
    assert host.raise_event(f"{name}-holder", "go").status_code == 202
    assert host.until(f"{name}-holder", "Completed", "Failed")["output"] == 0
    assert eventually(lambda: host.http.get(f"/api/entities/{name}").json() == 15 or None)


def test_calls_in_the_wrong_state_are_refused_and_harm_nothing(host: Host, name: str) -> None:
    assert host.post(f"{name}/resume").status_code == 404
    host.start("listens", name)
    host.until(name, "Running")
    assert host.post(f"{name}/resume").status_code == 409
    assert host.post(f"{name}/suspend").status_code == 202
    host.until(name, "Suspended")
    assert host.post(f"{name}/suspend").status_code == 409
    assert host.post(f"{name}/resume").status_code == 202
    host.raise_event(name, "go", "done")
    assert host.until(name, "Completed", "Failed")["output"] == "done"
    finished = host.status(name).json()
    for call in ("resume", "suspend", "terminate"):
        assert host.post(f"{name}/{call}").status_code == 410
    assert host.status(name).json() == finished
