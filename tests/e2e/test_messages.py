"""A message on the queue connects a cluster, everyone interested hears the outcome, nothing is lost, nothing loops."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Control, SimulatedCluster, phase

_SECONDS = 240
FINAL = {"succeeded", "failed", "canceled", "rejected"}


class Bus:
    """The queue and the topic, as a client of the product sees them."""

    def __init__(self, client: ServiceBusClient, control: str, stack: ExitStack) -> None:
        self._client = client
        self.control = control
        self._lock = threading.Lock()
        self._seen: set[int] = set()
        self._sender = stack.enter_context(client.get_queue_sender("onboarding-requests"))
        self._receiver = stack.enter_context(client.get_subscription_receiver("onboarding-events", "all"))

    def send(self, body: bytes | str | Json, **properties: Any) -> str:
        """Send a message; returns its correlation id, by which its events are recognized."""
        data = json.dumps(body) if isinstance(body, dict) else body
        correlation_id = properties.setdefault("correlation_id", str(uuid.uuid4()))
        properties.setdefault("message_id", str(uuid.uuid4()))
        with self._lock:  # a sender is not made for threads
            self._sender.send_messages(ServiceBusMessage(data, **properties))
        return str(correlation_id)

    def heard(self, correlation_id: str, until: set[str] | None = None) -> list[ServiceBusReceivedMessage]:
        """The events of one correlation id up to the first of a kind in `until`, in the order they were sent in.

        What arrives while there is no receiver, the SDK gives back: it comes again, after what was sent behind it.
        """
        kinds = FINAL if until is None else until
        collected: list[ServiceBusReceivedMessage] = []
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            for message in self._receiver.receive_messages(50, max_wait_time=1):
                self._receiver.complete_message(message)
                self._seen.add(_number(message))
                if message.correlation_id == correlation_id:
                    collected.append(message)
            collected.sort(key=_number)
            last = next((message for message in collected if kind(message) in kinds), None)
            if last and self._seen.issuperset(range(_number(collected[0]), _number(last))):
                return collected
        raise AssertionError(f"heard only {[kind(message) for message in collected]}")

    def waiting(self) -> dict[str, int]:
        """How many messages the request queue holds."""
        entities = httpx.get(f"{self.control}/entities").raise_for_status().json()["entities"]
        queue: dict[str, int] = entities["onboarding-requests"]
        return queue

    def settle(self) -> None:
        """Wait until every message on the queue has been dealt with."""
        deadline = time.monotonic() + _SECONDS
        while self.waiting()["active"] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.waiting()["active"] == 0

    def dead_letters(self) -> list[ServiceBusReceivedMessage]:
        with self._client.get_queue_receiver(
            "onboarding-requests", sub_queue=ServiceBusSubQueue.DEAD_LETTER
        ) as receiver:
            return receiver.peek_messages(100)


def _number(message: ServiceBusReceivedMessage) -> int:
    return message.sequence_number or 0


def kind(message: ServiceBusReceivedMessage) -> str:
    _, subject, happened, _ = str(event(message)["type"]).split(".")
    return happened if subject == "run" else f"{subject}.{happened}"


def event(message: ServiceBusReceivedMessage) -> Json:
    document: Json = json.loads(b"".join(message.body))
    return document


@pytest.fixture(scope="session")
def open_bus(stack: Stack) -> Iterator[Bus]:
    """Open for all tests of a process, because opening and closing takes the SDK seconds."""
    with ExitStack() as open_:
        client = open_.enter_context(
            ServiceBusClient.from_connection_string(stack.service_bus["connectionString"], retry_backoff_factor=0.1)
        )
        yield Bus(client, stack.service_bus["control"], open_)


@pytest.fixture
def bus(open_bus: Bus) -> Iterator[Bus]:
    yield open_bus
    httpx.delete(f"{open_bus.control}/faults").raise_for_status()


def test_a_message_connects_a_cluster(arcway: Arcway, bus: Bus, cluster: SimulatedCluster) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    correlation = bus.send(arcway.request(cluster), application_properties={"traceparent": trace})
    heard = bus.heard(correlation)
    kinds = [kind(message) for message in heard]
    assert (kinds[0], kinds[-1]) == ("accepted", "succeeded")
    assert kinds[1:-1] == ["phaseChanged"] * 8
    last = event(heard[-1])
    resource = arcway.resource(cluster)
    assert resource
    assert (last["specversion"], last["subject"].lower()) == ("1.0", resource["id"].lower())
    assert last["data"]["run"]["result"]["properties"]["connectivityStatus"] == "Connected"
    assert heard[-1].content_type == "application/cloudevents+json"
    properties = {str(k.decode()): v.decode() for k, v in (heard[-1].application_properties or {}).items()}  # type: ignore[union-attr]
    assert properties["state"] == "Succeeded"
    assert properties["subscriptionId"] == arcway.subscription
    assert len({message.message_id for message in heard}) == len(heard)
    assert {event(message)["traceparent"] for message in heard} == {trace}
    assert {item["correlationId"] for item in arcway.asked("connectedClusters/") if item["method"] == "PUT"} == {
        correlation
    }


def test_the_same_message_starts_one_run_however_often_it_comes(
    arcway: Arcway, bus: Bus, cluster: SimulatedCluster
) -> None:
    message_id = str(uuid.uuid4())
    for _ in range(5):
        correlation = bus.send(arcway.request(cluster), message_id=message_id, correlation_id=f"five-{message_id}")
    heard = bus.heard(correlation)
    bus.settle()
    bus.send(arcway.request(cluster), message_id=message_id, correlation_id=correlation)
    bus.settle()
    runs = arcway.http.get("/runs", params={"subscription": arcway.subscription}).json()["value"]
    assert [run["state"] for run in runs] == ["Succeeded"]
    assert {event(message)["data"]["run"]["id"] for message in heard} == {runs[0]["id"]}
    second_response = bus.send(arcway.request(cluster), correlation_id=correlation)
    later = bus.heard(second_response)
    assert {event(message)["data"]["run"]["id"] for message in later}.isdisjoint({runs[0]["id"]})
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]


def test_messages_and_requests_that_come_together_make_one_run(
    arcway: Arcway, bus: Bus, cluster: SimulatedCluster
) -> None:
    with ThreadPoolExecutor(25) as pool:
        for number in range(50):
            if number % 2:
                pool.submit(arcway.start, arcway.request(cluster))
            else:
                pool.submit(bus.send, arcway.request(cluster))
    bus.settle()
    runs = arcway.http.get("/runs", params={"subscription": arcway.subscription}).json()["value"]
    assert len(runs) == 1
    assert arcway.finish(runs[0]["id"])["state"] == "Succeeded"
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]


BAD: dict[str, tuple[bytes, str, set[str]]] = {
    "no JSON": (b"{bad", Code.BODY_NOT_JSON, set()),
    "nothing": (b"", Code.BODY_NOT_JSON, set()),
    "garbage": (bytes(range(256)), Code.BODY_NOT_JSON, set()),
    "a list": (b"[1]", Code.BODY_NOT_JSON, set()),
    "too large": (b'{"x": "' + b"x" * 100_000 + b'"}', Code.BODY_TOO_LARGE, set()),
    "wrong fields": (b'{"name": "-", "surprise": 1}', Code.INVALID_FIELDS, {"name", "surprise", "subscriptionId"}),
    "unknown operation": (b'{"operation": "explode"}', Code.INVALID_FIELDS, {"operation"}),
    "cancel of nothing": (b'{"operation": "cancel"}', Code.INVALID_FIELDS, {"run"}),
    "cancel of an unknown run": (b'{"operation": "cancel", "run": "x"}', Code.RUN_NOT_FOUND, set()),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_a_bad_message_is_answered_once_and_gone(bus: Bus, case: str) -> None:
    body, code, fields = BAD[case]
    message_id = str(uuid.uuid4())
    correlation = bus.send(body, message_id=message_id)
    (heard,) = bus.heard(correlation)
    data = event(heard)["data"]
    assert (kind(heard), data["messageId"], data["error"]["code"]) == ("rejected", message_id, code)
    assert data["error"]["remedy"]
    assert fields <= {item["field"] for item in data["error"]["details"]}
    bus.settle()
    assert message_id not in {message.message_id for message in bus.dead_letters()}


def test_an_unknown_secret_and_a_conflicting_request_are_rejected(
    arcway: Arcway, azure: Control, bus: Bus, cluster: SimulatedCluster
) -> None:
    unknown = bus.send(arcway.request(cluster, kubeconfig={"secret": "arcway-unknown"}))
    assert event(bus.heard(unknown)[0])["data"]["error"]["code"] == Code.SECRET_UNUSABLE
    azure.put("paces", {"registration": {"seconds": 1}})
    first = arcway.start(arcway.request(cluster)).json()["id"]
    second = bus.send(arcway.request(cluster, tags={"a": "b"}))
    conflict = event(bus.heard(second)[0])
    assert (conflict["data"]["error"]["code"], conflict["data"]["error"]["details"][0]["run"]) == (
        Code.RUN_IN_PROGRESS,
        first,
    )
    assert conflict["subject"].endswith(f"/c-{cluster.name}")
    assert arcway.finish(first)["state"] == "Succeeded"


def test_messages_update_and_upgrade_what_is_connected(arcway: Arcway, bus: Bus, cluster: SimulatedCluster) -> None:
    agents = {"version": "1.13.4", "autoUpgrade": False}
    assert arcway.connect(cluster, agents=agents)["state"] == "Succeeded"
    update = {**arcway.offboarding(cluster, kubeconfig=None), "operation": "update"}
    heard = bus.heard(bus.send({**update, "tags": {"a": "b"}}))
    assert [kind(message) for message in heard] == ["accepted", "phaseChanged", "phaseChanged", "succeeded"]
    assert event(heard[-1])["data"]["run"]["result"]["tags"] == {"a": "b"}
    heard = bus.heard(bus.send({**arcway.offboarding(cluster), "operation": "upgrade"}))
    assert event(heard[-1])["data"]["run"]["result"]["properties"]["agentVersion"] == "1.36.2"
    (rejected,) = bus.heard(bus.send(update))
    assert [item["field"] for item in event(rejected)["data"]["error"]["details"]] == ["operation"]


def test_messages_apply_extensions_configurations_and_policy(
    arcway: Arcway, bus: Bus, cluster: SimulatedCluster
) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    source = {"url": "https://git.example/fleet", "branch": "main"}
    configuration = {"name": "apps", "gitRepository": source, "kustomizations": {"apps": {"path": "./apps"}}}
    for fields in (
        {"operation": "applyExtension", "extension": {"name": "flux", "type": "microsoft.flux"}},
        {"operation": "applyGitops", "configuration": configuration},
        {"operation": "enablePolicy"},
        {"operation": "deleteGitops", "configuration": {"name": "apps"}, "withExtension": True},
        {"operation": "disablePolicy"},
    ):
        last = bus.heard(bus.send({**arcway.offboarding(cluster), **fields}))[-1]
        assert (kind(last), event(last)["data"]["run"]["changed"]) == ("succeeded", True), event(last)


def test_a_message_cancels_a_run(arcway: Arcway, azure: Control, bus: Bus, cluster: SimulatedCluster) -> None:
    azure.put("paces", {"connection": {"seconds": 600}})
    started = bus.send(arcway.request(cluster))
    (accepted,) = [item for item in bus.heard(started, {"accepted"}) if kind(item) == "accepted"]
    run_id = event(accepted)["data"]["run"]["id"]
    arcway.wait_until(run_id, lambda run: phase(run, "waitForMetadata")["state"] == "Waiting")
    bus.send({"operation": "cancel", "run": run_id})
    assert kind(bus.heard(started)[-1]) == "canceled"
    run, queue = arcway.finish(run_id), {"name": "queue onboarding-requests", "objectId": None}
    assert (run["state"], run["startedBy"], run["canceledBy"]) == ("Canceled", queue, queue)


def test_an_event_is_kept_while_the_broker_refuses_it(arcway: Arcway, bus: Bus, cluster: SimulatedCluster) -> None:
    fault = {"kind": "rejectSend", "entity": "onboarding-events", "count": None}
    httpx.post(f"{bus.control}/faults", json=fault).raise_for_status()
    answer = arcway.start(arcway.request(cluster))
    run_id, correlation = answer.json()["id"], answer.json()["correlationId"]
    waiting_run = arcway.wait_until(run_id, lambda run: phase(run, "publishResult")["attempts"] >= 2)
    assert waiting_run["state"] == "Running"
    assert phase(waiting_run, "publishResult")["error"]["code"] == Code.EVENT_BROKER_UNREACHABLE
    assert phase(waiting_run, "waitForMetadata")["state"] == "Succeeded"
    httpx.delete(f"{bus.control}/faults").raise_for_status()
    assert arcway.finish(run_id)["state"] == "Succeeded"
    heard = [kind(message) for message in bus.heard(correlation)]
    assert (heard[0], heard[-1], heard.count("phaseChanged")) == ("accepted", "succeeded", 8)
