"""`scripts/bench service-bus`: the local broker's speed, and how fast messages become accepted runs."""

import json
import tempfile
import time
import uuid
from pathlib import Path

from arcway.domain.json_values import Json
from arcway.private_file import write_private
from arcway_local import stack as embedded
from arcway_local.stack import Options, Stack
from tests.contract.service_bus.measure import measure_local

_MESSAGES = 200
_LIMIT_SECONDS = 60


def measure() -> Json:
    """Everything that the page about messages promises."""
    with tempfile.TemporaryDirectory() as folder:
        stack = embedded.start(Path(folder), Options(clusters=0))
        try:
            accepted = accepted_per_second(stack)
        finally:
            embedded.stop(Path(folder))
    return {"broker": measure_local(), f"{_MESSAGES} messages": {"accepted per second": round(accepted)}}


def accepted_per_second(stack: Stack) -> float:
    """From the first send to the arrival of the last `accepted` event at the broker.

    The runs end at once: their kubeconfig is empty. When events are received says less: the SDK waits for more of them.
    """
    from azure.servicebus import ServiceBusClient, ServiceBusMessage

    write_private(Path(stack.secrets) / "arcway-nobody", b"{}")
    body = {
        "subscriptionId": stack.azure["subscriptionId"],
        "resourceGroup": "bench",
        "location": "eastus",
        "kubeconfig": {"secret": "arcway-nobody"},
    }
    with ServiceBusClient.from_connection_string(stack.service_bus["connectionString"]) as client:
        with client.get_queue_sender("onboarding-requests") as sender:  # it is connected when it is entered
            messages = [
                ServiceBusMessage(json.dumps({**body, "name": f"b{number}"}), message_id=str(uuid.uuid4()))
                for number in range(_MESSAGES)
            ]
            started = time.time()
            sender.send_messages(messages[:100])
            sender.send_messages(messages[100:])
        accepted, last = 0, started
        with client.get_subscription_receiver("onboarding-events", "all") as receiver:
            while accepted < _MESSAGES and time.time() - started < _LIMIT_SECONDS:
                for message in receiver.receive_messages(200, max_wait_time=2):
                    receiver.complete_message(message)
                    arrived = message.enqueued_time_utc.timestamp() if message.enqueued_time_utc else 0.0
                    is_acceptance = json.loads(b"".join(message.body))["type"] == "arcway.run.accepted.v1"
                    # What was measured before has left events, too.
                    if is_acceptance and arrived >= started:
                        accepted, last = accepted + 1, max(last, arrived)
        return accepted / (last - started)
