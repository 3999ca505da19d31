"""An app whose one orchestration waits in every way there is, and whose effects can be counted. It knows no host."""

import os
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from durabletask.entities import EntityContext, EntityInstanceId
from durabletask.task import OrchestrationContext

app = df.DFApp()

Work = Generator[Any, Any, Any]
SHARED = EntityInstanceId("counter", "shared")
ROUNDS = 2


@app.activity_trigger(input_name="effect")
async def take_effect(effect: str) -> str:
    file = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, f"{effect}\n".encode())
    finally:
        os.close(file)
    return effect


@app.orchestration_trigger(context_name="context")
def child(context: OrchestrationContext, value: Any) -> Work:
    yield context.create_timer(timedelta(milliseconds=30))
    return (yield context.call_activity("take_effect", input=f"{context.instance_id} child"))


@app.orchestration_trigger(context_name="context")
def everything(context: OrchestrationContext, value: Any) -> Work:
    """Two executions by continue-as-new; the event "go" may come at any time."""
    turn, name = value["round"], context.instance_id
    for number in range(3):
        yield context.call_activity("take_effect", input=f"{name} {turn} {number}")
    yield context.create_timer(timedelta(milliseconds=50))
    total = yield context.call_entity(EntityInstanceId("counter", name), "add", 1)
    yield context.call_sub_orchestrator("child", instance_id=f"{name}-{turn}")
    if turn < ROUNDS:
        context.continue_as_new({"round": turn + 1}, save_events=True)
        return None
    context.set_custom_status("listening")
    event = yield context.wait_for_external_event("go")
    with (yield context.lock_entities([SHARED])):
        count_before = yield context.call_entity(SHARED, "add", 0)
        count_after = yield context.call_entity(SHARED, "add", 1)
    return [total, event, count_after - count_before]


@app.orchestration_trigger(context_name="context")
def reads(context: OrchestrationContext, value: Any) -> Work:
    return (yield context.call_entity(SHARED, "add", 0))


@app.entity_trigger(context_name="context")
def counter(context: EntityContext, value: Any) -> Any:
    total = context.get_state(int, 0) + value
    context.set_state(total)
    return total
