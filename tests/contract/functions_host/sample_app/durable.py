"""The sample app's activities, orchestrations and entity."""

import asyncio
import threading
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from durabletask.entities import EntityContext, EntityInstanceId
from durabletask.task import OrchestrationContext, when_all

blueprint = df.Blueprint()

Work = Generator[Any, Any, Any]
attempts: dict[str, int] = {}
running = {"now": 0, "most": 0}
lock = threading.Lock()


@blueprint.activity_trigger(input_name="message")
async def shout(message: str) -> str:
    return message.upper()


@blueprint.activity_trigger(input_name="message")
def shout_sync(message: str) -> str:
    return message.upper() + "!"


@blueprint.activity_trigger(input_name="key")
def fail_twice(key: str) -> int:
    attempts[key] = attempts.get(key, 0) + 1
    if attempts[key] < 3:
        raise ValueError(f"attempt {attempts[key]}")
    return attempts[key]


@blueprint.activity_trigger(input_name="seconds")
async def busy(seconds: float) -> None:
    with lock:
        running["now"] += 1
        running["most"] = max(running["most"], running["now"])
    await asyncio.sleep(seconds)
    with lock:
        running["now"] -= 1


@blueprint.activity_trigger(input_name="unused")
def raise_empty(unused: Any) -> None:
    raise ValueError


@blueprint.activity_trigger(input_name="unused")
def no_json(unused: Any) -> Any:
    return {1, 2}


@blueprint.orchestration_trigger(context_name="context")
def calls_no_json(context: OrchestrationContext, value: Any) -> Work:
    return (yield context.call_activity("no_json"))


@blueprint.orchestration_trigger(context_name="context")
def raises_when_told(context: OrchestrationContext, value: Any) -> Work:
    event = yield context.wait_for_external_event("go")
    raise LookupError(event)


@blueprint.orchestration_trigger(context_name="context")
def echo(context: OrchestrationContext, value: Any) -> Work:
    yield context.create_timer(context.current_utc_datetime)
    return value


@blueprint.orchestration_trigger(context_name="context")
def chain(context: OrchestrationContext, value: Any) -> Work:
    first = yield context.call_activity("shout", input="a")
    second = yield context.call_activity("shout_sync", input=first)
    return [first, second, context.version]


@blueprint.orchestration_trigger(context_name="context")
def busy_once(context: OrchestrationContext, value: Any) -> Work:
    return (yield context.call_activity("busy", input=value))


@blueprint.orchestration_trigger(context_name="context")
def retried(context: OrchestrationContext, value: Any) -> Work:
    policy = df.RetryPolicy(first_retry_interval=timedelta(milliseconds=20), max_number_of_attempts=3)
    return (yield context.call_activity("fail_twice", input=context.instance_id, retry_policy=policy))


@blueprint.orchestration_trigger(context_name="context")
def waits(context: OrchestrationContext, value: Any) -> Work:
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=value))
    return "waited"


@blueprint.orchestration_trigger(context_name="context")
def listens(context: OrchestrationContext, value: Any) -> Work:
    context.set_custom_status({"listening": True})
    return (yield context.wait_for_external_event("go"))


@blueprint.orchestration_trigger(context_name="context")
def parent(context: OrchestrationContext, value: Any) -> Work:
    return (
        yield context.call_sub_orchestrator(
            value["child"], input=value["input"], instance_id=f"{context.instance_id}-child"
        )
    )


@blueprint.orchestration_trigger(context_name="context")
def raises(context: OrchestrationContext, value: Any) -> Work:
    yield context.create_timer(context.current_utc_datetime)
    raise LookupError("nothing there")


@blueprint.orchestration_trigger(context_name="context")
def empty_failure(context: OrchestrationContext, value: Any) -> Work:
    return (yield context.call_activity("raise_empty"))


@blueprint.orchestration_trigger(context_name="context")
def counts_down(context: OrchestrationContext, value: Any) -> Work:
    # A long timer of this execution must not wake a later one.
    context.create_timer(context.current_utc_datetime + timedelta(milliseconds=300))
    yield context.create_timer(context.current_utc_datetime)
    if value:
        context.continue_as_new(value - 1)
        return None
    yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=600))
    return "zero"


@blueprint.orchestration_trigger(context_name="context")
def status_of_length(context: OrchestrationContext, value: Any) -> Work:
    context.set_custom_status("x" * (value - 2))
    yield context.create_timer(context.current_utc_datetime)
    return "fits"


@blueprint.orchestration_trigger(context_name="context")
def fan_out(context: OrchestrationContext, value: Any) -> Work:
    yield when_all([context.call_activity("busy", input=value["seconds"]) for _ in range(value["count"])])
    return value["count"]


@blueprint.orchestration_trigger(context_name="context")
def big(context: OrchestrationContext, value: Any) -> Work:
    size = 0
    for _ in range(3):
        size += len((yield context.call_activity("shout", input="x" * value)))
    return size


@blueprint.orchestration_trigger(context_name="context")
def counts_with_entity(context: OrchestrationContext, value: Any) -> Work:
    entity = EntityInstanceId("counter", context.instance_id)
    context.signal_entity(entity, "add", 2)
    return (yield context.call_entity(entity, "add", 3))


@blueprint.orchestration_trigger(context_name="context")
def flaky(context: OrchestrationContext, value: Any) -> Work:
    return (yield context.call_activity("fail_twice", input=value))


@blueprint.orchestration_trigger(context_name="context")
def locks(context: OrchestrationContext, value: Any) -> Work:
    entity = EntityInstanceId("counter", value)
    with (yield context.lock_entities([entity])):
        count_before = yield context.call_entity(entity, "add", 0)
        yield context.create_timer(timedelta(milliseconds=50))
        count_after = yield context.call_entity(entity, "add", 1)
    return count_after - count_before


@blueprint.orchestration_trigger(context_name="context")
def locks_until_told(context: OrchestrationContext, value: Any) -> Work:
    entity = EntityInstanceId("counter", value)
    with (yield context.lock_entities([entity])):
        count_before = yield context.call_entity(entity, "add", 0)
        context.set_custom_status("locked")
        yield context.wait_for_external_event("go")
        count_after = yield context.call_entity(entity, "add", 0)
    return count_after - count_before


# The one-parameter form of earlier SDK versions, which still has call_http.
@blueprint.orchestration_trigger(context_name="context")  # type: ignore[arg-type]
def calls_http(context: df.DurableOrchestrationContext) -> Work:
    reply = yield context.call_http("GET", context.get_input())
    return [reply.status_code, reply.content]


@blueprint.entity_trigger(context_name="context")
def counter(context: EntityContext, value: Any) -> Any:
    if context.operation == "delete":
        context.set_state(None)
        return None
    total = context.get_state(int, 0) + value
    context.set_state(total)
    return total
