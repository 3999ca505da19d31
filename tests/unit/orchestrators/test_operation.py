"""The orchestrator function as a whole: which steps, in which order, and how a run ends."""

from typing import Any

import pytest

from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from arcway.domain.phases import phases_of
from orchestrators.operation import RunFailed
from orchestrators.phases import PHASES
from tests.unit.orchestrators.in_memory import Crash, InMemory, failed, ok, orchestrate, payload
from tests.unit.orchestrators.worlds import CONNECT, DISCONNECT, RESOURCE, SECRET, TEMPORARY, UPDATE, UPGRADE, world

CHECKS = ["check_cluster", "check_azure"]
PREPARE = ["register_providers", "ensure_resource_group"]
KEY_PAIR_TEXT = "Secret azure-arc-connect-privatekey in namespace azure-arc"
KEY_PAIR = ["await_removal", "ensure_key_pair"]
LAST = ["configure_agents", "wait_for_metadata", "poll_agents", "release_cluster"]
REFUSED = failed("ARC-4010", retryable=False)


def run(context: InMemory, source: str | None = None, **body: Any) -> Json:
    """Drive a whole run; returns its last status, or its result when it succeeded."""
    try:
        return orchestrate(context, payload(source, **body))
    except RunFailed:
        return context.status


def states(status: Json) -> list[str]:
    """The state of each phase."""
    return [phase["state"] for phase in status["phases"]]


def test_a_connect_does_its_steps_in_order() -> None:
    context = world(CONNECT)
    status = run(context)
    steps = [*CHECKS, *PREPARE, *KEY_PAIR, "deploy_agents", "poll_agents", "create_resource", *LAST]
    assert context.steps == steps
    assert (status["state"], status["result"], status["leftovers"], status["changed"]) == (
        "Succeeded",
        RESOURCE,
        [],
        True,
    )
    assert states(status) == ["Succeeded"] * 8 + ["Skipped"]
    assert status["finishedAt"] is not None


def test_resource_first_creates_the_connected_cluster_before_the_agents() -> None:
    context = world(CONNECT)
    run(context, order="resource-first")
    assert context.steps[4:9] == [*KEY_PAIR, "create_resource", "deploy_agents", "poll_agents"]


def test_a_run_with_a_broker_publishes_each_phase_and_its_result() -> None:
    context = world(CONNECT)
    status = run(context, "urn:arcway:test")
    kinds = [event["type"].split(".")[2] for value in context.inputs("publish_events") for event in value["events"]]
    assert kinds == ["accepted", *["phaseChanged"] * 8, "succeeded"]
    assert states(status)[-1] == "Succeeded"
    assert context.steps[-2:] == ["release_cluster", "publish_events"]


def test_a_disconnect_deletes_in_azure_first() -> None:
    context = world(DISCONNECT)
    status = run(context, operation="offboard")
    steps = ["check_agents", "check_resource", "delete_resource", "uninstall_agents", "release_cluster"]
    assert context.steps == steps
    assert status["result"]["resource"] == "deleted"
    assert (status["result"]["agents"], status["leftovers"]) == ("removed", [])


def test_an_update_changes_azure_then_the_agents() -> None:
    context = world(UPDATE)
    status = run(context, operation="update", tags={"a": "b"}, autoUpgrade=True)
    assert context.steps == [
        "check_connected_cluster",
        "check_release",
        "update_resource",
        "poll_resource",
        "check_connected_cluster",
        "update_agents",
        "poll_agents",
        "release_cluster",
    ]
    assert (status["state"], status["changed"], status["leftovers"]) == ("Succeeded", True, [])


def test_an_upgrade_ends_with_what_azure_reports_of_the_new_version() -> None:
    context = world(UPGRADE)
    status = run(context, operation="upgrade")
    assert context.inputs("wait_for_metadata")[0]["agentVersion"] == "1.3.0"
    assert (status["state"], status["result"], status["leftovers"]) == ("Succeeded", RESOURCE, [])
    assert "roll_back_agents" not in context.steps


def test_a_check_has_a_result_and_changes_nothing() -> None:
    context = world(CONNECT)
    status = run(context, operation="check", location="eastus")
    assert context.steps == CHECKS
    assert (status["state"], status["changed"], status["result"]["ready"]) == ("Succeeded", False, True)
    assert status["result"]["plan"] == ["install release azure-arc", "create connected cluster shop"]


@pytest.mark.parametrize(
    ("step", "kept_count"), [("deploy_agents", 1), ("create_resource", 2), ("configure_agents", 3)]
)
def test_a_failure_keeps_what_the_run_created_and_reports_it(step: str, kept_count: int) -> None:
    context = world(CONNECT, **{step: REFUSED})
    with pytest.raises(RunFailed, match=r"ARC-4010: "):
        orchestrate(context, payload())
    status = context.status
    assert (status["state"], status["error"]["code"]) == ("Failed", "ARC-4010")
    assert (status["error"]["retryable"], status["error"]["details"]) == (False, [])
    assert [phase["error"] for phase in status["phases"] if phase["state"] == "Failed"] == [
        {"code": "ARC-4010", "message": status["error"]["message"]}
    ]
    created = [
        KEY_PAIR_TEXT,
        "release azure-arc",
        "connected cluster shop",
    ]
    assert describe_all(status["leftovers"]) == created[:kept_count]
    assert context.steps[-2:] == [step, "release_cluster"]


def test_a_failure_with_rollback_compensates_before_it_cleans_up() -> None:
    context = world(CONNECT, configure_agents=REFUSED)
    status = run(context, onFailure="rollback", kubeconfig=TEMPORARY)
    assert context.steps[-7:] == [
        "configure_agents",
        "delete_resource",
        "uninstall_agents",
        "uninstall_agents",
        "release_cluster",
        "discard_credential",
        "discard_secret",
    ]
    assert (status["state"], status["leftovers"]) == ("Failed", [])
    assert context.inputs("delete_resource")[0]["publicKey"] == "key"


@pytest.mark.parametrize("cancel", [False, True])
def test_an_upgrade_that_does_not_succeed_is_always_rolled_back(*, cancel: bool) -> None:
    context = world(UPGRADE, poll_agents=ok(done=False, detail="0 of 7"))
    if cancel:
        context.cancel(seconds=100)
    status = run(context, operation="upgrade")
    assert status["state"] == ("Canceled" if cancel else "Failed")
    assert context.steps[-2:] == ["roll_back_agents", "release_cluster"]
    assert describe_all(status["leftovers"]) == ["agents 1.2.3, as before"]
    assert 100 <= context.elapsed <= 600


def test_cancel_keeps_what_the_run_created_and_says_who_asked() -> None:
    context = world(CONNECT, wait_for_metadata=ok(done=False, detail="Connecting"))
    context.cancel(seconds=60)
    status = run(context, "urn:arcway:test")
    assert (status["state"], status["canceledBy"]["name"], status["error"]) == ("Canceled", "tester", None)
    assert len(status["leftovers"]) == 3
    assert states(status)[6:] == ["Succeeded", "Canceled", "Succeeded"]
    assert context.elapsed == 60
    assert context.inputs("publish_events")[-1]["events"][-1]["type"] == "arcway.run.canceled.v1"


def test_cancel_with_rollback_compensates() -> None:
    context = world(CONNECT, wait_for_metadata=ok(done=False, detail="Connecting"))
    context.cancel(seconds=60)
    status = run(context, onFailure="rollback")
    assert context.steps[-4:] == ["delete_resource", "uninstall_agents", "uninstall_agents", "release_cluster"]
    assert (status["state"], status["leftovers"]) == ("Canceled", [])


def test_cancel_before_the_first_phase_does_nothing_but_clean_up() -> None:
    context = world(CONNECT)
    context.cancel()
    status = run(context, kubeconfig=TEMPORARY)
    assert context.steps == ["discard_credential", "discard_secret"]
    assert status["state"] == "Canceled"


def test_a_temporary_credential_goes_last_secret_after_account() -> None:
    context = world(CONNECT)
    status = run(context, kubeconfig=TEMPORARY)
    assert context.steps[-3:] == ["release_cluster", "discard_credential", "discard_secret"]
    assert status["leftovers"] == []
    context = world(CONNECT, discard_credential=failed("ARC-3002"), discard_secret=failed("ARC-4020", retryable=False))
    status = run(context, kubeconfig=TEMPORARY)
    assert status["state"] == "Succeeded"
    assert describe_all(status["leftovers"]) == [f"ServiceAccount {SECRET} (ARC-3002)", f"secret {SECRET} (ARC-4020)"]


def test_a_broker_that_is_down_fails_no_run() -> None:
    context = world(CONNECT, publish_events=failed("ARC-3005"))
    status = run(context, "urn:arcway:test")
    assert (status["state"], states(status)[-1]) == ("Succeeded", "Failed")
    assert len(status["leftovers"]) == 10


def test_a_step_that_raises_fails_the_run_under_its_own_code() -> None:
    context = world(CONNECT, deploy_agents=Crash("boom"))
    status = run(context)
    assert (status["state"], status["error"]["code"], status["error"]["phase"]) == (
        "Failed",
        "ARC-6006",
        "deployAgents",
    )
    assert context.steps.count("deploy_agents") == 3


def test_a_fault_of_our_own_fails_the_run_and_compensates(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(run: Any) -> Any:
        raise OverflowError("date value out of range password=hunter2hunter2")

    monkeypatch.setitem(PHASES, "createResource", broken)
    context = world(CONNECT)
    status = run(context, onFailure="rollback")
    error = status["error"]
    assert (error["code"], error["phase"], error["details"]) == ("ARC-6006", "createResource", [])
    assert "OverflowError: date value out of range" in error["message"]
    assert "hunter2" not in error["message"]
    assert context.steps[-3:] == ["uninstall_agents", "uninstall_agents", "release_cluster"]


def test_errors_of_a_check_end_a_connect_before_anything_is_changed() -> None:
    finding = {"code": "ARC-2001", "level": "error", "message": "No.", "remedy": "Do."}
    warning = {"code": "ARC-2014", "level": "warning", "message": "Hm.", "remedy": None}
    facts = {"cluster": {}, "releaseDeployed": False}
    context = world(CONNECT, check_cluster=ok(findings=[finding, warning, finding], facts=facts))
    status = run(context)
    error = status["error"]
    assert (status["state"], error["code"], error["remedy"]) == ("Failed", "ARC-2001", "Do.")
    assert error["message"] == "No. (1 more error in findings)"
    assert (status["findingsTotal"], len(status["findings"]), status["changed"]) == (3, 3, False)
    assert context.steps == CHECKS


@pytest.mark.parametrize(
    ("operation", "choice"),
    [
        *(("onboard", {"order": order}) for order in ("agents-first", "resource-first")),
        *(("offboard", {"scope": scope}) for scope in ("azure-first", "azure-only", "agents-only")),
        *(("update", {"scope": scope}) for scope in ("azure-first", "azure-only", "agents-only")),
        ("upgrade", {"scope": "agents-only"}),
        ("check", {}),
    ],
)
def test_every_phase_has_a_generator(operation: str, choice: dict[str, Any]) -> None:
    names = phases_of(operation, **choice)
    assert [name for name in names if name not in PHASES] == ([] if operation == "check" else ["publishResult"])
