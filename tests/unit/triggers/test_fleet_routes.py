"""Fleets over HTTP: started, read, commanded, each for the role of its operation; and what a selection expands to."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.fleets.document import status_of
from arcway.domain.fleets.state import FleetState
from arcway.domain.ids import ClusterId, fleet_instance
from arcway.domain.json_values import Json
from arcway.domain.timestamps import timestamp
from tests.unit.triggers.task_hub import BODY, RITA, SUBSCRIPTION, Api, TaskHub
from triggers.access.callers import Role

DEFAULTS: Json = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "clusters"}
FLEET: Json = {
    "fleet": "shops",
    "operation": "offboard",
    "defaults": {**DEFAULTS, "azureOnly": True},
    "members": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
}
COMMANDS: list[tuple[str, Json | None, Json]] = [
    ("PATCH fleets/{id}", {"window": 7}, {"name": "set", "window": 7, "maxFailures": None}),
    ("PATCH fleets/{id}", {"maxFailures": "5%"}, {"name": "set", "window": None, "maxFailures": "5%"}),
    ("POST fleets/{id}/pause", None, {"name": "pause"}),
    ("POST fleets/{id}/resume", None, {"name": "resume", "maxFailures": None}),
    ("POST fleets/{id}/resume", {"maxFailures": 3}, {"name": "resume", "maxFailures": 3}),
    ("POST fleets/{id}/cancel", None, {"name": "cancel", "running": "finish"}),
    ("POST fleets/{id}/cancel", {"running": "cancel"}, {"name": "cancel", "running": "cancel"}),
    ("POST fleets/{id}/retry", None, {"name": "retry", "members": None, "codes": None}),
    (
        "POST fleets/{id}/retry",
        {"members": ["B"], "codes": [Code.IMAGE_PULL_FAILED]},
        {"name": "retry", "members": [1], "codes": [Code.IMAGE_PULL_FAILED]},
    ),
    (
        "POST fleets/{id}/skip",
        {"members": ["c", "a"]},
        {"name": "skip", "members": [0, 2], "stage": None, "soak": False},
    ),
    ("POST fleets/{id}/skip", {"stage": "all"}, {"name": "skip", "members": None, "stage": "all", "soak": False}),
]


async def started(api: Api, body: Json = FLEET) -> Json:
    response = await api.send("POST fleets", body=body)
    assert response.status == 202
    document: Json = response.body
    return document


def complete(hub: TaskHub, name: str) -> None:
    """Let the fleet's orchestration end."""
    fleet = hub.instances[fleet_instance(name)]
    fleet.runtime_status = type(fleet.runtime_status).COMPLETED


def members_of(hub: TaskHub) -> list[Json]:
    """The members on the pages of the one fleet."""
    return [member for item in hub.instances.values() for member in item.payload.get("members", [])]


async def test_a_fleet_is_started_once_for_its_key(api: Api, hub: TaskHub) -> None:
    headers: Json = {"Idempotency_Key": "key 1", "x_ms_correlation_request_id": "correlation-1"}
    first, again = [await api.send("POST fleets", body=FLEET, **headers) for _ in range(2)]
    assert (first.status, again.status, first.body["id"]) == (202, 202, again.body["id"])
    assert first.headers["Location"] == f"/api/fleets/{first.body['id']}"
    payload = hub.instances[fleet_instance("shops")].payload
    assert (payload["key"], payload["correlationId"], payload["size"]) == ("key 1", "correlation-1", 3)
    assert (payload["startedBy"]["objectId"], payload["roles"]) == (RITA, sorted(Role))
    assert [member["name"] for member in members_of(hub)] == ["a", "b", "c"]
    complete(hub, "shops")
    response = await api.send("POST fleets", body=FLEET, **headers)
    assert (response.status, response.body["id"]) == (200, first.body["id"])
    assert "Location" not in response.headers


async def test_a_fleet_whose_last_events_are_not_sent_has_ended_for_its_key_and_excludes_others(
    api: Api, hub: TaskHub
) -> None:
    headers: Json = {"Idempotency_Key": "key 1"}
    first = await api.send("POST fleets", body=FLEET, **headers)
    instance = hub.instances[fleet_instance("shops")]
    state = FleetState.of(instance.payload)
    state.end_others()
    instance.custom_status = status_of(instance.payload, state, 1, "Canceled")
    again = await api.send("POST fleets", body=FLEET, **headers)
    assert (again.status, again.body["id"], again.body["state"]) == (200, first.body["id"], "Canceled")
    other = await api.send("POST fleets", body=FLEET)
    assert (other.status, other.body["code"]) == (409, Code.FLEET_IN_PROGRESS)
    assert "has ended, but not all of its events are sent" in other.body["detail"]


async def test_a_fleet_has_a_key_that_is_one(api: Api, hub: TaskHub) -> None:
    response = await api.send("POST fleets", body=FLEET, Idempotency_Key="é")
    assert (response.status, response.body["code"]) == (400, Code.INVALID_PARAMETERS)
    assert not hub.instances


async def test_a_fleet_may_be_larger_than_other_bodies(api: Api, hub: TaskHub) -> None:
    members = [{"name": f"cluster-{number}"} for number in range(6000)]
    response = await api.send("POST fleets", body={**FLEET, "members": members})
    assert (response.status, response.body["size"]) == (202, 6000)


async def test_a_fleet_is_read_by_its_id_and_its_name(api: Api) -> None:
    fleet = await started(api)
    for name in (fleet["id"], "shops"):
        response = await api.send("GET fleets/{id}", path={"id": name})
        assert (response.status, response.body["id"]) == (200, fleet["id"])
    assert (await api.send("GET fleets/{id}", path={"id": "other"})).status == 404
    assert (await api.send("GET fleets/{id}", path={"id": "x" * 64})).status == 400


async def test_fleets_are_listed(api: Api, hub: TaskHub, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = await started(api)

    async def only_fleets(query: Any) -> list[Any]:
        assert query.instance_id_prefix == "fleet-"
        return [hub.instances[fleet_instance("shops")]]

    monkeypatch.setattr(TaskHub, "get_all_orchestration_states", lambda _, query: only_fleets(query))
    response = await api.send("GET fleets")
    assert (response.status, [item["id"] for item in response.body["value"]]) == (200, [fleet["id"]])


async def test_members_are_listed_by_page(api: Api) -> None:
    fleet = await started(api)

    async def page(**query: str) -> tuple[list[str], str | None]:
        response = await api.send("GET fleets/{id}/members", path={"id": fleet["id"]}, query=query)
        assert response.status == 200
        return [item["name"] for item in response.body["value"]], response.body["continuationToken"]

    assert await page() == (["a", "b", "c"], None)
    assert await page(top="2") == (["a", "b"], "2")
    assert await page(top="2", continuationToken="2") == (["c"], None)
    assert await page(state="waiting", continuationToken="0") == (["a", "b", "c"], None)
    assert await page(state="failed") == ([], None)
    assert await page(code="ARC-5008") == ([], None)
    wrong_queries: list[Json] = [
        {"top": "0"},
        {"top": "501"},
        {"state": "x"},
        {"code": "5008"},
        {"continuationToken": "-1"},
    ]
    for wrong in wrong_queries:
        response = await api.send("GET fleets/{id}/members", path={"id": fleet["id"]}, query=wrong)
        assert response.status == 400


@pytest.mark.parametrize(("route", "body", "command"), COMMANDS)
async def test_a_command_reaches_the_fleet(
    api: Api, hub: TaskHub, route: str, body: Json | None, command: Json
) -> None:
    fleet = await started(api)
    hub.fail_member("shops", Code.IMAGE_PULL_FAILED)
    response = await api.send(route, path={"id": "shops"}, body=body)
    assert (response.status, response.body["id"]) == (202, fleet["id"])
    assert response.headers["Location"] == f"/api/fleets/{fleet['id']}"
    ((instance, event, data),) = hub.events
    assert (instance, event) == (fleet_instance("shops"), "command")
    assert uuid.UUID(data.pop("id"))
    assert data.pop("at")
    assert data == {**command, "fleet": fleet["id"], "by": {"name": "Rita", "objectId": RITA}}


@pytest.mark.parametrize(("route", "body", "command"), COMMANDS)
async def test_a_command_needs_the_role_of_the_fleets_operation(
    api: Api, hub: TaskHub, route: str, body: Json | None, command: Json
) -> None:
    await started(api)
    hub.fail_member("shops", Code.IMAGE_PULL_FAILED)
    response = await Api(hub, Role.READ, Role.ONBOARD).send(route, path={"id": "shops"}, body=body)
    assert (response.status, response.body["code"]) == (403, Code.ROLE_MISSING)
    response = await Api(hub, Role.OFFBOARD).send(route, path={"id": "shops"}, body=body)
    assert (response.status, len(hub.events)) == (202, 1)


@pytest.mark.parametrize(
    ("route", "body", "code", "field"),
    [
        ("PATCH fleets/{id}", None, Code.INVALID_FIELDS, "(body)"),
        ("PATCH fleets/{id}", {"window": "7"}, Code.INVALID_FIELDS, "window"),
        ("PATCH fleets/{id}", [], Code.BODY_NOT_JSON, None),
        ("PATCH fleets/{id}", b"{", Code.BODY_NOT_JSON, None),
        ("POST fleets/{id}/cancel", {"running": "kill"}, Code.INVALID_FIELDS, "running"),
        ("POST fleets/{id}/retry", {"codes": ["x"]}, Code.INVALID_FIELDS, "codes.0"),
        ("POST fleets/{id}/skip", None, Code.INVALID_FIELDS, "(body)"),
        ("POST fleets/{id}/skip", {"stage": "none"}, Code.INVALID_FIELDS, "stage"),
        ("POST fleets/{id}/resume", {"maxFailures": "many"}, Code.INVALID_FIELDS, "maxFailures"),
        ("PATCH fleets/{id}", {"maxFailures": True}, Code.INVALID_FIELDS, "maxFailures"),
        ("POST fleets/{id}/skip", {"members": []}, Code.INVALID_FIELDS, "members"),
        ("POST fleets/{id}/skip", {"members": ["z"]}, Code.INVALID_FIELDS, "members"),
    ],
)
async def test_a_command_that_is_none_is_refused(
    api: Api, hub: TaskHub, route: str, body: Any, code: Code, field: str | None
) -> None:
    await started(api)
    response = await api.send(route, path={"id": "shops"}, body=body)
    assert (response.status, response.body["code"]) == (400, code)
    assert [item["field"] for item in response.body["details"] or []] == ([field] if field else [])
    if field and body not in ({"members": ["z"]}, {"stage": "none"}):
        assert response.body["detail"] == f"The request has invalid fields: {field}."
    assert not hub.events


async def test_a_retry_of_nothing_is_refused(api: Api, hub: TaskHub) -> None:
    await started(api)
    hub.fail_member("shops", Code.IMAGE_PULL_FAILED)
    for body, status in (({"codes": [Code.HELM_FAILED]}, 409), ({"codes": [Code.IMAGE_PULL_FAILED]}, 202)):
        response = await api.send("POST fleets/{id}/retry", path={"id": "shops"}, body=body)
        assert response.status == status


# --- selections ----------------------------------------------------------------------------------------------------


async def test_connected_clusters_that_azure_lists_become_members(
    api: Api, hub: TaskHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None]] = []

    def listed(installation: Any, subscription: str, group: str | None) -> list[Json]:
        assert installation is api.invocation.installation
        asked.append((subscription, group))
        names = [("North", "shop-1", {"team": "shop"}), ("south", "bank-1", {}), ("south", "shop-2", {"team": "shop"})]
        return [
            {"id": ClusterId(subscription.upper(), group, name).resource_id, "name": name, "tags": tags}
            for group, name, tags in names
        ]

    monkeypatch.setattr(queries, "connected_clusters_in", listed)
    chosen: Json = {"subscriptions": [SUBSCRIPTION, SUBSCRIPTION], "tags": {"team": "shop"}}
    body: Json = {
        "fleet": "tags",
        "operation": "update",
        "defaults": {"tags": {"a": "b"}},
        "select": {"connectedClusters": chosen},
    }
    assert (await started(api, body))["size"] == 2
    assert asked == [(SUBSCRIPTION, None)]
    places = [{"subscriptionId": SUBSCRIPTION, "resourceGroup": group} for group in ("North", "south")]
    assert members_of(hub) == [{**places[0], "name": "shop-1"}, {**places[1], "name": "shop-2"}]
    hub.instances.clear()
    one = {"connectedClusters": {"subscriptions": [SUBSCRIPTION], "resourceGroups": ["south"]}}
    await started(api, {**body, "select": one})
    assert asked[1:] == [(SUBSCRIPTION, "south")]
    hub.instances.clear()
    two = {"connectedClusters": {"subscriptions": [SUBSCRIPTION], "resourceGroups": ["south", "north"]}}
    await started(api, {**body, "select": two})
    assert asked[2:] == [(SUBSCRIPTION, None)]


async def test_members_of_another_fleet_are_selected_with_their_requests(api: Api, hub: TaskHub) -> None:
    fleet = await started(api)
    select = {"fleet": {"id": fleet["id"], "states": ["waiting"]}}
    body: Json = {"fleet": "again", "operation": "offboard", "defaults": {"force": True}, "select": select}
    await started(api, body)
    page = [item.payload for item in hub.instances.values() if "members" in item.payload][-1]
    assert [member["name"] for member in page["members"]] == ["a", "b", "c"]
    assert {member["azureOnly"] for member in page["members"]} == {True}
    tagging: Json = {"fleet": "tag", "operation": "update", "defaults": {"tags": {"a": "b"}}, "select": select}
    await started(api, tagging)
    page = [item.payload for item in hub.instances.values() if "members" in item.payload][-1]
    place = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "clusters"}
    assert page["members"] == [{**place, "name": name} for name in ("a", "b", "c")]


async def test_members_of_a_fleet_that_has_none_are_a_fault_of_the_request(api: Api, hub: TaskHub) -> None:
    earlier = await started(api)
    complete(hub, "shops")
    later = await started(api)
    for fleet in ("unknown", earlier["id"]):
        select = {"fleet": {"id": fleet}}
        response = await api.send("POST fleets", body={"fleet": "again", "defaults": DEFAULTS, "select": select})
        assert (response.status, response.body["code"]) == (400, Code.INVALID_FIELDS)
        assert [item["field"] for item in response.body["details"]] == ["select.fleet.id"]
    pages = [name for name in hub.instances if name.startswith("page-")]
    for name in pages:
        del hub.instances[name]
    body: Json = {
        "fleet": "again",
        "defaults": DEFAULTS,
        "select": {"fleet": {"id": later["id"], "states": ["waiting"]}},
    }
    response = await api.send("POST fleets", body=body)
    assert [item["field"] for item in response.body["details"]] == ["select.fleet.id"]


async def test_a_request_that_comes_again_is_not_selected_again(api: Api, hub: TaskHub) -> None:
    earlier = await started(api)
    select = {"fleet": {"id": earlier["id"], "states": ["waiting"]}}
    body: Json = {"fleet": "again", "operation": "offboard", "defaults": {"force": True}, "select": select}
    first = await api.send("POST fleets", body=body, Idempotency_Key="one")
    complete(hub, "shops")
    await started(api, {**FLEET, "window": 3})
    again = await api.send("POST fleets", body=body, Idempotency_Key="one")
    assert (first.status, again.status) == (202, 202)
    assert first.body["id"] == again.body["id"]


async def test_members_selected_for_another_operation_keep_their_kubeconfigs(api: Api, hub: TaskHub) -> None:
    kubeconfig = {"kubeconfig": {"secret": "arcway-{name}"}}
    await started(api, {**FLEET, "defaults": {**DEFAULTS, **kubeconfig}})
    select = {"fleet": {"id": "shops", "states": ["waiting"]}}
    await started(api, {"fleet": "agents", "operation": "upgrade", "defaults": {}, "select": select})
    page = [item.payload for item in hub.instances.values() if "members" in item.payload][-1]
    assert [member["kubeconfig"]["secret"] for member in page["members"]] == ["arcway-a", "arcway-b", "arcway-c"]


async def test_clusters_of_runs_are_selected_with_the_kubeconfigs_that_were_not_temporary(
    api: Api, hub: TaskHub
) -> None:
    for name, state in (("a", "Failed"), ("b", "Succeeded"), ("c", "Failed")):
        request = {**BODY, "name": name}
        assert (await api.send("POST onboardings", body=request)).status == 202
        instance = ClusterId(SUBSCRIPTION, "clusters", name).instance()
        now = datetime.now(UTC)
        hub.instances[instance].created_at = hub.instances[instance].last_updated_at = now
        hub.instances[instance].payload["createdAt"] = timestamp(now)
        hub.end(instance, state)
    hub.instances[ClusterId(SUBSCRIPTION, "clusters", "c").instance()].payload["request"]["kubeconfig"] |= {
        "temporary": True
    }
    select = {"runs": {"state": "Failed", "since": "1d"}}
    body: Json = {
        "fleet": "again",
        "operation": "onboard",
        "defaults": {"location": "eastus", "kubeconfig": {"secret": "arcway-{name}"}},
        "select": select,
    }
    response = await api.send("POST fleets", body=body)
    assert response.status == 202, response.body
    members = {member["name"]: member for member in members_of(hub)}
    assert sorted(members) == ["a", "c"]
    assert members["a"]["kubeconfig"]["secret"] == "arcway-shop"
    assert "kubeconfig" not in members["c"]


async def test_a_selection_is_not_read_for_who_lacks_the_role(hub: TaskHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(queries, "connected_clusters_in")
    select = {"connectedClusters": {"subscriptions": [SUBSCRIPTION]}}
    body: Json = {"fleet": "x", "operation": "update", "defaults": {"tags": {"a": "b"}}, "select": select}
    response = await Api(hub, Role.OFFBOARD).send("POST fleets", body=body)
    assert (response.status, response.body["code"]) == (403, Code.ROLE_MISSING)
