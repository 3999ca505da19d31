"""What the task hub refuses its clients, and pages that skip nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
import pytest

from arcway_local.functions.engine import Engine
from arcway_local.functions.records import LOCAL, EngineError
from tests.arcway_local.functions.conftest import Place
from tests.arcway_local.functions.driving import complete, give, raise_event, start, state, take

_WRONG, _UNKNOWN = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine({"parent": "Parent", "child": "Child"}, default_version="7")
    yield engine
    engine.stop()


def ask(engine: Engine, call: str, instance_id: str) -> grpc.StatusCode | None:
    calls: dict[str, Any] = {
        "raise": lambda: raise_event(engine, instance_id),
        "terminate": lambda: engine.TerminateInstance(pb.TerminateRequest(instanceId=instance_id), LOCAL),
        "suspend": lambda: engine.SuspendInstance(pb.SuspendRequest(instanceId=instance_id), LOCAL),
        "resume": lambda: engine.ResumeInstance(pb.ResumeRequest(instanceId=instance_id), LOCAL),
    }
    try:
        calls[call]()
    except EngineError as error:
        return error.code
    return None


@pytest.mark.parametrize("call", ["raise", "terminate", "suspend", "resume"])
def test_unknown_and_finished_instances_are_refused_and_stay_as_they_are(engine: Engine, call: str) -> None:
    assert ask(engine, call, "nobody") == _UNKNOWN
    start(engine, "p")
    give(engine, take(engine), complete())
    state_before = state(engine, "p")
    assert ask(engine, call, "p") == _WRONG
    assert state(engine, "p") == state_before
    assert engine.take_orchestration() is None


def test_resume_needs_a_suspended_instance_and_suspend_one_that_is_not(engine: Engine) -> None:
    start(engine, "p")
    assert ask(engine, "resume", "p") == _WRONG
    give(engine, take(engine))
    assert ask(engine, "resume", "p") == _WRONG
    assert engine.take_orchestration() is None
    assert ask(engine, "suspend", "p") is None
    assert ask(engine, "suspend", "p") == _WRONG
    give(engine, take(engine))
    assert ask(engine, "suspend", "p") == _WRONG
    assert ask(engine, "raise", "p") is None
    assert ask(engine, "resume", "p") is None
    assert ask(engine, "resume", "p") == _WRONG
    give(engine, take(engine), complete())
    assert state(engine, "p").orchestrationStatus == pb.ORCHESTRATION_STATUS_COMPLETED


def scheduled(engine: Engine) -> None:
    request = pb.CreateInstanceRequest(instanceId="later", name="parent")
    request.scheduledStartTimestamp.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    engine.StartInstance(request, LOCAL)


def test_what_is_terminated_before_its_start_never_runs(place: Place) -> None:
    engine = place.engine
    scheduled(engine)
    request = pb.TerminateRequest(instanceId="later")
    request.output.value = '"not now"'
    engine.TerminateInstance(request, LOCAL)
    for engine_now in (engine, place.again()):
        assert engine_now.take_orchestration() is None
        instance_state = state(engine_now, "later")
        assert (instance_state.orchestrationStatus, instance_state.output.value) == (
            pb.ORCHESTRATION_STATUS_TERMINATED,
            '"not now"',
        )
    start(place.engine, "later")
    assert take(place.engine).request.instanceId == "later"


def test_pages_skip_nothing_when_what_was_shown_no_longer_fits(engine: Engine) -> None:
    for number in range(6):
        start(engine, f"p{number}")
    work = {item.request.instanceId: item for item in (take(engine) for _ in range(6))}
    query = pb.InstanceQuery(runtimeStatus=[pb.ORCHESTRATION_STATUS_PENDING], maxInstanceCount=2)
    observed: list[str] = []
    while True:
        reply = engine.QueryInstances(pb.QueryInstancesRequest(query=query), LOCAL)
        page = [item.instanceId for item in reply.orchestrationState]
        observed += page
        for key in page:
            give(engine, work[key], complete())
        if not reply.HasField("continuationToken"):
            break
        query.continuationToken.CopyFrom(reply.continuationToken)
    assert observed == [f"p{number}" for number in range(6)]


def test_a_continuation_token_that_is_none_is_refused(engine: Engine) -> None:
    query = pb.InstanceQuery()
    query.continuationToken.value = "17"
    with pytest.raises(EngineError, match="continuation token"):
        engine.QueryInstances(pb.QueryInstancesRequest(query=query), LOCAL)
