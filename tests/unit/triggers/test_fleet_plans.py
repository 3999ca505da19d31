"""The dry run of a fleet over HTTP: a plan by Azure's lists, a check of each cluster, and the plan that it shows."""

from typing import Any

import pytest
from durabletask.client import OrchestrationStatus

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.member import Report
from arcway.domain.fleets.plan import Forecast, digest_of
from arcway.domain.fleets.state import FleetState
from arcway.domain.ids import ClusterId, fleet_instance
from arcway.domain.json_values import Json
from tests.unit.triggers.task_hub import BODY, SUBSCRIPTION, Api, TaskHub, key
from tests.unit.triggers.test_fleet_routes import FLEET
from triggers.access.callers import Role

DRY: Json = {"dryRun": "true"}
BY_LISTS: Json = {**DRY, "depth": "azure"}


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, api: Api) -> dict[str, Forecast]:
    """What Azure's lists show."""
    forecasts = {key(name): Forecast("change", ("connectedCluster",)) for name in "abc"}

    def read(installation: Any, requests: list[Any]) -> dict[str, Forecast]:
        assert installation is api.invocation.installation
        assert [request.name for request in requests] == ["a", "b", "c"]
        return dict(forecasts)

    monkeypatch.setattr(queries, "fleet_forecasts", read)
    return forecasts


async def test_a_plan_by_lists_is_the_answer_and_starts_nothing(
    api: Api, hub: TaskHub, listed: dict[str, Forecast]
) -> None:
    response = await api.send("POST fleets", body=FLEET, query=BY_LISTS)
    assert (response.status, response.body["digest"]) == (200, digest_of(listed))
    assert (response.body["fleet"], response.body["operation"], response.body["depth"]) == (
        "shops",
        "offboard",
        "azure",
    )
    assert response.body["members"][0] == {"resourceId": key("a"), **listed[key("a")].as_json()}
    assert not hub.instances


async def test_in_a_plan_by_lists_a_member_is_busy_while_a_run_is_in_progress(
    api: Api, hub: TaskHub, listed: dict[str, Forecast]
) -> None:
    assert (await api.send("POST onboardings", body={**BODY, "name": "B"})).status == 202
    assert (await api.send("POST onboardings", body={**BODY, "name": "c"})).status == 202
    hub.end(ClusterId(SUBSCRIPTION, "clusters", "c").instance())
    response = await api.send("POST fleets", body=FLEET, query=BY_LISTS)
    members = [(item["class"], item["code"]) for item in response.body["members"]]
    assert members == [("change", None), ("busy", Code.RUN_IN_PROGRESS), ("change", None)]


async def test_azure_that_does_not_answer_is_an_error_and_no_plan(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def throttled(installation: Any, requests: list[Any]) -> dict[str, Forecast]:
        raise ArcError(Code.AZURE_THROTTLED)

    monkeypatch.setattr(queries, "fleet_forecasts", throttled)
    response = await api.send("POST fleets", body=FLEET, query=BY_LISTS)
    assert (response.status >= 500 or response.status == 429, response.body["code"]) == (True, Code.AZURE_THROTTLED)


async def test_a_dry_run_starts_a_check_beside_the_fleet_of_the_name(api: Api, hub: TaskHub) -> None:
    assert (await api.send("POST fleets", body=FLEET)).status == 202
    headers: Json = {"Idempotency_Key": "key 1"}
    first, second = [await api.send("POST fleets", body=FLEET, query=DRY, **headers) for _ in range(2)]
    assert (first.status, second.status, first.body["id"]) == (202, 202, second.body["id"])
    assert first.headers["Location"] == f"/api/fleets/{first.body['id']}"
    assert (first.body["name"], first.body["checks"], first.body["operation"]) == ("shops/check", True, "offboard")
    payload = hub.instances[fleet_instance("shops/check")].payload
    assert (payload["checks"], payload["parkFor"], payload["start"], payload["source"]) == (True, 0, "all", None)
    assert "range" not in payload
    changed = await api.send("POST fleets", body={**FLEET, "window": 7}, query=DRY)
    assert (changed.status, changed.body["code"]) == (409, Code.FLEET_IN_PROGRESS)


async def test_the_plan_is_read_by_the_check_and_by_the_name_of_the_fleet(api: Api, hub: TaskHub) -> None:
    assert (await api.send("GET fleets/{id}/plan", path={"id": "shops"})).status == 404
    check = (await api.send("POST fleets", body=FLEET, query=DRY)).body["id"]
    early = await api.send("GET fleets/{id}/plan", path={"id": check})
    assert (early.status, early.body["code"]) == (409, Code.FLEET_COMMAND_NOT_POSSIBLE)
    instance = hub.instances[fleet_instance("shops/check")]
    state = FleetState.of(instance.payload)
    state.advance(0)
    for index, attempt in state.start(0):
        state.end(index, attempt, Report("Succeeded", forecast=Forecast("unchanged").as_json()), 1)
    instance.runtime_status = OrchestrationStatus.COMPLETED
    instance.output = {"fleet": {}, "state": state.as_json()}
    plans = [(await api.send("GET fleets/{id}/plan", path={"id": name})) for name in (check, "shops")]
    assert [plan.status for plan in plans] == [200, 200]
    assert plans[0].body == plans[1].body
    assert (plans[0].body["counts"]["unchanged"], plans[0].body["fleet"]) == (3, "shops")
    fleet = (await api.send("POST fleets", body=FLEET)).body["id"]
    refused = await api.send("GET fleets/{id}/plan", path={"id": fleet})
    assert (refused.status, refused.body["code"]) == (409, Code.FLEET_COMMAND_NOT_POSSIBLE)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"depth": "azure"}, "depth"),
        ({"depth": "cluster", "dryRun": "false"}, "depth"),
        ({"dryRun": "true", "depth": "deep"}, "depth"),
        ({"dryRun": "yes", "depth": "azure"}, "dryRun"),
        ({"dryrun": "true"}, "dryrun"),
    ],
)
async def test_a_misspelt_dry_run_starts_nothing(api: Api, hub: TaskHub, query: Json, field: str) -> None:
    response = await api.send("POST fleets", body=FLEET, query=query)
    assert (response.status, response.body["code"]) == (400, Code.INVALID_PARAMETERS)
    assert [item["field"] for item in response.body["details"]] == [field]
    assert not hub.instances


@pytest.mark.parametrize("query", [DRY, BY_LISTS])
async def test_a_plan_is_not_held_to_a_plan(api: Api, hub: TaskHub, query: Json) -> None:
    plan = {key(name): Forecast("unchanged") for name in "abc"}
    plan_field = {"digest": digest_of(plan), "members": dict.fromkeys(plan, "unchanged")}
    response = await api.send("POST fleets", body={**FLEET, "plan": plan_field}, query=query)
    assert (response.status, response.body["details"][0]["field"]) == (400, "plan")
    assert not hub.instances


@pytest.mark.parametrize("query", [DRY, BY_LISTS])
async def test_a_dry_run_needs_the_role_of_the_operation(hub: TaskHub, query: Json) -> None:
    response = await Api(hub, Role.READ, Role.ONBOARD).send("POST fleets", body=FLEET, query=query)
    assert (response.status, response.body["code"]) == (403, Code.ROLE_MISSING)
