"""Checks of fleets as the engine has them: started once, over another fleet's list; members as checks; the plan."""

from typing import Any

import pytest
from durabletask.client import OrchestrationStatus

from activities.start_members import start_members
from activities.step import FleetCall
from activities.summarize_check import summarize_check
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.commands import obey
from arcway.domain.fleets.member import Report
from arcway.domain.fleets.member_map import MemberState
from arcway.domain.fleets.plan import CLASSES, Forecast, digest_of
from arcway.domain.fleets.state import FleetState
from arcway.domain.ids import ClusterId, FleetId, fleet_instance
from arcway.domain.json_values import Json
from arcway.runs.fleet_checks import check_state_of, plan_of, start_check
from orchestrators.fleet_checks import forecasts_of
from tests.unit.triggers.task_hub import BODY, SUBSCRIPTION, Api, TaskHub, key
from tests.unit.triggers.test_fleet_routes import FLEET, started


async def check_of(hub: TaskHub, first: int = 0, count: int = 3, **options: Any) -> tuple[FleetId, Json, Json]:
    """A check of the fleet in the hub, its input, and that of the fleet."""
    parent = hub.instances[fleet_instance("shops")].payload
    check = await start_check(hub, parent, first, count, parent=parent["id"], **options)  # type: ignore[arg-type]
    return check, hub.instances[check.instance].payload, parent


def state_of(payload: Json, **forecasts: Json) -> FleetState:
    """The state of a check in which these members have ended."""
    state = FleetState.of(payload)
    state.advance(0)
    for index, attempt in state.start(0):
        if forecast := forecasts.get(f"m{index}"):
            state.end(index, attempt, Report("Succeeded", forecast=forecast), 1)
    return state


def ended(hub: TaskHub, instance: str, state: FleetState) -> None:
    """Let a check end in this state."""
    item = hub.instances[instance]
    item.runtime_status, item.output = OrchestrationStatus.COMPLETED, {"fleet": {}, "state": state.as_json()}


async def test_a_check_reads_the_list_of_the_fleet_and_has_no_pages(api: Api, hub: TaskHub) -> None:
    await started(api)
    before = {*hub.instances}
    check, payload, parent = await check_of(hub, 1, 2)
    assert {*hub.instances} - before == {check.instance}
    assert (payload["list"], payload["size"], payload["pages"]) == (parent["list"], 3, 1)
    assert (payload["range"], payload["parent"], payload["checks"]) == ([1, 2], parent["id"], True)
    assert (payload["source"], payload["parkFor"], payload["roles"]) == (None, 0, parent["roles"])
    states = FleetState.of(payload).states
    assert list(states) == [MemberState.SKIPPED, MemberState.WAITING, MemberState.WAITING]
    document = (await api.send("GET fleets/{id}", path={"id": str(check)})).body
    assert (document["name"], document["checks"], document["operation"]) == ("shops/check/1-2", True, "offboard")
    # The fleet itself is in progress beside it.
    assert (await api.send("GET fleets/{id}", path={"id": "shops"})).body["checks"] is False


async def test_the_same_fleet_members_and_attempt_are_the_same_check(api: Api, hub: TaskHub) -> None:
    await started(api)
    check, payload, _ = await check_of(hub)
    assert (await check_of(hub))[0] == check
    ended(hub, check.instance, state_of(payload))
    assert (await check_of(hub))[0] == check
    assert (await check_of(hub, 0, 2))[0] != check
    later, _, parent = await check_of(hub, attempt=1)
    assert later != check
    # Another fleet of the name has the same instance.
    with pytest.raises(ArcError) as caught:
        await start_check(hub, {**parent, "id": "other"}, 0, 3, parent="other")  # type: ignore[arg-type]
    assert caught.value.code == Code.FLEET_IN_PROGRESS


async def test_members_are_checked_under_instances_of_their_own(api: Api, hub: TaskHub) -> None:
    await started(api)
    check, payload, _ = await check_of(hub)
    call = FleetCall({**payload, "members": [[0, 0]]}, hub, api.invocation.installation)  # type: ignore[arg-type]
    (answer,) = await start_members(call)
    run = hub.instances[ClusterId(SUBSCRIPTION, "clusters", "a").instance("check")].payload
    assert (answer["run"].startswith("check-"), run["operation"], run["request"]["azureOnly"]) == (True, "check", True)
    own = {"checks": True, "since": payload["createdAt"]}
    assert run["fleet"] == {"id": str(check), "member": 0, "attempt": 0, **own}
    # Another check is in progress: that is what the check tells of the member.
    run["request"]["force"], run["requestKey"] = True, "another"
    (answer,) = await start_members(call)
    report = answer["report"] or {}
    assert report["outcome"] == "Succeeded"
    assert report["forecast"] == {"class": "busy", "changes": [], "code": Code.RUN_IN_PROGRESS}


async def test_a_member_carries_what_the_plan_says_of_it(api: Api, hub: TaskHub) -> None:
    plan = {key(name): Forecast("change", ("connectedCluster",)) for name in "abc"}
    members = {name: item.as_json() for name, item in plan.items()}
    await started(api, {**FLEET, "plan": {"digest": digest_of(plan), "members": members}})
    payload = hub.instances[fleet_instance("shops")].payload
    assert payload["planned"] is True
    call = FleetCall({**payload, "members": [[0, 0], [1, 1]], "held": [0]}, hub, api.invocation.installation)  # type: ignore[arg-type]
    await start_members(call)
    runs = [hub.instances[ClusterId(SUBSCRIPTION, "clusters", name).instance()] for name in "ab"]
    expected = {"class": "change", "changes": ["connectedCluster"], "code": None, "depth": "cluster"}
    assert [run.payload["fleet"].get("planned") for run in runs] == [expected, None]
    # A member's run that a caller retries does what it does.
    hub.end(runs[0].instance_id, "Failed")
    run_id = f"{runs[0].instance_id}.{runs[0].payload['runId']}"
    assert (await api.send("POST runs/{id}/retry", path={"id": run_id})).status == 202
    member = hub.instances[runs[0].instance_id].payload["fleet"]
    assert member == {"id": payload["id"], "member": 0, "attempt": 0}


async def test_the_plan_is_what_the_check_has_shown(api: Api, hub: TaskHub) -> None:
    await started(api)
    check, payload, _ = await check_of(hub, 0, 2)
    change, refused = Forecast("change", ("connectedCluster",)), Forecast("refused", code=Code.AZURE_PERMISSION_MISSING)
    state = state_of(payload, m0=change.as_json(), m1=refused.as_json())
    with pytest.raises(ArcError, match="Its plan can be read when it has ended") as caught:
        await plan_of(hub, hub.instances[check.instance])  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.retryable) == (Code.FLEET_COMMAND_NOT_POSSIBLE, True)
    ended(hub, check.instance, state)
    plan = await plan_of(hub, hub.instances[check.instance])  # type: ignore[arg-type]
    assert (plan["fleet"], plan["operation"], plan["depth"]) == ("shops", "offboard", "cluster")
    assert [(item["resourceId"], item["class"], item["code"]) for item in plan["members"]] == [
        (key("a"), "change", None),
        (key("b"), "refused", Code.AZURE_PERMISSION_MISSING),
    ]
    assert plan["digest"] == digest_of({key("a"): change, key("b"): refused})
    call = FleetCall({**payload, "forecasts": forecasts_of(state)}, hub, api.invocation.installation)  # type: ignore[arg-type]
    assert await summarize_check(call) == {
        "classes": dict.fromkeys(CLASSES, 0) | {"change": 1, "refused": 1},
        "codes": {Code.AZURE_PERMISSION_MISSING: 1},
        "digest": plan["digest"],
    }


async def test_a_member_is_busy_while_a_run_is_in_progress_on_its_cluster(api: Api, hub: TaskHub) -> None:
    await started(api)
    check, payload, _ = await check_of(hub)
    state = state_of(payload, **{f"m{index}": Forecast("unchanged").as_json() for index in range(3)})
    ended(hub, check.instance, state)
    assert (await api.send("POST onboardings", body={**BODY, "name": "B"})).status == 202
    instance = ClusterId(SUBSCRIPTION, "clusters", "b").instance()

    async def classes() -> list[str]:
        plan = await plan_of(hub, hub.instances[check.instance])  # type: ignore[arg-type]
        return [item["class"] for item in plan["members"]]

    assert await classes() == ["unchanged", "busy", "unchanged"]
    hub.end(instance)
    assert await classes() == ["unchanged", "unchanged", "unchanged"]


async def test_there_is_no_plan_of_what_was_not_checked(api: Api, hub: TaskHub) -> None:
    fleet = await started(api)
    check, payload, _ = await check_of(hub)
    state = state_of(payload, m0=Forecast("unchanged").as_json())
    obey(state, {"id": "1", "name": "cancel", "by": {}, "at": "", "running": "cancel"}, 0)
    ended(hub, check.instance, state)
    with pytest.raises(ArcError, match="has not checked every member"):
        await plan_of(hub, hub.instances[check.instance])  # type: ignore[arg-type]
    call = FleetCall({**payload, "forecasts": forecasts_of(state)}, hub, api.invocation.installation)  # type: ignore[arg-type]
    assert (await summarize_check(call))["digest"] is None
    hub.instances[check.instance].output = None  # terminated
    with pytest.raises(ArcError, match="has not checked every member"):
        await plan_of(hub, hub.instances[check.instance])  # type: ignore[arg-type]
    with pytest.raises(ArcError, match="is not a check"):
        await check_state_of(hub, fleet["id"])  # type: ignore[arg-type]
    retried = await api.send("POST fleets/{id}/retry", path={"id": str(check)})
    assert (retried.status, retried.body["code"]) == (409, Code.FLEET_COMMAND_NOT_POSSIBLE)


async def test_a_check_whose_result_another_check_replaced_is_busy(api: Api, hub: TaskHub) -> None:
    await started(api)
    check, payload, _ = await check_of(hub, 0, 1)
    state = FleetState.of(payload)
    state.advance(0)
    ((index, attempt),) = state.start(0)
    state.end(index, attempt, Report("Superseded"), 1)
    state.advance(1)
    assert state.is_over
    ended(hub, check.instance, state)
    (member,) = (await plan_of(hub, hub.instances[check.instance]))["members"]  # type: ignore[arg-type]
    assert (member["class"], member["code"]) == ("busy", Code.RUN_SUPERSEDED)
