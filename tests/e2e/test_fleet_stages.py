"""Stages on the whole stack: a canary that halts the fleet, a soak that is verified, a gate that is checked."""

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Command, Control, SimulatedCluster
from tests.e2e.test_fleets import Fleets, clusters, counts, fleets  # noqa: F401 - fixtures

STAGES: list[Json] = [{"name": "canary", "first": 1, "maxFailures": 0}, {"name": "rest"}]


@pytest.mark.timeout(600)
def test_a_canary_that_fails_halts_the_fleet_until_it_is_fixed_and_retried(
    arcway: Arcway,
    fleets: Fleets,  # noqa: F811
    clusters: list[SimulatedCluster],  # noqa: F811
    command: Command,
) -> None:
    canary = fleets.member(clusters[0], resourceGroup="later", createResourceGroup=False)
    others = [fleets.member(cluster) for cluster in clusters[1:]]
    fleets.start(fleets.body(canary, *others, stages=STAGES, count=["refused"]))
    halted = fleets.until(lambda fleet: fleet["state"] == "Halted")
    assert (counts(halted), halted["halted"]["code"]) == ({"failed": 1, "waiting": 2}, Code.FAILURE_BUDGET_USED)
    assert halted["halted"]["remedy"]
    followed = command("fleet", "show", fleets.name, "--follow")
    assert (followed.returncode, f"Halted: {Code.FAILURE_BUDGET_USED}" in followed.stderr) == (3, True)
    arcway.arm(
        "PUT", f"/subscriptions/{arcway.subscription}/resourceGroups/later", {"location": "eastus"}, "2022-09-01"
    )
    fleets.command("retry")
    finished = fleets.finish()
    assert (finished["state"], counts(finished)) == ("Succeeded", {"succeeded": 3})
    assert [stage["state"] for stage in finished["stages"]] == ["Completed", "Completed"]


@pytest.mark.timeout(600)
def test_a_cluster_that_is_lost_in_the_soak_is_noticed(
    arcway: Arcway,
    fleets: Fleets,  # noqa: F811
    clusters: list[SimulatedCluster],  # noqa: F811
) -> None:
    members = [fleets.member(cluster) for cluster in clusters[:2]]
    stages = [{**STAGES[0], "soak": "1d"}, STAGES[1]]
    fleets.start(fleets.body(*members, stages=stages))
    fleets.until(lambda fleet: fleet["state"] == "Soaking")
    arcway.say(clusters[0], "Offline")
    fleets.command("skip", {"soak": True})
    halted = fleets.until(lambda fleet: fleet["state"] == "Halted")
    assert [(group["code"], group["count"]) for group in halted["failures"]] == [(Code.CLUSTER_LOST_IN_SOAK, 1)]
    (lost,) = fleets.members(state="failed")
    assert lost["error"]["code"] == Code.CLUSTER_LOST_IN_SOAK
    arcway.say(clusters[0], "Connected")
    fleets.command("retry")
    fleets.until(lambda fleet: fleet["state"] == "Soaking")
    fleets.command("skip", {"soak": True})
    assert fleets.finish()["state"] == "Succeeded"


@pytest.mark.timeout(600)
def test_a_gate_shows_what_it_lets_through_and_waits_for_an_approval(
    arcway: Arcway,
    fleets: Fleets,  # noqa: F811
    clusters: list[SimulatedCluster],  # noqa: F811
    command: Command,
) -> None:
    members = [fleets.member(cluster) for cluster in clusters]
    members[2] |= {"resourceGroup": "none", "createResourceGroup": False}
    stages = [{**STAGES[0], "approve": "after"}, STAGES[1]]
    fleets.start(fleets.body(*members, stages=stages))
    waiting = fleets.until(lambda fleet: (fleet["gate"] or {}).get("state") == "waiting")
    check = waiting["gate"]["check"]
    assert {name: count for name, count in check["classes"].items() if count} == {"create": 1, "refused": 1}
    assert check["codes"] == {Code.RESOURCE_GROUP_NOT_FOUND: 1}
    assert (counts(waiting), arcway.resource(clusters[1])) == ({"succeeded": 1, "waiting": 2}, None)
    other = {"digest": "0" * 64}
    assert fleets.command("approve", other, status=409)["code"] == Code.FLEET_COMMAND_NOT_POSSIBLE
    output = command("fleet", "show", fleets.name)
    assert "waits for an approval" in output.stderr
    approved = command("fleet", "approve", fleets.name, "--digest", check["digest"], "--comment", "fine")
    assert approved.returncode == 0, approved.stderr
    finished = fleets.finish()
    assert (counts(finished), finished["decision"]["comment"]) == ({"succeeded": 2, "failed": 1}, "fine")


@pytest.mark.timeout(600)
def test_who_started_a_fleet_may_not_approve_it_where_another_must(
    fleets: Fleets,  # noqa: F811
    cluster_control: Control,
    stack: Stack,
    command: Command,
) -> None:
    cluster = SimulatedCluster(cluster_control, stack)
    stages = [{"name": "all", "approve": "before", "approver": "another"}]
    fleets.start(fleets.body(fleets.member(cluster), stages=stages))
    fleets.until(lambda fleet: (fleet["gate"] or {}).get("state") == "waiting")
    assert fleets.command("approve", status=403)["code"] == Code.APPROVER_NOT_ANOTHER
    rejected = command("fleet", "reject", fleets.name, "--comment", "not now")
    assert rejected.returncode == 0, rejected.stderr
    finished = fleets.finish()
    assert (finished["state"], finished["error"]["code"]) == ("Canceled", Code.GATE_REJECTED)
    assert finished["decision"]["comment"] == "not now"
