"""A function app with one queue trigger that tells what it was given, and fails when the body asks for it."""

import asyncio
import json

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
calls: list[dict[str, object]] = []
running: list[int] = [0, 0]


@app.service_bus_queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="Bus")
async def on_message(message: func.ServiceBusMessage) -> None:
    """Remember the call; `fail` raises, `slow` takes longer than the queue's lock lasts."""
    running[0] += 1
    running[1] = max(running)
    try:
        body = message.get_body().decode()
        calls.append(
            {
                "body": body,
                "messageId": message.message_id,
                "correlationId": message.correlation_id,
                "contentType": message.content_type,
                "deliveryCount": message.delivery_count,
                "sequenceNumber": message.sequence_number,
                "enqueuedTime": message.enqueued_time_utc.isoformat() if message.enqueued_time_utc else None,
                "properties": message.application_properties,
            }
        )
        if body == "fail":
            raise RuntimeError("on purpose")
        await asyncio.sleep({"slow": 7.0, "short": 0.3}.get(body, 0.0))
    finally:
        running[0] -= 1


@app.route(route="calls")
def told(req: func.HttpRequest) -> func.HttpResponse:
    """Everything so far."""
    return func.HttpResponse(json.dumps({"calls": calls, "most": running[1]}))
