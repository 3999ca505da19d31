"""What the task hub refuses its clients, and pages that skip nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
import pytest
from google.protobuf import wrappers_pb2  # type: ignore[import-untyped]

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


def listed(engine: Engine, **fields: Any) -> list[pb.OrchestrationState]:
    query = pb.InstanceQuery(**fields)
    return list(engine.QueryInstances(pb.QueryInstancesRequest(query=query), LOCAL).orchestrationState)


def test_a_query_shows_payloads_only_on_request_and_a_custom_status_always(engine: Engine) -> None:
    start(engine, "p1", input=wrappers_pb2.StringValue(value='"input"'))
    work = take(engine)
    failed = complete(pb.ORCHESTRATION_STATUS_FAILED, '"output"', failure="no")
    response = pb.OrchestratorResponse(instanceId="p1", completionToken=work.token, actions=[failed])
    response.customStatus.value = '"status"'
    engine.CompleteOrchestratorTask(response, LOCAL)
    (short,) = listed(engine)
    (whole,) = listed(engine, fetchInputsAndOutputs=True)
    assert (short.customStatus.value, whole.customStatus.value) == ('"status"', '"status"')
    payloads = ("input", "output", "failureDetails")
    assert [short.HasField(name) for name in payloads] == [False] * 3
    assert [whole.HasField(name) for name in payloads] == [True] * 3


def test_instances_are_listed_in_the_order_of_their_creation_also_after_replacement_removal_and_restart(
    place: Place,
) -> None:
    engine: Engine = place.engine
    for name in ("a", "b", "c"):
        start(engine, name)
    work = {item.request.instanceId: item for item in (take(engine) for _ in range(3))}
    for name in ("a", "b"):
        give(engine, work[name], complete())
    start(engine, "a")
    engine.PurgeInstances(pb.PurgeInstancesRequest(instanceId="b"), LOCAL)
    for engine_now in (engine, place.again()):
        states = listed(engine_now)
        assert [item.instanceId for item in states] == ["c", "a"]
        moment = states[1].createdTimestamp
        assert [item.instanceId for item in listed(engine_now, createdTimeFrom=moment)] == ["a"]
        assert [item.instanceId for item in listed(engine_now, createdTimeTo=moment)] == ["c"]
        assert [
            item.instanceId for item in listed(engine_now, instanceIdPrefix=wrappers_pb2.StringValue(value="c"))
        ] == ["c"]


def test_places_of_instances_that_are_gone_are_dropped(engine: Engine) -> None:
    for _ in range(300):
        start(engine, "same")
        give(engine, take(engine), complete())
    assert [item.instanceId for item in listed(engine)] == ["same"]
    assert len(engine._creation_order._places) < 100


def test_what_is_only_read_is_not_compared_with_the_journal(place: Place) -> None:
    start(place.engine, "p1")
    assert [item.instanceId for item in listed(place.engine)] == ["p1"]
    assert place.engine._ledger.instances.touched == set()
