"""The engine's corrections of durabletask's in-memory backend, each driven by hand without an app."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from datetime import UTC, datetime, timedelta
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import durabletask.internal.orchestrator_service_pb2_grpc as stubs
import grpc
import pytest
from durabletask.client import TaskHubGrpcClient
from durabletask.grpc_options import GrpcChannelOptions
from durabletask.testing.in_memory_backend import InMemoryOrchestrationBackend

from arcway_local.functions.engine import Engine
from arcway_local.functions.records import LOCAL, EngineError
from tests.arcway_local.functions.driving import (
    act,
    activity,
    complete,
    give,
    kinds,
    raise_event,
    spawn,
    start,
    state,
    take,
    timer,
)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine({"parent": "Parent", "child": "Child"}, default_version="7")
    yield engine
    engine.stop()


def test_a_sub_orchestration_may_outlive_the_stock_watcher(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    # The stock backend gives up on a child when this returns None, which it does after 30 seconds.
    monkeypatch.setattr(InMemoryOrchestrationBackend, "_wait_for_state", lambda *_args, **_kwargs: None)
    start(engine, "p")
    give(engine, take(engine), spawn("c"))
    give(engine, take(engine), complete(result='"done"'))
    work = take(engine)
    assert work.request.instanceId == "p"
    assert work.request.newEvents[-1].subOrchestrationInstanceCompleted.result.value == '"done"'


def test_waiting_for_children_and_timers_takes_no_thread(engine: Engine) -> None:
    thread_count_before = threading.active_count()
    for number in range(50):
        start(engine, f"p{number}")
        give(engine, take(engine), spawn(f"c{number}"), timer(3600))
        give(engine, take(engine))
    assert threading.active_count() == thread_count_before


def test_a_child_knows_its_parent_and_the_parent_its_childs_failure(engine: Engine) -> None:
    start(engine, "p")
    give(engine, take(engine), spawn("c"))
    child = take(engine)
    started = child.request.newEvents[-1].executionStarted
    assert started.parentInstance.orchestrationInstance.instanceId == "p"
    give(engine, child, complete(pb.ORCHESTRATION_STATUS_FAILED, failure="broken"))
    details = take(engine).request.newEvents[-1].subOrchestrationInstanceFailed.failureDetails
    assert (details.errorType, details.errorMessage) == ("Odd", "broken")


def test_an_event_that_arrives_in_flight_is_there_at_once(engine: Engine) -> None:
    start(engine, "p")
    work = take(engine)
    raise_event(engine, "p")
    assert engine.take_orchestration() is None
    give(engine, work)
    assert kinds(take(engine)) == ["orchestratorStarted", "eventRaised"]


def test_work_is_announced_to_the_listener(engine: Engine) -> None:
    announced: list[str] = []
    engine.on_work(lambda: announced.append("work"))
    start(engine, "p")
    give(engine, take(engine), activity())
    assert len(announced) == 2


def test_resume_that_arrives_while_the_suspension_is_in_flight_is_not_forgotten(engine: Engine) -> None:
    start(engine, "p")
    give(engine, take(engine))
    engine.SuspendInstance(pb.SuspendRequest(instanceId="p"), LOCAL)
    work = take(engine)
    engine.ResumeInstance(pb.ResumeRequest(instanceId="p"), LOCAL)
    assert engine.take_orchestration() is None
    give(engine, work)
    assert kinds(take(engine))[-1] == "executionResumed"


def test_what_a_suspended_orchestration_asks_for_waits_until_it_is_resumed(engine: Engine) -> None:
    start(engine, "p")
    work = take(engine)
    engine.SuspendInstance(pb.SuspendRequest(instanceId="p"), LOCAL)
    give(engine, work)
    give(engine, take(engine), activity())
    assert state(engine, "p").orchestrationStatus == pb.ORCHESTRATION_STATUS_SUSPENDED
    raise_event(engine, "p")
    engine.ResumeInstance(pb.ResumeRequest(instanceId="p"), LOCAL)
    assert engine.take_activity() is None
    give(engine, take(engine), activity())
    assert act(engine).task_id == 1
    assert engine.take_activity() is None


def test_a_suspended_orchestration_is_terminated(engine: Engine) -> None:
    start(engine, "p")
    give(engine, take(engine))
    engine.SuspendInstance(pb.SuspendRequest(instanceId="p"), LOCAL)
    engine.TerminateInstance(pb.TerminateRequest(instanceId="p"), LOCAL)
    give(engine, take(engine), complete(pb.ORCHESTRATION_STATUS_TERMINATED))
    assert state(engine, "p").orchestrationStatus == pb.ORCHESTRATION_STATUS_TERMINATED


def test_all_events_carry_the_present_time(engine: Engine) -> None:
    time_before = datetime.now(UTC)
    start(engine, "p")
    give(engine, take(engine), activity())
    task = engine.take_activity()
    assert task is not None
    engine.CompleteActivityTask(pb.ActivityResponse(completionToken=task.token), LOCAL)
    give(engine, take(engine), complete())
    history = engine._instances["p"].history
    times = [event.timestamp.ToDatetime(UTC) for event in history]
    assert len(times) == 8
    assert all(time_before <= time <= datetime.now(UTC) for time in times)


def test_an_activity_counts_once(engine: Engine) -> None:
    start(engine, "p")
    give(engine, take(engine), activity())
    task = engine.take_activity()
    assert task is not None
    for _ in range(2):
        engine.CompleteActivityTask(pb.ActivityResponse(completionToken=task.token), LOCAL)
    assert kinds(take(engine)).count("taskCompleted") == 1


def test_a_failure_without_a_message_is_a_failure(engine: Engine) -> None:
    start(engine, "p")
    give(engine, take(engine), activity())
    task = engine.take_activity()
    assert task is not None
    response = pb.ActivityResponse(completionToken=task.token, failureDetails=pb.TaskFailureDetails(errorType="E"))
    engine.CompleteActivityTask(response, LOCAL)
    assert kinds(take(engine))[-1] == "taskFailed"


def test_results_of_an_earlier_execution_do_not_reach_the_next(engine: Engine) -> None:
    start(engine, "p")
    give(engine, take(engine), activity(1), activity(2))
    early, late = engine.take_activity(), engine.take_activity()
    assert early is not None
    assert late is not None
    raise_event(engine, "p")
    work = take(engine)
    engine.CompleteActivityTask(pb.ActivityResponse(completionToken=early.token), LOCAL)
    raise_event(engine, "p")
    give(engine, work, complete(pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW))
    engine.CompleteActivityTask(pb.ActivityResponse(completionToken=late.token), LOCAL)
    assert kinds(take(engine)) == ["orchestratorStarted", "executionStarted", "eventRaised"]


def test_versions_come_from_the_host_unless_given(engine: Engine) -> None:
    start(engine, "p")
    work = take(engine)
    assert work.request.newEvents[-1].executionStarted.version.value == "7"
    give(engine, work, spawn("c"))
    assert take(engine).request.newEvents[-1].executionStarted.version.value == "7"


def test_finished_ids_are_replaced_and_running_ones_refused(engine: Engine) -> None:
    start(engine, "p")
    with pytest.raises(EngineError) as caught:
        start(engine, "p")
    assert caught.value.code is grpc.StatusCode.ALREADY_EXISTS
    give(engine, take(engine), complete())
    start(engine, "p", "child")
    assert state(engine, "p").name == "child"


def test_a_replaced_running_instance_ignores_the_work_of_its_predecessor(engine: Engine) -> None:
    start(engine, "p")
    old = take(engine)
    policy = pb.OrchestrationIdReusePolicy(replaceableStatus=[pb.ORCHESTRATION_STATUS_PENDING])
    start(engine, "p", "child", orchestrationIdReusePolicy=policy)
    give(engine, old, complete())
    assert state(engine, "p").orchestrationStatus == pb.ORCHESTRATION_STATUS_PENDING
    assert take(engine).name == "child"


@pytest.mark.parametrize("instance_id", ["a/b", "a\\b", "a#b", "a?b", "a\nb", "a\x85b", "@a", "x" * 101])
def test_ids_that_the_extension_refuses(engine: Engine, instance_id: str) -> None:
    with pytest.raises(EngineError, match="nstance IDs must not") as caught:
        start(engine, instance_id)
    assert caught.value.code is grpc.StatusCode.INTERNAL


def test_an_unknown_orchestrator_is_refused(engine: Engine) -> None:
    with pytest.raises(EngineError, match="Known orchestrator functions: Child, Parent"):
        start(engine, "p", "nobody")


@pytest.mark.parametrize(("length", "ok"), [(8192, True), (8193, False)])
def test_the_custom_status_limit_counts_utf16(engine: Engine, length: int, ok: bool) -> None:
    start(engine, "p")
    work = take(engine)
    response = pb.OrchestratorResponse(instanceId="p", completionToken=work.token)
    response.customStatus.value = "\U0001f600" * (length // 2) + "x" * (length % 2)
    engine.CompleteOrchestratorTask(response, LOCAL)
    instance_state = state(engine, "p")
    assert (instance_state.orchestrationStatus == pb.ORCHESTRATION_STATUS_RUNNING) is ok
    assert ("16 KB" in instance_state.failureDetails.errorMessage) is not ok


def test_nothing_runs_before_its_start_even_if_an_event_comes(engine: Engine) -> None:
    request = pb.CreateInstanceRequest(instanceId="p", name="parent")
    request.scheduledStartTimestamp.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    engine.StartInstance(request, LOCAL)
    raise_event(engine, "p")
    assert engine.take_orchestration() is None
    engine.TerminateInstance(pb.TerminateRequest(instanceId="p"), LOCAL)
    assert engine.take_orchestration() is None
    assert state(engine, "p").orchestrationStatus == pb.ORCHESTRATION_STATUS_TERMINATED


def test_terminate_reaches_children_of_children(engine: Engine) -> None:
    start(engine, "p")
    give(engine, take(engine), spawn("c"))
    give(engine, take(engine), spawn("g"))
    give(engine, take(engine))
    engine.TerminateInstance(pb.TerminateRequest(instanceId="p", recursive=True), LOCAL)
    ended = {take(engine).request.instanceId for _ in range(3)}
    assert ended == {"p", "c", "g"}


def test_an_entity_without_state_does_not_exist(engine: Engine) -> None:
    engine.SignalEntity(pb.SignalEntityRequest(instanceId="@e@k", name="add", requestId="1"), LOCAL)
    work = engine.take_entity()
    assert work is not None
    assert (work.name, work.request.operations[0].operation) == ("e", "add")
    assert engine.take_entity() is None
    engine.CompleteEntityTask(pb.EntityBatchResult(completionToken=work.token), LOCAL)
    assert not engine.GetEntity(pb.GetEntityRequest(instanceId="@e@k"), LOCAL).exists


def test_a_second_worker_is_refused(engine: Engine) -> None:
    with pytest.raises(EngineError, match="executed by the Functions host"):
        engine.GetWorkItems(pb.GetWorkItemsRequest(), LOCAL)


@pytest.fixture
def client(engine: Engine) -> Iterator[TaskHubGrpcClient]:
    with TaskHubGrpcClient(host_address=engine.start()) as client:
        yield client


def test_waiting_over_grpc_ends_with_the_callers_deadline(engine: Engine, client: TaskHubGrpcClient) -> None:
    start(engine, "p")
    with pytest.raises(TimeoutError):
        client.wait_for_orchestration_completion("p", timeout=1)
    deadline = time.monotonic() + 240  # the server's side of the call ends a moment after the client's
    while "p" in engine._state_waiters:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_more_clients_than_the_stock_pool_wait_and_all_are_notified(engine: Engine, client: TaskHubGrpcClient) -> None:
    start(engine, "p")
    with futures.ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(client.wait_for_orchestration_completion, "p", timeout=240) for _ in range(40)]
        while len(engine._state_waiters.get("p", [])) < 40:
            futures.wait(waiting, timeout=0.01, return_when=futures.FIRST_EXCEPTION)
        give(engine, take(engine), complete(result='"x"'))
        assert {future.result().serialized_output for future in waiting} == {'"x"'}  # type: ignore[union-attr]


def test_stopping_frees_clients_that_wait_forever(engine: Engine) -> None:
    address = engine.start()
    start(engine, "p")
    with futures.ThreadPoolExecutor(1) as pool, grpc.insecure_channel(address) as channel:
        connect: Callable[[Any], Any] = stubs.TaskHubSidecarServiceStub
        stub = connect(channel)
        waiting = pool.submit(stub.WaitForInstanceCompletion, pb.GetInstanceRequest(instanceId="p"))
        while not engine._state_waiters.get("p"):
            futures.wait([waiting], timeout=0.01)
        engine.stop(0)
        assert isinstance(waiting.exception(10), grpc.RpcError)
        deadline = time.monotonic() + 240
        while "p" in engine._state_waiters:
            assert time.monotonic() < deadline
            futures.wait([waiting], timeout=0.01)


def test_messages_over_four_megabytes_pass(engine: Engine, client: TaskHubGrpcClient) -> None:
    big = GrpcChannelOptions(max_receive_message_length=2**31 - 1, max_send_message_length=2**31 - 1)
    start(engine, "p")
    give(engine, take(engine), complete(result=f'"{"x" * 5_000_000}"'))
    with TaskHubGrpcClient(host_address=client._host_address, channel_options=big) as roomy:
        instance_state = roomy.get_orchestration_state("p")
        assert instance_state is not None
        assert len(instance_state.serialized_output or "") == 5_000_002
        start(engine, "q")
        roomy.raise_orchestration_event("q", "go", data="x" * 5_000_000)
    assert len(take(engine).request.newEvents[-1].eventRaised.input.value) == 5_000_002
