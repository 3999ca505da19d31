"""What earlier versions stored is still read: outcomes of steps in histories, statuses, finished runs."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from durabletask.client import OrchestrationStatus

from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all, leftover
from arcway.runs.document import to_document
from tests.unit.orchestrators.in_memory import INSTANCE, InMemory, failed, ok, orchestrate, payload
from tests.unit.orchestrators.worlds import CONNECT, DISCONNECT, UPGRADE, world

TIME = datetime(2026, 1, 1, tzinfo=UTC)


def state(status: Json, runtime: OrchestrationStatus, output: Json | None = None) -> Any:
    """What the engine knows of an instance."""
    return SimpleNamespace(
        instance_id=INSTANCE,
        runtime_status=runtime,
        created_at=TIME,
        last_updated_at=TIME,
        serialized_custom_status="{}",
        get_custom_status=lambda: status,
        get_input=payload,
        get_output=lambda: output,
    )


def earlier(context: InMemory, left_value: list[str], created: list[str]) -> Json:
    """The last status as an earlier version wrote it."""
    status = {name: value for name, value in context.status.items() if name not in ("leftovers", "retriable")}
    phases = [{name: value for name, value in phase.items() if name != "error"} for phase in status["phases"]]
    return {**status, "left": left_value, "made": created, "phases": phases}


def stopped_in(step: str) -> InMemory:
    """A connect that was ended from outside while it did a step."""

    def stop(payload: Json) -> Json:
        raise KeyboardInterrupt

    context = world(CONNECT, **{step: stop})
    with pytest.raises(KeyboardInterrupt):
        orchestrate(context, payload())
    return context


def test_outcomes_of_a_removal_with_texts_are_read() -> None:
    agents = ["release azure-arc", "namespace azure-arc"]
    context = world(
        DISCONNECT,
        check_agents=ok(findings=[], facts={"agents": agents, "publicKey": "key"}),
        uninstall_agents=[
            ok(done=False, detail="x", left=["namespace azure-arc"], remedy=None),
            ok(done=True, detail="uninstalled", left=[], remedy=None),
        ],
    )
    run = orchestrate(context, payload(operation="offboard"))
    assert (run["state"], run["leftovers"]) == ("Succeeded", [])
    written = [describe_all(status["leftovers"]) for status in context.statuses]
    assert ["connected cluster shop", *agents] in written
    assert agents in written
    assert ["namespace azure-arc"] in written


def test_what_a_roll_back_restored_is_read() -> None:
    refused = failed("ARC-5005", retryable=False)
    restored = ok(done=True, detail="rolled back", restored="agents 1.2.3, as before")
    context = world(UPGRADE, poll_agents=refused, roll_back_agents=restored)
    with pytest.raises(Exception, match="ARC-5005"):
        orchestrate(context, payload(operation="upgrade"))
    assert describe_all(context.status["leftovers"]) == ["agents 1.2.3, as before"]


def test_a_status_of_an_earlier_version_is_shown_as_one_of_today() -> None:
    context = stopped_in("create_resource")
    status = earlier(context, ["lease arcway (ARC-3001)"], ["release azure-arc"])
    rendered = to_document(state(status, OrchestrationStatus.RUNNING), with_result=True)
    assert describe_all(rendered["leftovers"]) == ["lease arcway (ARC-3001)"]
    assert (rendered["leftovers"][0]["name"], rendered["leftovers"][0]["code"]) == ("lease arcway", "ARC-3001")
    assert (rendered["retriable"], {phase["error"] for phase in rendered["phases"]}) == (True, {None})
    assert not {"left", "made"} & set(rendered)


def test_a_run_that_finished_under_an_earlier_version_is_shown() -> None:
    context = world(CONNECT)
    output = orchestrate(context, payload())
    old = {name: value for name, value in output.items() if name != "leftovers"} | {"left": ["event x (ARC-4009)"]}
    rendered = to_document(state(context.status, OrchestrationStatus.COMPLETED, old), with_result=True)
    assert describe_all(rendered["leftovers"]) == ["event x (ARC-4009)"]
    assert rendered["result"] == output["result"]


@pytest.mark.parametrize("is_earlier", [False, True])
def test_leftovers_of_a_terminated_run_are_what_it_created_and_what_its_phase_began(*, is_earlier: bool) -> None:
    context = stopped_in("create_resource")
    created_2 = ["key pair in namespace azure-arc", "release azure-arc", "lease arcway"]
    status = earlier(context, [], created_2) if is_earlier else context.status
    rendered = to_document(state(status, OrchestrationStatus.TERMINATED), with_result=True)
    assert (rendered["state"], rendered["error"]["code"]) == ("Canceled", "ARC-6004")
    *created, begun = rendered["leftovers"]
    assert begun == leftover("Phase", "createResource", reason="MayExist")
    if is_earlier:
        assert describe_all(created) == created_2
    else:
        assert created == [
            leftover("Secret", "azure-arc-connect-privatekey", namespace="azure-arc", reason="Kept"),
            leftover("HelmRelease", "azure-arc", reason="Kept"),
            leftover("Lease", "arcway", reason="Kept"),
        ]
