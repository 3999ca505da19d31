"""Runs over HTTP: started, read, listed, canceled and retried, each for the role that goes with it."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from durabletask.client import OrchestrationStatus

from arcway.domain.codes import Code
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from tests.installations import local_installation
from tests.unit.triggers.task_hub import BODY, PLACE, RITA, SUBSCRIPTION, Api, TaskHub
from triggers.access.callers import Role

TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
OFFBOARDING: Json = {**PLACE, "kubeconfig": {"secret": "arcway-shop"}}
STARTS: list[tuple[str, Json, str]] = [
    ("POST onboardings", BODY, "onboard"),
    ("POST offboardings", OFFBOARDING, "offboard"),
    ("POST updates", {**OFFBOARDING, "tags": {"a": "b"}}, "update"),
    ("POST upgrades", OFFBOARDING, "upgrade"),
]


async def started(api: Api, route: str = "POST onboardings", body: Json = BODY) -> Json:
    response = await api.send(route, body=body)
    assert response.status == 202
    document: Json = response.body
    return document


@pytest.mark.parametrize(("route", "body", "operation"), STARTS)
async def test_a_run_is_started_once_for_its_key(
    api: Api, hub: TaskHub, route: str, body: Json, operation: str
) -> None:
    headers: Json = {"Idempotency_Key": "key 1", "x_ms_correlation_request_id": "correlation-1", "traceparent": TRACE}
    first, again = [await api.send(route, body=body, **headers) for _ in range(2)]
    assert (first.status, again.status, first.body) == (202, 202, again.body)
    assert first.headers["Location"] == f"/api/runs/{first.body['id']}"
    assert first.headers["Retry-After"] == "2"
    payload = hub.only.payload
    assert hub.only.instance_id == ClusterId(SUBSCRIPTION, "clusters", "shop").instance()
    assert (payload["operation"], payload["requestKey"]) == (operation, "key 1")
    assert (payload["correlationId"], payload["traceparent"]) == ("correlation-1", TRACE)
    assert (payload["startedBy"]["objectId"], payload["roles"]) == (RITA, sorted(Role))
    assert payload["source"] is None
    ended = hub.end(hub.only.instance_id)
    response = await api.send(route, body=body, **headers)
    assert (response.status, response.body["id"], response.body["state"]) == (200, ended["id"], "Succeeded")
    assert "Location" not in response.headers


async def test_a_run_has_the_source_of_its_events_where_there_is_a_broker(hub: TaskHub) -> None:
    installation = local_installation(ServiceBusConnection="Endpoint=sb://x/")
    assert installation.settings.publishes
    await Api(hub, *Role, installation=installation).send("POST onboardings", body=BODY)
    assert hub.only.payload["source"] == installation.settings.source


@pytest.mark.parametrize(("route", "body", "operation"), STARTS)
async def test_a_dry_run_checks_and_is_waited_for(
    api: Api, hub: TaskHub, route: str, body: Json, operation: str
) -> None:
    response = await api.send(route, body=body, query={"dryRun": "true"}, Idempotency_Key="key 1")
    assert (response.status, response.body["state"]) == (200, "Succeeded")
    instance = ClusterId(SUBSCRIPTION, "clusters", "shop").instance("check")
    assert hub.waits == [(instance, 60)]
    assert hub.only.payload["operation"] == hub.only.payload["request"]["operation"] == "check"
    assert uuid.UUID(hub.only.payload["requestKey"])


async def test_a_check_that_takes_long_is_accepted(api: Api, hub: TaskHub) -> None:
    hub.completes = False
    response = await api.send("POST onboardings", body={**BODY, "operation": "check"})
    assert (response.status, response.headers["Location"]) == (202, f"/api/runs/{response.body['id']}")
    assert hub.only.payload["operation"] == "check"


async def test_dry_run_false_starts_the_run(api: Api, hub: TaskHub) -> None:
    assert (await api.send("POST onboardings", body=BODY, query={"dryRun": "false"})).status == 202
    assert hub.waits == []


@pytest.mark.parametrize("key", ["", "x" * 129, "é", "a\tb"])
async def test_a_key_that_is_none_is_refused(api: Api, hub: TaskHub, key: str) -> None:
    response = await api.send("POST onboardings", body=BODY, Idempotency_Key=key)
    assert (response.status, response.body["code"]) == (400, Code.INVALID_PARAMETERS)
    message = "must have 1 to 128 printable ASCII characters"
    assert response.body["details"] == [{"field": "Idempotency-Key", "message": message}]
    assert not hub.instances


async def test_a_key_of_128_characters_is_taken_and_without_one_each_run_has_its_own(api: Api, hub: TaskHub) -> None:
    assert (await api.send("POST onboardings", body=BODY, Idempotency_Key="~" * 128)).status == 202
    assert (await api.send("POST onboardings", body={**BODY, "name": "other"})).status == 202
    first, second = [instance.payload["requestKey"] for instance in hub.instances.values()]
    assert first == "~" * 128
    assert uuid.UUID(second)


@pytest.mark.parametrize(("route", "body", "operation"), STARTS)
async def test_a_body_of_another_operation_or_none_is_refused(
    api: Api, hub: TaskHub, route: str, body: Json, operation: str
) -> None:
    other = "offboard" if operation != "offboard" else "onboard"
    bodies: list[Any] = [{**body, "operation": other}, [], None, b"{", {**body, "nothing": 1}]
    for wrong in bodies:
        assert (await api.send(route, body=wrong)).status == 400
    assert not hub.instances


@pytest.mark.parametrize(("route", "body", "operation"), STARTS)
async def test_a_run_needs_the_role_of_its_operation(hub: TaskHub, route: str, body: Json, operation: str) -> None:
    needed = Role.OFFBOARD if operation == "offboard" else Role.ONBOARD
    response = await Api(hub, *(set(Role) - {needed})).send(route, body=body)
    assert (response.status, response.body["code"]) == (403, Code.ROLE_MISSING)
    assert not hub.instances
    run = await started(Api(hub, needed), route, body)
    for action in ("cancel", "retry"):
        response = await Api(hub, *(set(Role) - {needed})).send(f"POST runs/{{id}}/{action}", path={"id": run["id"]})
        assert (response.status, response.body["code"]) == (403, Code.ROLE_MISSING)
    assert not hub.events


async def test_a_run_is_read(api: Api, hub: TaskHub) -> None:
    run = await started(api)
    response = await api.send("GET runs/{id}", path={"id": run["id"]})
    assert (response.status, response.body) == (200, run)
    for unknown in ("x", "cluster-" + "0" * 26 + "." + "0" * 12):
        assert (await api.send("GET runs/{id}", path={"id": unknown})).status == 404
    hub.is_down = True
    response = await api.send("GET runs/{id}", path={"id": run["id"]})
    assert (response.status, response.headers["Retry-After"]) == (503, "5")


async def test_a_run_in_progress_is_canceled_and_one_that_ended_is_returned(api: Api, hub: TaskHub) -> None:
    run = await started(api)
    response = await api.send("POST runs/{id}/cancel", path={"id": run["id"]})
    assert (response.status, response.headers["Location"]) == (202, f"/api/runs/{run['id']}")
    assert response.body == run
    by = {"name": "Rita", "objectId": RITA}
    assert hub.events == [(hub.only.instance_id, "cancel", {"run": run["id"], "by": by})]
    hub.end(hub.only.instance_id, "Failed")
    response = await api.send("POST runs/{id}/cancel", path={"id": run["id"]})
    assert (response.status, response.body["state"]) == (200, "Failed")
    assert len(hub.events) == 1


async def test_a_run_that_ends_as_it_is_canceled_is_returned_as_it_ended(
    api: Api, hub: TaskHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await started(api)

    async def ended_meanwhile(client: Any, run_id: str, by: Any) -> bool:
        assert (client, run_id, by.object_id) == (hub, run["id"], RITA)
        hub.end(hub.only.instance_id)
        return False

    monkeypatch.setattr("triggers.run_routes.cancel_run", ended_meanwhile)
    response = await api.send("POST runs/{id}/cancel", path={"id": run["id"]})
    assert (response.status, response.body["state"]) == (200, "Succeeded")


async def test_a_run_in_progress_is_not_retried(api: Api, hub: TaskHub) -> None:
    run = await started(api)
    response = await api.send("POST runs/{id}/retry", path={"id": run["id"]})
    assert (response.status, response.body["code"]) == (409, Code.RUN_IN_PROGRESS)
    assert response.body["detail"] == f"Run {run['id']} is still in progress."
    assert response.body["details"] == [{"run": run["id"], "href": f"/api/runs/{run['id']}"}]


async def test_only_a_run_that_did_not_succeed_is_retried(api: Api, hub: TaskHub) -> None:
    run = await started(api)
    hub.end(hub.only.instance_id)
    response = await api.send("POST runs/{id}/retry", path={"id": run["id"]})
    assert (response.status, response.body["id"]) == (200, run["id"])
    hub.end(hub.only.instance_id, "Failed")
    response = await api.send("POST runs/{id}/retry", path={"id": run["id"]})
    assert response.status == 202
    assert response.body["id"] != run["id"]
    assert response.headers["Location"] == f"/api/runs/{response.body['id']}"
    assert response.headers["Retry-After"] == "2"
    assert hub.only.payload["correlationId"] == run["correlationId"]
    assert hub.only.payload["startedBy"]["objectId"] == RITA


# --- lists ---------------------------------------------------------------------------------------------------------


async def ids(api: Api, **query: str) -> list[str]:
    response = await api.send("GET runs", query=query)
    assert response.status == 200
    return [run["cluster"]["name"] for run in response.body["value"]]


@pytest.fixture
async def three(api: Api, hub: TaskHub) -> Api:
    """Three runs of today, yesterday and 40 days ago."""
    now = datetime.now(UTC)
    for name, days in (("a", 0), ("b", 1), ("c", 40)):
        before = set(hub.instances)
        route = "POST offboardings" if name == "b" else "POST onboardings"
        body = {**(OFFBOARDING if name == "b" else BODY), "name": name, "resourceGroup": f"group-{name}"}
        run = await started(api, route, body)
        (instance,) = set(hub.instances) - before
        created = now - timedelta(days=days)
        hub.instances[instance].payload["createdAt"] = created.isoformat().replace("+00:00", "Z")
        hub.instances[instance].created_at = hub.instances[instance].last_updated_at = created
        assert run["cluster"]["name"] == name
    return api


async def test_lists_are_of_30_days_newest_first_and_filtered(three: Api, hub: TaskHub) -> None:
    assert await ids(three) == ["a", "b"]
    longer = (datetime.now(UTC) - timedelta(days=41)).isoformat()
    assert await ids(three, createdFrom=longer) == ["a", "b", "c"]
    assert await ids(three, operation="OffBoard") == ["b"]
    assert await ids(three, resourceGroup="GROUP-A") == ["a"]
    assert await ids(three, subscription=SUBSCRIPTION) == ["a", "b"]
    assert await ids(three, subscription=SUBSCRIPTION.replace("a", "b")) == []
    assert await ids(three, state="accepted") == ["a", "b"]
    assert await ids(three, state="FAILED") == []


async def test_lists_have_pages(three: Api) -> None:
    first = await three.send("GET runs", query={"top": "1"})
    assert [run["cluster"]["name"] for run in first.body["value"]] == ["a"]
    token = first.body["continuationToken"]
    second = await three.send("GET runs", query={"top": "1", "continuationToken": token})
    assert [run["cluster"]["name"] for run in second.body["value"]] == ["b"]
    assert second.body["continuationToken"] is None


async def test_a_list_needs_the_role_to_read(hub: TaskHub) -> None:
    response = await Api(hub, Role.ONBOARD, Role.OFFBOARD).send("GET runs")
    assert (response.status, response.body["code"]) == (403, Code.ROLE_MISSING)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"top": "0"}, ["top"]),
        ({"top": "1001"}, ["top"]),
        ({"top": "+1"}, ["top"]),
        ({"top": "1_0"}, ["top"]),
        ({"top": " 1"}, ["top"]),
        ({"top": "1234567890"}, ["top"]),
        ({"createdFrom": "yesterday"}, ["createdFrom"]),
        ({"createdFrom": "1969-12-31T23:59:59Z"}, ["createdFrom"]),
        ({"createdFrom": "9999-01-01"}, ["createdFrom"]),
        ({"createdFrom": "0001-01-01T00:00:00+14:00"}, ["createdFrom"]),
        ({"state": "x", "operation": "y"}, ["operation", "state"]),
        ({"continuationToken": "x" * 257}, ["continuationToken"]),
        ({"created_from": "2026-01-01"}, ["created_from"]),
        ({"subscription": "a\x00"}, ["subscription"]),
    ],
)
async def test_parameters_that_are_none_are_named(api: Api, query: Json, fields: list[str]) -> None:
    response = await api.send("GET runs", query=query)
    assert (response.status, response.body["code"]) == (400, Code.INVALID_PARAMETERS)
    assert sorted(item["field"] for item in response.body["details"]) == fields


@pytest.mark.parametrize(
    "time",
    ["1970-01-01", "2026-03-01T12:00:00", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00 02:00", "9998-12-31T00:00:00Z"],
)
async def test_times_in_iso_8601_are_taken(api: Api, time: str) -> None:
    assert (await api.send("GET runs", query={"createdFrom": time})).status == 200


async def test_a_time_without_zone_is_utc_and_a_space_a_plus(three: Api, hub: TaskHub) -> None:
    noon = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    hub.instances[next(iter(hub.instances))].created_at = noon
    local = (noon + timedelta(hours=2)).replace(tzinfo=None).isoformat()
    assert await ids(three, createdFrom=f"{local} 02:00") == ["a"]
    assert await ids(three, createdFrom=noon.replace(tzinfo=None).isoformat()) == ["a"]
    assert await ids(three, createdFrom=local) == []


@pytest.mark.parametrize("flag", ["1", "True", "yes", "", "0"])
async def test_a_flag_is_true_or_false(api: Api, hub: TaskHub, flag: str) -> None:
    response = await api.send("POST onboardings", body=BODY, query={"dryRun": flag})
    assert (response.status, response.body["details"][0]["field"]) == (400, "dryRun")
    assert "must be true or false" in response.body["details"][0]["message"]
    assert not hub.instances


async def test_a_parameter_of_the_path_is_not_taken_from_the_query(api: Api) -> None:
    run = await started(api)
    response = await api.send("GET runs/{id}", path={"id": run["id"]}, query={"id": "x"})
    assert (response.status, response.body["code"]) == (400, Code.INVALID_PARAMETERS)
    assert response.body["details"] == [{"field": "id", "message": "belongs in the path, not in the query"}]


async def test_a_path_without_its_parameter_is_refused(api: Api) -> None:
    response = await api.send("GET runs/{id}")
    assert (response.status, response.body["details"][0]["field"]) == (400, "id")


# --- purge ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "expected"),
    [("1d", timedelta(days=1)), ("30d", timedelta(30)), ("24h", timedelta(1)), ("1440m", timedelta(1))],
)
async def test_finished_runs_are_purged_by_age(api: Api, hub: TaskHub, age: str, expected: timedelta) -> None:
    response = await api.send("POST runs/purge", query={"olderThan": age})
    assert (response.status, response.body) == (200, {"purged": 3})
    (purge,) = hub.purges
    assert timedelta() <= datetime.now(UTC) - expected - purge["created_time_to"] < timedelta(minutes=5)
    over = [OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED]
    assert purge["runtime_status"] == over


async def test_a_purge_is_seen_by_the_next_list(three: Api, hub: TaskHub) -> None:
    assert await ids(three) == ["a", "b"]
    hub.instances.clear()
    await three.send("POST runs/purge", query={"olderThan": "1d"})
    assert await ids(three) == []


@pytest.mark.parametrize("age", ["23h", "86399s", "0d", "1439m"])
async def test_runs_of_the_last_day_are_kept(api: Api, hub: TaskHub, age: str) -> None:
    response = await api.send("POST runs/purge", query={"olderThan": age})
    assert (response.status, response.body["code"]) == (400, Code.INVALID_PARAMETERS)
    message = "must be at least 1d: runs are kept for at least one day"
    assert response.body["details"] == [{"field": "olderThan", "message": message}]
    assert not hub.purges


@pytest.mark.parametrize("age", ["", "d", "1", "1w", "-1d", "999999d", "1.5d"])
async def test_an_age_that_is_none_is_refused(api: Api, hub: TaskHub, age: str) -> None:
    assert (await api.send("POST runs/purge", query={"olderThan": age})).status == 400
    assert not hub.purges


async def test_an_engine_that_does_not_purge_is_named(api: Api, hub: TaskHub) -> None:
    hub.is_down = True
    response = await api.send("POST runs/purge", query={"olderThan": "1d"})
    assert (response.status, response.body["code"]) == (503, Code.ENGINE_UNREACHABLE)
    assert response.body["detail"] == "The workflow engine does not respond."
    for roles in ([Role.ONBOARD], [Role.READ]):
        assert (await Api(hub, *roles).send("POST runs/purge", query={"olderThan": "1d"})).status == 403
