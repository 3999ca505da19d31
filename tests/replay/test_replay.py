"""Histories recorded from real runs replay on today's orchestrators: what runs now will finish after an update."""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest
from durabletask.task import OrchestrationContext

import orchestrators.operation as operations
from arcway.domain.json_values import Json
from arcway.domain.request import AnyRequest, phases_of_request
from orchestrators import run_status
from orchestrators.run_context import RunContext
from orchestrators.versions import NEWEST
from tests.chaos.fault_matrix import world as worlds
from tests.chaos.fault_matrix.driver import Driver, Killed
from tests.chaos.fault_matrix.inputs import payload
from tests.chaos.fault_matrix.world import Case
from tests.replay.recorded import INSTANCE, SCENARIOS, read

FAILED = ("failure", "rollback", "upgrade-rolled-back", "throttled", "rollback-throttled")
ENDINGS = dict.fromkeys(FAILED, "Failed") | {"cancel": "Canceled"}


def replay(past: list[pb.HistoryEvent], new: list[pb.HistoryEvent]) -> pb.OrchestratorResponse:
    """What the orchestrator decides when it sees this history."""
    return decided(operations.run_operation, INSTANCE, past, new)


def decided(
    orchestrator: Any, instance: str, past: list[pb.HistoryEvent], new: list[pb.HistoryEvent]
) -> pb.OrchestratorResponse:
    """What an orchestrator decides when it sees this history."""
    request = pb.OrchestratorRequest(instanceId=instance, pastEvents=past, newEvents=new)
    handle = orchestrator._function.get_user_function()
    body = base64.b64encode(request.SerializeToString()).decode()
    response = pb.OrchestratorResponse()
    response.ParseFromString(base64.b64decode(asyncio.run(handle(SimpleNamespace(body=body)))))
    return response


def failures(name: str) -> list[str]:
    """What goes wrong when a recorded run is replayed from each of its batches on."""
    collected, past = [], list[pb.HistoryEvent]()
    for batch in read(name):
        for action in replay(past, batch).actions:
            details = action.completeOrchestration.failureDetails
            if details.errorType and "RunFailed" not in details.errorType:
                collected.append(f"{details.errorType}: {details.errorMessage}")
        past += batch
    return collected


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_recorded_run_replays(name: str) -> None:
    assert failures(name) == []
    batches = read(name)
    past = [event for batch in batches[:-1] for event in batch]
    last = replay(past, batches[-1])
    (ended,) = [action for action in last.actions if action.HasField("completeOrchestration")]
    expected = ENDINGS.get(name, "Succeeded")
    assert f'"state": "{expected}"' in last.customStatus.value
    failed = ended.completeOrchestration.orchestrationStatus == pb.ORCHESTRATION_STATUS_FAILED
    assert failed == (expected == "Failed")


def test_a_change_that_breaks_running_orchestrations_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def reordered(request: AnyRequest) -> tuple[str, ...]:
        first, second, *remaining = phases_of_request(request)
        return second, first, *remaining

    monkeypatch.setattr(run_status, "phases_of_request", reordered)
    assert any("NonDeterminism" in failure for failure in failures("success"))


@pytest.mark.parametrize("name", ["throttled", "rollback-throttled", "events-apart"])
def test_a_run_keeps_to_the_decisions_of_its_version(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrators.run_context.version_of", lambda context: NEWEST)
    assert any("NonDeterminism" in failure for failure in failures(name))


def test_new_runs_are_of_the_newest_version() -> None:
    host = json.loads(Path("host.json").read_text())
    assert host["extensions"]["durableTask"]["defaultVersion"] == str(NEWEST)


def test_a_run_finishes_under_the_version_it_was_started_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    observed: set[str | None] = set()

    def spying(context: OrchestrationContext, payload: Json) -> RunContext:
        observed.add(context.version)
        return RunContext(context, payload)

    monkeypatch.setattr(operations, "RunContext", spying)
    killed: list[str] = []

    def around(step: str, payload: Json, perform: Callable[[], Json]) -> Json:
        if step == "deploy_agents" and not killed:
            killed.append(step)
            raise Killed
        return perform()

    (tmp_path / "world").mkdir()
    with worlds.ready(tmp_path / "world") as world:
        case = Case(world)
        driver = Driver(world.installation, tmp_path / "journal.db", around, versions=("1", "2"))
        state = driver.run(INSTANCE, payload(case, "keep"))
    assert driver.kills == 1
    assert observed == {"1"}
    assert state.orchestrationStatus == pb.ORCHESTRATION_STATUS_COMPLETED
