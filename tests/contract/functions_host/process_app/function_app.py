"""An app whose activities say in which process they run, end it, or keep it busy."""

import os
import time
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from durabletask.task import OrchestrationContext

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="start/{name}/{id}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Start `name` as `id` with the body as its input."""
    name = req.route_params["name"]
    await client.schedule_new_orchestration(name, input=req.get_json(), instance_id=req.route_params["id"])
    return func.HttpResponse(status_code=202)


@app.route(route="process", methods=["GET"])
def process(req: func.HttpRequest) -> str:
    """The process that serves requests."""
    return str(os.getpid())


@app.orchestration_trigger(context_name="context")
def calls(context: OrchestrationContext, request: Any) -> Any:
    """Call one activity with an input, as the input says."""
    result = yield context.call_activity(request["activity"], input=request["input"])
    return result


@app.activity_trigger(input_name="payload")
def where(payload: Any) -> Any:
    """The process that calls activities, the niceness of it, and what came along."""
    return {"process": os.getpid(), "nice": os.nice(0), "payload": payload}


@app.activity_trigger(input_name="payload")
def raises(payload: str) -> None:
    """Fail."""
    raise ValueError(payload)


@app.activity_trigger(input_name="payload")
def ends_the_process(payload: dict) -> int:  # type: ignore[type-arg]
    """End the process so many times, and then return how often it was called."""
    calls_file = Path(payload["file"])
    with calls_file.open("a") as file:
        file.write(f"{os.getpid()}\n")
    number = len(calls_file.read_text().splitlines())
    if number <= payload["times"]:
        os._exit(9)
    return number


@app.activity_trigger(input_name="payload")
def waits(payload: str) -> str:
    """Say where it runs, and wait for the file to go."""
    path = Path(payload)
    path.write_text(str(os.getpid()))
    while path.exists():
        time.sleep(0.02)
    return "gone"


@app.activity_trigger(input_name="payload")
@app.durable_client_input(client_name="client")
async def asks(payload: str, client: df.DurableFunctionsClient) -> str:
    """Ask the engine for an instance."""
    state = await client.get_orchestration_state(payload)
    return state.name if state else "none"
