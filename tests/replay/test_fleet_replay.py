"""Recorded histories of fleets replay on today's orchestrator: a fleet of days will finish after an update."""

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest

from arcway.domain.fleets.state import FleetState
from orchestrators.fleet import run_fleet
from tests.replay.recorded import read
from tests.replay.recorded_fleets import SCENARIOS
from tests.replay.test_replay import decided

INSTANCE = "fleet-0123456789abcdef0123456789"


def failures(name: str) -> tuple[list[str], pb.OrchestratorResponse]:
    """What goes wrong when a recorded fleet is replayed from each of its batches on, and its last decisions."""
    collected, past, response = list[str](), list[pb.HistoryEvent](), pb.OrchestratorResponse()
    for batch in read(name):
        response = decided(run_fleet, INSTANCE, past, batch)
        for action in response.actions:
            details = action.completeOrchestration.failureDetails
            if details.errorType:
                collected.append(f"{details.errorType}: {details.errorMessage}")
        past += batch
    return collected, response


@pytest.mark.parametrize(("name", "state"), [(name, state) for name, (_, state) in SCENARIOS.items()])
def test_a_recorded_fleet_replays(name: str, state: str) -> None:
    wrong, last = failures(name)
    assert wrong == []
    assert f'"state": "{state}"' in last.customStatus.value
    assert [action for action in last.actions if action.HasField("completeOrchestration")]


def test_a_change_that_breaks_fleets_in_progress_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FleetState, "start", lambda state, now: [])
    assert any("NonDeterminism" in failure for failure in failures("fleet-halted")[0])
