"""An app with every kind of function, hosted by the contract tests. It knows nothing of the host."""

import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import durable  # type: ignore[import-not-found] # beside this file, where the host starts the app
from durabletask.client import OrchestrationQuery
from durabletask.entities import EntityInstanceId
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
app.register_functions(durable.blueprint)

sys.stdout.write("printed while the app is imported\n")
subprocess.run(["echo", "printed by a child process"], check=True)

ticks: list[bool] = []
signals: list[str] = []


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
    result = await client.get_entity(EntityInstanceId("counter", req.route_params["key"]))
    return respond(None if result is None else result.get_state(int))


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
            "most": durable.running["most"],
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
                "instance": (span.attributes or {}).get("durabletask.task.instance_id"),
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
