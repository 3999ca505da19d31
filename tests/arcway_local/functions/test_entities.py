"""Locks of entities isolate, and replies reach only the execution that asked: with and without a crash in between."""

import durabletask.internal.orchestrator_service_pb2 as pb

from arcway_local.functions.engine import Engine
from arcway_local.functions.records import LOCAL, EntityWork
from tests.arcway_local.functions.conftest import Place
from tests.arcway_local.functions.driving import complete, give, kinds, start, take

ENTITY = "@counter@one"


def call(parent: str, request: str, task: int = 1) -> pb.OrchestratorAction:
    action = pb.OrchestratorAction(id=task)
    called = action.sendEntityMessage.entityOperationCalled
    called.requestId, called.operation = request, "add"
    called.parentInstanceId.value, called.targetInstanceId.value = parent, ENTITY
    return action


def lock(parent: str, section: str) -> pb.OrchestratorAction:
    action = pb.OrchestratorAction(id=1)
    request_body = action.sendEntityMessage.entityLockRequested
    request_body.criticalSectionId, request_body.lockSet[:] = section, [ENTITY]
    request_body.parentInstanceId.value = parent
    return action


def unlock(parent: str, section: str) -> pb.OrchestratorAction:
    action = pb.OrchestratorAction(id=5)
    sent = action.sendEntityMessage.entityUnlockSent
    sent.criticalSectionId, sent.targetInstanceId.value = section, ENTITY
    sent.parentInstanceId.value = parent
    return action


def do(engine: Engine) -> list[str]:
    """Do the next batch; returns the ids of its requests."""
    work: EntityWork | None = engine.take_entity()
    if work is None:
        return []
    result = pb.EntityBatchResult(completionToken=work.token)
    for _ in work.request.operations:
        result.results.add().success.result.value = "1"
    engine.CompleteEntityTask(result, LOCAL)
    return [operation.requestId for operation in work.request.operations]


def begin(engine: Engine, name: str, *actions: pb.OrchestratorAction) -> None:
    start(engine, name)
    give(engine, take(engine), *actions)


def test_others_wait_while_an_entity_is_locked(place: Place) -> None:
    engine: Engine = place.engine
    begin(engine, "holder", lock("holder", "s1"))
    work = take(engine)
    assert kinds(work)[-1] == "entityLockGranted"
    begin(engine, "other", call("other", "theirs"))
    assert do(engine) == []
    give(engine, work, call("holder", "mine", task=2))
    assert do(engine) == ["mine"]
    for _ in range(2):
        engine = place.again()
        assert do(engine) == []
    work = take(engine)
    assert kinds(work)[-1] == "entityOperationCompleted"
    give(engine, work, unlock("holder", "s1"))
    engine = place.again()
    assert do(engine) == ["theirs"]
    assert take(engine).request.instanceId == "other"


def test_the_next_holder_gets_the_lock_when_it_is_free(place: Place) -> None:
    engine: Engine = place.engine
    begin(engine, "first", lock("first", "s1"))
    first = take(engine)
    begin(engine, "second", lock("second", "s2"))
    assert engine.take_orchestration() is None
    give(engine, first, unlock("first", "s1"))
    engine = place.again()
    work = take(engine)
    assert (work.request.instanceId, kinds(work)[-1]) == ("second", "entityLockGranted")


def test_a_lock_is_not_given_to_who_has_ended(place: Place) -> None:
    engine: Engine = place.engine
    begin(engine, "first", lock("first", "s1"))
    first = take(engine)
    begin(engine, "second", lock("second", "s2"))
    engine.TerminateInstance(pb.TerminateRequest(instanceId="second"), LOCAL)
    give(engine, take(engine), complete(pb.ORCHESTRATION_STATUS_TERMINATED))
    begin(engine, "third", call("third", "theirs"))
    give(engine, first, unlock("first", "s1"))
    assert do(engine) == ["theirs"]


def test_a_lock_whose_holder_ended_is_released_by_cleaning_and_one_that_is_held_is_not(place: Place) -> None:
    engine: Engine = place.engine
    begin(engine, "holder", lock("holder", "s1"))
    work = take(engine)
    begin(engine, "other", call("other", "theirs"))
    clean = pb.CleanEntityStorageRequest(removeEmptyEntities=True, releaseOrphanedLocks=True)
    reply = engine.CleanEntityStorage(clean, LOCAL)
    assert (reply.orphanedLocksReleased, reply.emptyEntitiesRemoved) == (0, 0)
    give(engine, work, complete(pb.ORCHESTRATION_STATUS_TERMINATED))
    assert do(engine) == []
    assert engine.CleanEntityStorage(clean, LOCAL).orphanedLocksReleased == 1
    assert do(place.again()) == ["theirs"]


def test_a_reply_does_not_reach_a_later_execution(place: Place) -> None:
    engine: Engine = place.engine
    begin(engine, "p", call("p", "asked"), complete())
    start(engine, "p")
    give(engine, take(engine))
    assert do(engine) == ["asked"]
    assert engine.take_orchestration() is None


def test_a_late_reply_leaves_no_trace_in_what_has_ended(place: Place) -> None:
    engine: Engine = place.engine
    begin(engine, "p", call("p", "asked"), complete())
    request = pb.GetInstanceRequest(instanceId="p")
    value_before = engine.GetInstance(request, LOCAL)
    assert do(engine) == ["asked"]
    assert engine.GetInstance(request, LOCAL) == value_before
