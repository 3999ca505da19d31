"""An app with every kind of function, hosted by the contract tests. It knows nothing of the host."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from durabletask.client import OrchestrationQuery
from durabletask.entities import EntityContext, EntityInstanceId
from durabletask.task import OrchestrationContext, when_all
from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)

sys.stdout.write("printed while the app is imported\n")
subprocess.run(["echo", "printed by a child process"], check=True)

Work = Generator[Any, Any, Any]
ticks: list[bool] = []
signals: list[str] = []
attempts: dict[str, int] = {}
running = {"now": 0, "most": 0}
lock = threading.Lock()


def respond(document: Any, status: int = 200) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(document), status_code=status, mimetype="application/json")


# HTTP


@app.route(route="start/{name}/{id?}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    body = req.get_body()
    instance_id = await client.schedule_new_orchestration(
        req.route_params["name"],
        input=json.loads(body) if body else None,
        instance_id=req.route_params.get("id"),
    )
    return client.create_check_status_response(req, instance_id)


@app.route(route="wait/{id}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def wait(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    state = await client.wait_for_orchestration_completion(req.route_params["id"], timeout=240)
    return respond(None if state is None else state.serialized_output)


@app.route(route="sync-state/{id}", methods=["GET"])
@app.durable_client_input(client_name="client")
def sync_state(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    state = client.get_orchestration_state(req.route_params["id"])
    return respond(None if state is None else state.runtime_status.name)


@app.route(route="delayed/{id}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def delayed(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    start_at = datetime.now(UTC) + timedelta(seconds=float(req.params["seconds"]))
    instance_id = await client.schedule_new_orchestration(
        "echo", input="late", instance_id=req.route_params["id"], start_at=start_at
    )
    return client.create_check_status_response(req, instance_id)


@app.route(route="entities/{key}/{operation}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def signal(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    entity = EntityInstanceId("counter", req.route_params["key"])
    await client.signal_entity(entity, req.route_params["operation"], input=int(req.params.get("by", "0")))
    return func.HttpResponse(status_code=202)


@app.route(route="entities/{key}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def entity_state(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    found = await client.get_entity(EntityInstanceId("counter", req.route_params["key"]))
    return respond(None if found is None else found.get_state(int))


@app.route(route="count/{prefix}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def count(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    query = OrchestrationQuery(max_instance_count=2)
    states = await client.get_all_orchestration_states(query)
    return respond(sum(state.instance_id.startswith(req.route_params["prefix"]) for state in states))


@app.route(route="echo/{number:int}/{word?}")
def mirror(req: func.HttpRequest) -> func.HttpResponse:
    return respond(
        {
            "method": req.method,
            "url": req.url,
            "params": dict(req.route_params),
            "query": dict(req.params),
            "header": req.headers.get("X-Sample"),
            "size": len(req.get_body()),
        }
    )


@app.route(route="overlap/{anything}", methods=["GET"])
def a_general(req: func.HttpRequest) -> str:
    return "a_general"


@app.route(route="overlap/special", methods=["GET"])
def b_special(req: func.HttpRequest) -> str:
    return "b_special"


@app.route(route="{*path}", methods=["GET"])
def z_rest(req: func.HttpRequest) -> str:
    return f"rest of {req.route_params.get('path')}"


@app.route(route="cookies", methods=["GET"])
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse("ok")
    response.headers.add("Set-Cookie", "first=a/b=; Path=/; HttpOnly; SameSite=Lax; Max-Age=60")
    response.headers.add("Set-Cookie", "second=2; Secure")
    return response


@app.route(route="broken", methods=["GET"])
def broken(req: func.HttpRequest) -> str:
    raise RuntimeError("the secret of the stack trace")


@app.route(route="facts", methods=["GET"])
def facts(req: func.HttpRequest) -> func.HttpResponse:
    return respond(
        {
            "ticks": len(ticks),
            "pastDue": ticks[:1],
            "signals": signals,
            "most": running["most"],
            "setting": os.environ["SAMPLE_OVERRIDDEN"],
            "threads": threading.active_count(),
            "cpu": time.process_time(),
        }
    )


@app.route(route="traced", methods=["GET"])
@app.durable_client_input(client_name="client")
async def traced(req: func.HttpRequest, client: df.DurableFunctionsClient, context: func.Context) -> func.HttpResponse:
    """Start an orchestration in the trace of the request, as an app with OpenTelemetry does."""
    carrier = {"traceparent": context.trace_context.trace_parent}
    token = attach(TraceContextTextMapPropagator().extract(carrier))
    try:
        await client.schedule_new_orchestration("chain", instance_id=req.params["id"])
    finally:
        detach(token)
    return respond(carrier)


@app.route(route="spans", methods=["GET"])
def shown_spans(req: func.HttpRequest) -> func.HttpResponse:
    return respond(
        [
            {
                "name": span.name,
                "trace": f"{span.context.trace_id:032x}",
                "id": f"{span.context.span_id:016x}",
                "parent": f"{span.parent.span_id:016x}" if span.parent else None,
                "ok": span.status.is_ok,
            }
            for span in spans.get_finished_spans()
        ]
    )


@app.route(route="hang", methods=["POST"])
def hang(req: func.HttpRequest) -> str:
    threading.Event().wait(float(req.params["seconds"]))
    return "done"


# other triggers


@app.timer_trigger(schedule="%SAMPLE_SCHEDULE%", arg_name="timer")
async def tick(timer: func.TimerRequest) -> None:
    ticks.append(timer.past_due)


@app.service_bus_queue_trigger(arg_name="message", queue_name="q", connection="Bus")
def on_message(message: func.ServiceBusMessage) -> None:
    signals.append(message.get_body().decode())


# durable


@app.activity_trigger(input_name="text")
async def shout(text: str) -> str:
    return text.upper()


@app.activity_trigger(input_name="text")
def shout_sync(text: str) -> str:
    return text.upper() + "!"


@app.activity_trigger(input_name="key")
def fail_twice(key: str) -> int:
    attempts[key] = attempts.get(key, 0) + 1
    if attempts[key] < 3:
        raise ValueError(f"attempt {attempts[key]}")
    return attempts[key]


@app.activity_trigger(input_name="seconds")
async def busy(seconds: float) -> None:
    with lock:
        running["now"] += 1
        running["most"] = max(running["most"], running["now"])
    await asyncio.sleep(seconds)
    with lock:
        running["now"] -= 1


@app.activity_trigger(input_name="unused")
def raise_empty(unused: Any) -> None:
    raise ValueError


@app.activity_trigger(input_name="unused")
def no_json(unused: Any) -> Any:
    return {1, 2}


@app.orchestration_trigger(context_name="context")
def calls_no_json(context: OrchestrationContext, value: Any) -> Work:
    return (yield context.call_activity("no_json"))


@app.orchestration_trigger(context_name="context")
def raises_when_told(context: OrchestrationContext, value: Any) -> Work:
    told = yield context.wait_for_external_event("go")
    raise LookupError(told)


@app.orchestration_trigger(context_name="context")
def echo(context: OrchestrationContext, value: Any) -> Work:
    yield context.create_timer(context.current_utc_datetime)
    return value


@app.orchestration_trigger(context_name="context")
def chain(context: OrchestrationContext, value: Any) -> Work:
    first = yield context.call_activity("shout", input="a")
    second = yield context.call_activity("shout_sync", input=first)
    return [first, second, context.version]


@app.orchestration_trigger(context_name="context")
def busy_once(context: OrchestrationContext, value: Any) -> Work:
    return (yield context.call_activity("busy", input=value))


@app.orchestration_trigger(context_name="context")
def retried(context: OrchestrationContext, value: Any) -> Work:
    policy = df.RetryPolicy(first_retry_interval=timedelta(milliseconds=20), max_number_of_attempts=3)
    return (yield context.call_activity("fail_twice", input=context.instance_id, retry_policy=policy))


@app.orchestration_trigger(context_name="context")
def waits(context: OrchestrationContext, value: Any) -> Work:
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=value))
    return "waited"


@app.orchestration_trigger(context_name="context")
def listens(context: OrchestrationContext, value: Any) -> Work:
    context.set_custom_status({"listening": True})
    return (yield context.wait_for_external_event("go"))


@app.orchestration_trigger(context_name="context")
def parent(context: OrchestrationContext, value: Any) -> Work:
    return (
        yield context.call_sub_orchestrator(
            value["child"], input=value["input"], instance_id=f"{context.instance_id}-child"
        )
    )


@app.orchestration_trigger(context_name="context")
def raises(context: OrchestrationContext, value: Any) -> Work:
    yield context.create_timer(context.current_utc_datetime)
    raise LookupError("nothing there")


@app.orchestration_trigger(context_name="context")
def empty_failure(context: OrchestrationContext, value: Any) -> Work:
    return (yield context.call_activity("raise_empty"))


@app.orchestration_trigger(context_name="context")
def counts_down(context: OrchestrationContext, value: Any) -> Work:
    # A long timer of this execution must not wake a later one.
    context.create_timer(context.current_utc_datetime + timedelta(milliseconds=300))
    yield context.create_timer(context.current_utc_datetime)
    if value:
        context.continue_as_new(value - 1)
        return None
    yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=600))
    return "zero"


@app.orchestration_trigger(context_name="context")
def status_of_length(context: OrchestrationContext, value: Any) -> Work:
    context.set_custom_status("x" * (value - 2))
    yield context.create_timer(context.current_utc_datetime)
    return "fits"


@app.orchestration_trigger(context_name="context")
def fan_out(context: OrchestrationContext, value: Any) -> Work:
    yield when_all([context.call_activity("busy", input=value["seconds"]) for _ in range(value["count"])])
    return value["count"]


@app.orchestration_trigger(context_name="context")
def big(context: OrchestrationContext, value: Any) -> Work:
    size = 0
    for _ in range(3):
        size += len((yield context.call_activity("shout", input="x" * value)))
    return size


@app.orchestration_trigger(context_name="context")
def counts_with_entity(context: OrchestrationContext, value: Any) -> Work:
    entity = EntityInstanceId("counter", context.instance_id)
    context.signal_entity(entity, "add", 2)
    return (yield context.call_entity(entity, "add", 3))


@app.orchestration_trigger(context_name="context")
def flaky(context: OrchestrationContext, value: Any) -> Work:
    return (yield context.call_activity("fail_twice", input=value))


@app.orchestration_trigger(context_name="context")
def locks(context: OrchestrationContext, value: Any) -> Work:
    entity = EntityInstanceId("counter", value)
    with (yield context.lock_entities([entity])):
        before = yield context.call_entity(entity, "add", 0)
        yield context.create_timer(timedelta(milliseconds=50))
        after = yield context.call_entity(entity, "add", 1)
    return after - before


@app.orchestration_trigger(context_name="context")
def locks_until_told(context: OrchestrationContext, value: Any) -> Work:
    entity = EntityInstanceId("counter", value)
    with (yield context.lock_entities([entity])):
        before = yield context.call_entity(entity, "add", 0)
        context.set_custom_status("locked")
        yield context.wait_for_external_event("go")
        after = yield context.call_entity(entity, "add", 0)
    return after - before


# The one-parameter form of earlier SDK versions, which still has call_http.
@app.orchestration_trigger(context_name="context")  # type: ignore[arg-type]
def calls_http(context: df.DurableOrchestrationContext) -> Work:
    reply = yield context.call_http("GET", context.get_input())
    return [reply.status_code, reply.content]


@app.entity_trigger(context_name="context")
def counter(context: EntityContext, value: Any) -> Any:
    if context.operation == "delete":
        context.set_state(None)
        return None
    total = context.get_state(int, 0) + value
    context.set_state(total)
    return total
