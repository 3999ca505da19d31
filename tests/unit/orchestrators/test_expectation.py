"""A member's run that is held to the plan of its fleet: compared after checkCluster, before anything is changed."""

from contextlib import suppress
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from orchestrators.operation import RunFailed
from tests.unit.orchestrators.in_memory import InMemory, Outcome, arguments, failed, ok, orchestrate, payload
from tests.unit.orchestrators.test_check_phase import AZURE
from tests.unit.orchestrators.worlds import CLUSTER, CONNECT, DISCONNECT, TEMPORARY, UPDATE, UPGRADE

FLEET: Json = {"id": "fleet-0123456789abcdef0123456789.0123456789ab", "member": 3, "attempt": 0}
THERE: dict[str, Outcome] = {
    **CONNECT,
    "check_cluster": ok(findings=[], facts={"cluster": CLUSTER, "releaseDeployed": True, "agentChanges": []}),
    "check_azure": ok(findings=[], facts={**AZURE, "resourceExists": True, "resourceChanges": ["tags"]}),
}
CHECKS = {"check_cluster", "check_azure", "check_agents", "check_resource", "check_connected_cluster", "check_release"}


class World(InMemory):
    """Keeps what the run reports."""

    def send_event(  # type: ignore[override]
        self, instance_id: str, event_name: str, *, data: Any = None
    ) -> None:
        assert (instance_id, event_name) == (FLEET["id"].partition(".")[0], "ended")
        self.statuses.append({"report": data})


def run(
    outcomes: dict[str, Outcome], planned: Json | None, fleet: Json | None = None, **body: Any
) -> tuple[World, Json]:
    """Run a member; returns its world and its report."""
    context = World({**outcomes})
    fields = {**FLEET, **({"planned": planned} if planned else {}), **(fleet or {})}
    with suppress(RunFailed):
        orchestrate(context, payload(**body) | {"fleet": fields})
    return context, context.statuses[-1]["report"]


def planned(kind: str, *changes: str, depth: str = "cluster", code: str | None = None) -> Json:
    return {"class": kind, "changes": [*changes], "code": code, "depth": depth}


@pytest.mark.parametrize(
    ("outcomes", "body", "plan"),
    [
        (CONNECT, {}, planned("create")),
        (THERE, {}, planned("change", "tags")),
        (THERE, {}, planned("change", "distribution", "tags")),
        (THERE, {"tags": {}}, planned("change", "tags", depth="azure")),
        # What Azure knew nothing of is not compared: the request names no tags.
        (THERE, {}, planned("unchanged", depth="azure")),
        (DISCONNECT, {"operation": "offboard"}, planned("change", "agents", "connectedCluster")),
        (UPDATE, {"operation": "update", "autoUpgrade": True}, planned("change", "agents.proxy", "tags")),
        (UPGRADE, {"operation": "upgrade"}, planned("change", "agents.version")),
        (UPGRADE, {"operation": "upgrade"}, planned("change", "agents", depth="azure")),
    ],
)
def test_a_member_that_is_as_planned_is_done(outcomes: dict[str, Outcome], body: Json, plan: Json) -> None:
    _, report = run(outcomes, plan, **body)
    assert (report["outcome"], report["code"]) == ("Succeeded", None)


@pytest.mark.parametrize(
    ("outcomes", "body", "plan", "message"),
    [
        (CONNECT, {}, planned("unchanged"), "The plan says unchanged, but the check says create."),
        (CONNECT, {}, planned("unreachable", code="ARC-3002"), "unreachable (ARC-3002), but the check says create."),
        (THERE, {}, planned("create"), "The plan says create, but the check says change (tags)."),
        (THERE, {}, planned("change", "distribution"), "change (distribution), but the check says change (tags)."),
        (THERE, {"tags": {}}, planned("unchanged", depth="azure"), "but the check says change (tags)."),
        (DISCONNECT, {"operation": "offboard"}, planned("change", "agents"), "change (agents, connectedCluster)."),
        (UPDATE, {"operation": "update", "autoUpgrade": True}, planned("change", "tags"), "(agents.proxy, tags)."),
        (UPGRADE, {"operation": "upgrade"}, planned("unchanged"), "change (agents.version)."),
    ],
)
def test_a_member_that_would_change_more_is_left_alone(
    outcomes: dict[str, Outcome], body: Json, plan: Json, message: str
) -> None:
    context, report = run(outcomes, plan, **body)
    assert (report["outcome"], report["code"], report["phase"]) == (
        "Failed",
        Code.MEMBER_NOT_AS_PLANNED,
        "checkCluster",
    )
    error = context.statuses[-2]["error"]
    assert message in error["message"]
    assert "retry NAME --code ARC-7006" in error["remedy"]
    # Nothing but reading and publishing was done.
    assert {*context.steps} - {"publish_events"} <= CHECKS
    assert context.statuses[-2]["changed"] is False


def test_a_member_that_is_refused_by_now_is_not_as_planned() -> None:
    gone = {**AZURE, "resourceGroupExists": False}
    finding = {
        "code": Code.RESOURCE_GROUP_NOT_FOUND,
        "level": "error",
        "message": "It is gone.",
        "remedy": "Create it.",
    }
    outcomes: dict[str, Outcome] = {**CONNECT, "check_azure": ok(findings=[finding], facts=gone)}
    for depth in ("cluster", "azure"):
        context, report = run(outcomes, planned("create", depth=depth))
        assert report["code"] == Code.MEMBER_NOT_AS_PLANNED
        message = "The plan says create, but the check says refused (ARC-4006): It is gone."
        assert context.statuses[-2]["error"]["message"] == message
    # As it was planned: the error is its own.
    _, report = run(outcomes, planned("refused", code=Code.RESOURCE_GROUP_NOT_FOUND))
    assert report["code"] == Code.RESOURCE_GROUP_NOT_FOUND


@pytest.mark.parametrize("depth", ["cluster", "azure"])
def test_a_member_that_is_away_reports_it_itself(depth: str) -> None:
    outcomes: dict[str, Outcome] = {**CONNECT, "check_cluster": failed(Code.API_SERVER_TIMEOUT)}
    _, report = run(outcomes, planned("create", depth=depth))
    assert (report["code"], report["phase"]) == (Code.API_SERVER_TIMEOUT, "checkCluster")


def test_an_error_that_azure_could_not_know_is_the_members_own() -> None:
    old = {"code": Code.KUBERNETES_VERSION_UNSUPPORTED, "level": "error", "message": "Too old.", "remedy": "Upgrade."}
    outcomes: dict[str, Outcome] = {**CONNECT, "check_cluster": ok(findings=[old], facts={"cluster": CLUSTER})}
    assert run(outcomes, planned("create", depth="azure"))[1]["code"] == Code.KUBERNETES_VERSION_UNSUPPORTED
    assert run(outcomes, planned("create"))[1]["code"] == Code.MEMBER_NOT_AS_PLANNED


def test_the_release_is_compared_only_with_a_plan_that_knows_it() -> None:
    compared = {
        name: arguments(run(THERE, plan)[0], "check_cluster")[0].get("planned")
        for name, plan in (
            ("none", None),
            ("azure", planned("unchanged", depth="azure")),
            ("cluster", planned("change", "tags")),
        )
    }
    assert compared == {"none": None, "azure": None, "cluster": True}


def test_a_member_without_a_plan_changes_what_it_must() -> None:
    _, report = run(CONNECT, None)
    assert (report["outcome"], "forecast" in report) == ("Succeeded", False)


def test_a_check_reports_its_forecast() -> None:
    _, report = run(THERE, None, operation="check", location="eastus")
    assert report == {
        "fleet": FLEET["id"],
        "member": 3,
        "attempt": 0,
        "outcome": "Succeeded",
        "changed": None,
        "code": None,
        "phase": None,
        "forecast": {"class": "change", "changes": ["tags"], "code": None},
    }


def test_a_check_of_a_fleet_keeps_the_credential_of_the_run_that_follows() -> None:
    fields: Json = {"operation": "check", "location": "eastus", "kubeconfig": TEMPORARY}
    of_fleet, _ = run(CONNECT, None, {"checks": True}, **fields)
    assert not {"discard_secret", "discard_credential"} & {*of_fleet.steps}
    alone, _ = run(CONNECT, None, **fields)
    assert {"discard_secret", "discard_credential"} <= {*alone.steps}


def test_what_a_plan_is_made_or_kept_by_is_not_older_than_it() -> None:
    since = {
        name: run(THERE, plan, fleet)[0].inputs("check_azure")[0].get("since")
        for name, plan, fleet in (
            ("kept", planned("change", "tags"), {}),
            ("made", None, {"checks": True, "since": "2025-12-31T00:00:00.000Z"}),
            ("none", None, {}),
        )
    }
    # The begin of the run that is compared, and that of the whole check.
    assert since == {"kept": "2026-01-01T00:00:00.000Z", "made": "2025-12-31T00:00:00.000Z", "none": None}
