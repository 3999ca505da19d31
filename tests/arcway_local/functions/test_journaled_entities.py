"""What entities, their locks and their signals are after their engine ended without a word."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb

from arcway_local.functions.engine import Engine
from arcway_local.functions.records import LOCAL, EntityWork
from tests.arcway_local.functions.conftest import Place
from tests.arcway_local.functions.driving import (
    give,
    kinds,
    start,
    take,
)


def entity_work(engine: Engine) -> EntityWork:
    work = engine.take_entity()
    assert work is not None
    return work


def signal(engine: Engine, entity_id: str = "@e@k", **fields: Any) -> None:
    engine.SignalEntity(pb.SignalEntityRequest(instanceId=entity_id, name="add", requestId="1", **fields), LOCAL)


def operated(engine: Engine, work: EntityWork, value: str) -> None:
    result = pb.EntityBatchResult(completionToken=work.token, results=[pb.OperationResult()])
    result.entityState.value = value
    engine.CompleteEntityTask(result, LOCAL)


def entity_state(engine: Engine) -> str:
    request = pb.GetEntityRequest(instanceId="@e@k", includeState=True)
    return str(engine.GetEntity(request, LOCAL).entity.serializedState.value)


def lock(section: str, parent: str) -> pb.OrchestratorAction:
    message = pb.SendEntityMessageAction()
    message.entityLockRequested.criticalSectionId = section
    message.entityLockRequested.lockSet.append("@e@k")
    message.entityLockRequested.parentInstanceId.value = parent
    return pb.OrchestratorAction(id=1, sendEntityMessage=message)


def unlock(section: str) -> pb.OrchestratorAction:
    message = pb.SendEntityMessageAction()
    message.entityUnlockSent.criticalSectionId = section
    message.entityUnlockSent.targetInstanceId.value = "@e@k"
    return pb.OrchestratorAction(id=2, sendEntityMessage=message)


def test_entities_keep_their_state_and_what_is_queued(place: Place) -> None:
    signal(place.engine)
    operated(place.engine, entity_work(place.engine), "5")
    signal(place.engine)
    entity_work(place.engine)
    signal(place.engine)
    engine = place.again()
    assert entity_state(engine) == "5"
    work = entity_work(engine)
    assert (work.request.entityState.value, len(work.request.operations)) == ("5", 2)
    operated(engine, work, "7")
    engine = place.again()
    assert entity_state(engine) == "7"
    assert engine.take_entity() is None


def test_a_delayed_signal_arrives_once(place: Place) -> None:
    scheduled = pb.SignalEntityRequest().scheduledTime
    scheduled.FromDatetime(datetime.now(UTC) + timedelta(seconds=0.2))
    signal(place.engine, scheduledTime=scheduled)
    place.engine._alarms.stop()
    engine = place.again()
    deadline = time.monotonic() + 240
    while (work := engine.take_entity()) is None:
        assert time.monotonic() < deadline
    operated(engine, work, "1")
    assert not place.again()._alarms._due


def test_locks_and_those_who_wait_for_them_are_kept(place: Place) -> None:
    for name in ("p", "q"):
        start(place.engine, name)
    for work in (take(place.engine), take(place.engine)):
        name = work.request.instanceId
        give(place.engine, work, lock(f"section-{name}", name))
    engine = place.again()
    holder = take(engine)
    assert (holder.request.instanceId, kinds(holder)[-1]) == ("p", "entityLockGranted")
    assert engine.take_orchestration() is None
    give(engine, holder, unlock("section-p"))
    engine = place.again()
    waiter = take(engine)
    assert (waiter.request.instanceId, kinds(waiter)[-1]) == ("q", "entityLockGranted")
    assert not engine._pending_lock_requests
