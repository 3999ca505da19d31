"""Queue triggers fire as on the real host: complete on return, abandon on an exception, locks renewed, limits kept."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSubQueue

from arcway_local import processes
from arcway_local.stack import APP_DIR
from tests.contract.functions_host.hosting import Host, eventually, hosted

ENTITIES = """{"UserConfig": {"Namespaces": [{"Name": "sbemulatorns", "Topics": [], "Queues": [
  {"Name": "work", "Properties": {"LockDuration": "PT5S", "MaxDeliveryCount": 3}}]}]}}"""


class Place:
    """A host with the queue app, a Service Bus, and a client of it."""

    def __init__(self, host: Host, client: ServiceBusClient, control: str) -> None:
        self.host = host
        self._client = client
        self._control = control

    def send(self, body: str, **properties: Any) -> str:
        message_id = str(uuid.uuid4())
        with self._client.get_queue_sender("work") as sender:
            sender.send_messages(ServiceBusMessage(body, message_id=message_id, **properties))
        return message_id

    def calls(self, message_id: str) -> list[dict[str, Any]]:
        messages = self.host.http.get("/api/calls").json()["calls"]
        return [call for call in messages if call["messageId"] == message_id]

    def most_at_once(self) -> int:
        return int(self.host.http.get("/api/calls").json()["most"])

    def counts(self) -> dict[str, int]:
        body: dict[str, int] = httpx.get(f"{self._control}/entities").json()["entities"]["work"]
        return body

    def dead_letters(self) -> set[str]:
        with self._client.get_queue_receiver("work", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
            return {str(message.message_id) for message in receiver.peek_messages(50)}


def when(condition: Callable[[], bool]) -> Callable[[], bool | None]:
    return lambda: True if condition() else None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("queues")
    (folder / "Config.json").write_text(ENTITIES)
    arguments = ["--config", str(folder / "Config.json"), "--port", "0"]
    ready, pid = processes.launch("service_bus", arguments, APP_DIR, folder / "bus.log", {})
    shutil.copytree(Path(__file__).parent / "queue_app", folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    connection = ready["connectionString"]
    with (
        hosted(folder / "app", folder / "host.log", Bus=connection, QUEUE="work") as host,
        ServiceBusClient.from_connection_string(connection) as client,
    ):
        yield Place(host, client, ready["control"])
    processes.stop([pid])


def test_a_message_arrives_with_all_its_metadata_and_is_completed(place: Place) -> None:
    message_id = place.send(
        "hello", correlation_id="c-1", content_type="text/plain", application_properties={"colour": "blue", "size": 3}
    )
    eventually(when(lambda: bool(place.calls(message_id))))
    (call,) = place.calls(message_id)
    assert (call["body"], call["correlationId"], call["contentType"]) == ("hello", "c-1", "text/plain")
    assert (call["deliveryCount"], call["properties"]) == (1, {"colour": "blue", "size": 3})
    assert call["sequenceNumber"] >= 1
    assert call["enqueuedTime"].startswith("20")
    eventually(when(lambda: place.counts()["active"] == 0))


def test_a_function_that_raises_gets_the_message_again_until_it_is_a_dead_letter(place: Place) -> None:
    message_id = place.send("fail")
    eventually(when(lambda: message_id in place.dead_letters()))
    assert [call["deliveryCount"] for call in place.calls(message_id)] == [1, 2, 3]


def test_a_lock_is_renewed_as_long_as_the_function_runs(place: Place) -> None:
    message_id = place.send("slow")
    eventually(when(lambda: bool(place.calls(message_id))))
    eventually(when(lambda: place.counts()["active"] == 0), within=20)
    assert len(place.calls(message_id)) == 1


def test_no_more_calls_at_once_than_host_json_allows(place: Place) -> None:
    sent = [place.send("short") for _ in range(9)]
    eventually(when(lambda: all(place.calls(message_id) for message_id in sent)))
    assert place.most_at_once() <= 3
    eventually(when(lambda: place.counts()["active"] == 0))
