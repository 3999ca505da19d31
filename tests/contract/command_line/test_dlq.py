"""`arcway dlq` looks after the dead-letter queue of any Service Bus."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from arcway_local import processes
from arcway_local.stack import APP_DIR, ENTITIES


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[str]:
    arguments = ["--config", str(ENTITIES), "--port", "0"]
    ready, pid = processes.launch("service_bus", arguments, APP_DIR, tmp_path / "bus.log", {})
    with ServiceBusClient.from_connection_string(ready["connectionString"]) as client:
        with client.get_queue_sender("onboarding-requests") as sender:
            sender.send_messages([ServiceBusMessage(f'{{"n": {n}}}', message_id=f"m{n}") for n in range(3)])
        with client.get_queue_receiver("onboarding-requests") as receiver:
            remaining = 3
            while remaining:
                for message in receiver.receive_messages(remaining, max_wait_time=5):
                    receiver.dead_letter_message(message, reason="TooOften", error_description="it was")
                    remaining -= 1
    yield ready["connectionString"]
    processes.stop([pid])


def dlq(connection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "PYTHONPATH": str(APP_DIR), "ServiceBusConnection": connection}
    command = [sys.executable, "-W", "ignore", "-m", "arcway.cli", "dlq", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


def test_dead_letters_are_listed_shown_resubmitted_and_purged(connection: str) -> None:
    listed = json.loads(dlq(connection, "list", "-o", "json").stdout)
    assert [(item["messageId"], item["reason"], item["description"]) for item in listed] == [
        (f"m{n}", "TooOften", "it was") for n in range(3)
    ]
    assert "m1" in dlq(connection, "list").stdout
    assert json.loads(dlq(connection, "show", "m1").stdout)["body"] == '{"n": 1}'
    missing = dlq(connection, "show", "nope")
    assert (missing.returncode, "Traceback" in missing.stderr) == (5, False)
    completed = dlq(connection, "resubmit", "m0", "nope")
    assert (completed.returncode, json.loads(completed.stdout)) == (3, {"resubmitted": ["m0"]})
    with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_queue_receiver("onboarding-requests") as receiver,
    ):
        (redelivered,) = receiver.receive_messages(5, max_wait_time=5)
        assert (redelivered.message_id, b"".join(redelivered.body)) == ("m0", b'{"n": 0}')
        receiver.complete_message(redelivered)
    assert sorted(json.loads(dlq(connection, "purge", "--all").stdout)["purged"]) == ["m1", "m2"]
    assert json.loads(dlq(connection, "list", "-o", "json").stdout) == []


def test_without_a_service_bus_there_is_an_error(connection: str) -> None:
    gone = dlq("Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=x;SharedAccessKey=y;UseDevelopmentEmulator=true", "list")
    assert (gone.returncode, "Traceback" in gone.stderr) == (1, False)
    assert "does not respond" in gone.stderr
