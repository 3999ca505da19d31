"""Every phase has a deadline of its own; nothing waits past it."""

import pytest

from arcway.domain import steps
from arcway.domain.json_values import Json
from arcway.domain.phases import TIME_LIMITS, PhaseName
from orchestrators.failures import StepFailed
from tests.unit.orchestrators.in_memory import InMemory, failed, ok, run_in

LATE: Json = failed("ARC-5008")["error"]
OPERATIONS: dict[str, Json] = {
    "deleteExtensions": {"operation": "offboard"},
    "deleteResource": {"operation": "offboard"},
    "uninstallAgents": {"operation": "offboard"},
    "waitForRelease": {"operation": "applyExtension", "extension": {"name": "flux"}},
    "deleteExtension": {"operation": "deleteExtension", "extension": {"name": "flux"}},
    "applyConfiguration": {"operation": "applyGitops", "configuration": {"name": "config"}},
    "deleteConfiguration": {"operation": "deleteGitops", "configuration": {"name": "config"}},
    "assignPolicy": {"operation": "enablePolicy"},
    "deletePolicyAssignment": {"operation": "disablePolicy"},
    "updateResource": {"operation": "update", "tags": {"a": "b"}, "autoUpgrade": True},
    "updateAgents": {"operation": "update", "tags": {"a": "b"}, "autoUpgrade": True},
    "waitForFeatures": {"operation": "update", "features": {"workloadIdentity": True}},
}


def wait(context: InMemory, phase: str, *seconds: float, **body: object) -> None:
    """Wait in a phase, one time after the other."""
    run = run_in(context, phase, **body)
    for pause in seconds:
        context.drive(run.wait(pause, "Waiting", timeout_error=LATE))


@pytest.mark.parametrize("phase", sorted(TIME_LIMITS))
def test_a_wait_that_passes_the_deadline_fails_at_once(phase: PhaseName) -> None:
    body, limit = OPERATIONS.get(phase, {}), TIME_LIMITS[phase]
    context = InMemory()
    wait(context, phase, limit, **body)
    assert context.elapsed == limit
    context = InMemory()
    with pytest.raises(StepFailed) as caught:
        wait(context, phase, limit + 0.001, **body)
    assert (caught.value.error, context.elapsed) == (LATE, 0)
    context = InMemory()
    with pytest.raises(StepFailed):
        wait(context, phase, limit / 2, limit / 2, 0.001, **body)


def test_a_deadline_counts_from_the_begin_of_its_phase() -> None:
    context = InMemory()
    run = run_in(context, "checkCluster")
    context.drive(run.wait(50, "Waiting", timeout_error=LATE))
    run.end_phase()
    run.begin_phase("registerProviders")
    context.drive(run.wait(TIME_LIMITS["registerProviders"], "Waiting", timeout_error=LATE))


def test_a_phase_may_have_a_deadline_of_its_own() -> None:
    context = InMemory()
    run = run_in(context, "checkCluster")
    run.set_time_limit(7)
    with pytest.raises(StepFailed):
        context.drive(run.wait(8, "Waiting", timeout_error=LATE))
    run.set_time_limit(700)
    context.drive(run.wait(700, "Waiting", timeout_error=LATE))


def test_a_phase_without_a_limit_has_no_deadline() -> None:
    context = InMemory()
    run = run_in(context, "upgradeAgents", operation="upgrade")
    context.drive(run.wait(10**6, "Waiting", timeout_error=LATE))


def test_a_back_off_that_passes_the_deadline_ends_with_the_error_of_the_step() -> None:
    context = InMemory({"check_cluster": [failed("ARC-3002", retry_after=61), ok()]})
    run = run_in(context, "checkCluster")
    with pytest.raises(StepFailed) as caught:
        context.drive(run.call(steps.CHECK_CLUSTER))
    assert (caught.value.error["code"], context.elapsed) == ("ARC-3002", 0)


def test_throttling_extends_the_shortest_phase_by_what_azure_asks() -> None:
    context = InMemory({"check_azure": [failed("ARC-4007", retry_after=60)] * 6 + [ok()]})
    context.drive(run_in(context, "checkCluster").call(steps.CHECK_AZURE))
    assert (len(context.steps), context.elapsed) == (7, 360)


def test_the_time_of_a_step_counts_towards_the_deadline() -> None:
    context = InMemory()

    def slow(payload: Json) -> Json:
        context.pass_time(59)
        return failed("ARC-3002", retry_after=2)

    context.outcomes["check_cluster"] = slow
    run = run_in(context, "checkCluster")
    with pytest.raises(StepFailed):
        context.drive(run.call(steps.CHECK_CLUSTER))
    assert (len(context.steps), context.elapsed) == (1, 59)
