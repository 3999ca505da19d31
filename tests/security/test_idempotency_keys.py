"""An idempotency key belongs to one request: with another one it is a conflict, over HTTP and on the queue alike."""

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient
from durabletask.client import OrchestrationStatus

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, SimulatedCluster
from tests.e2e.test_messages import Bus, event, kind
from tests.installations import invocation
from triggers import messages


class Engine:
    """An engine of one instance, in the place of the durable client."""

    def __init__(self) -> None:
        self.inputs: list[Any] = []

    async def get_orchestration_state(self, _: str) -> Any:
        status = OrchestrationStatus.RUNNING
        return SimpleNamespace(get_input=lambda: self.inputs[-1], runtime_status=status) if self.inputs else None

    async def schedule_new_orchestration(self, _: str, *, input: Any, instance_id: str) -> str:  # noqa: A002
        self.inputs.append(input)
        return instance_id


@pytest.fixture
def bus(stack: Stack) -> Iterator[Bus]:
    client = ServiceBusClient.from_connection_string(stack.service_bus["connectionString"])
    with ExitStack() as opened:
        opened.enter_context(client)
        yield Bus(client, stack.service_bus["control"], opened)


def test_an_offboarding_does_not_get_the_onboarding_of_its_key(arcway: Arcway, cluster: SimulatedCluster) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first = arcway.start(arcway.request(cluster), headers=headers)
    alternatives: list[tuple[str, Any]] = [
        ("/offboardings", arcway.offboarding(cluster)),
        ("/onboardings", arcway.request(cluster, tags={"a": "b"})),
        ("/updates", {**arcway.offboarding(cluster), "tags": {"a": "b"}}),
        ("/upgrades", arcway.offboarding(cluster)),
    ]
    for path, body in alternatives:
        answer = arcway.http.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, Code.IDEMPOTENCY_KEY_REUSED)
    finished = arcway.finish(first.json()["id"])
    assert finished["state"] == "Succeeded"
    for path, body in alternatives:
        answer = arcway.http.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, Code.IDEMPOTENCY_KEY_REUSED)
    second_run = arcway.start(arcway.request(cluster), headers=headers)
    assert (second_run.status_code, second_run.json()["id"]) == (200, finished["id"])
    assert arcway.resource(cluster)


def test_the_key_of_a_run_that_was_replaced_stays_its_own(arcway: Arcway, cluster: SimulatedCluster) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    arcway.finish(arcway.start(arcway.request(cluster), headers=headers).json()["id"])
    arcway.connect(cluster)
    answer = arcway.http.post("/offboardings", json=arcway.offboarding(cluster), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, Code.IDEMPOTENCY_KEY_REUSED)
    gone = arcway.start(arcway.request(cluster), headers=headers)
    assert (gone.status_code, gone.json()["code"]) == (410, Code.RUN_SUPERSEDED)


async def test_a_message_that_comes_again_needs_no_secret_of_its_run(
    arcway: Arcway, cluster: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine()
    body: Any = arcway.request(cluster)
    message: Any = SimpleNamespace(
        message_id="key", application_properties={}, correlation_id=None, get_body=json.dumps(body).encode
    )
    looked: list[object] = []
    monkeypatch.setattr(queries, "check_secret", lambda _, reference, __: looked.append(reference))
    await messages.receive(message, invocation(engine))
    assert (len(looked), len(engine.inputs)) == (1, 1)

    def gone(*_: object) -> None:
        raise ArcError(Code.TEMPORARY_CREDENTIAL_GONE)

    monkeypatch.setattr(queries, "check_secret", gone)
    await messages.receive(message, invocation(engine))
    assert len(engine.inputs) == 1


def test_a_message_with_the_id_of_another_request_is_rejected(
    arcway: Arcway, bus: Bus, cluster: SimulatedCluster
) -> None:
    key = str(uuid.uuid4())
    first = bus.heard(bus.send(arcway.request(cluster), message_id=key))
    assert kind(first[-1]) == "succeeded"
    conflicting = {**arcway.offboarding(cluster), "operation": "offboard"}
    second = bus.heard(bus.send(conflicting, message_id=key))
    assert kind(second[-1]) == "rejected"
    assert event(second[-1])["data"]["error"]["code"] == Code.IDEMPOTENCY_KEY_REUSED
    assert arcway.resource(cluster)
