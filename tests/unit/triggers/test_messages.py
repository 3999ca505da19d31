"""Messages of the queue: each starts a run, or is answered by one event; only what may pass is delivered again."""

import hashlib
import json
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import CORRELATION_ID, ClusterId
from arcway.domain.json_values import Json
from arcway.domain.owners import QUEUE
from arcway.installation import Installation
from tests.installations import invocation, local_installation
from tests.unit.triggers.task_hub import BODY, SUBSCRIPTION, TaskHub
from triggers import messages
from triggers.services import Invocation

TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
FLEET: Json = {
    "fleet": "shops",
    "operation": "offboard",
    "defaults": {"subscriptionId": SUBSCRIPTION, "resourceGroup": "clusters", "azureOnly": True},
    "members": [{"name": "a"}],
}


class Message:
    """A message as the worker hands it to the trigger."""

    def __init__(self, body: Any, **fields: Any) -> None:
        self._data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.message_id = fields.get("message_id", "message-1")
        self.sequence_number = 7
        self.correlation_id = fields.get("correlation_id")
        self.application_properties = fields.get("application_properties")
        self.enqueued_time_utc = fields.get("enqueued")

    def get_body(self) -> bytes:
        return self._data


class Queue:
    """Receives messages; has the events that were sent, and who was asked for which secret."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hub = TaskHub()
        self.events: list[tuple[Json, str]] = []
        self.secrets: list[tuple[Any, Any]] = []
        self.refusal: ArcError | None = None
        self.invocation: Invocation = invocation(self.hub, local_installation(ServiceBusConnection="Endpoint=sb://x/"))

        def send(events: list[Json], correlation_id: str) -> None:
            self.events += [(event, correlation_id) for event in events]

        def check(installation: Installation, reference: Any, user: Any) -> None:
            assert installation is self.invocation.installation
            self.secrets.append((reference.secret, user.roles))
            if self.refusal:
                raise self.refusal

        monkeypatch.setattr(self.invocation.installation, "events", SimpleNamespace(send=send))
        monkeypatch.setattr(queries, "check_secret", check)

    async def receive(self, body: Any, **fields: Any) -> None:
        message: func.ServiceBusMessage = Message(body, **fields)  # type: ignore[assignment]
        await messages.receive(message, self.invocation)

    async def rejection(self, body: Any, **fields: Any) -> Json:
        """The one event that answers a message."""
        before = len(self.events)
        await self.receive(body, **fields)
        ((event, _),) = self.events[before:]
        return event


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    return Queue(monkeypatch)


async def test_a_message_starts_a_run_whose_key_is_its_id(queue: Queue) -> None:
    await queue.receive(BODY, correlation_id="correlation-1", application_properties={"traceparent": TRACE})
    payload = queue.hub.only.payload
    assert (payload["operation"], payload["requestKey"]) == ("onboard", "message-1")
    assert (payload["correlationId"], payload["traceparent"]) == ("correlation-1", TRACE)
    name = f"queue {queue.invocation.installation.settings.onboarding_queue}"
    assert payload["startedBy"] == {"name": name, "objectId": None}
    assert payload["roles"] == [QUEUE]
    assert queue.secrets == [("arcway-shop", frozenset({QUEUE}))]
    assert queue.events == []


async def test_a_message_that_comes_again_starts_nothing_and_asks_for_no_secret(queue: Queue) -> None:
    await queue.receive(BODY)
    run = queue.hub.only.payload["runId"]
    queue.refusal = ArcError(Code.SECRET_UNUSABLE)
    await queue.receive(BODY)
    queue.hub.end(queue.hub.only.instance_id)
    await queue.receive(BODY)
    assert queue.hub.only.payload["runId"] == run
    assert (len(queue.secrets), queue.events) == (1, [])


async def test_the_id_of_the_message_is_the_correlation_where_it_names_none(queue: Queue) -> None:
    await queue.receive(BODY, application_properties={"Diagnostic-Id": TRACE})
    assert queue.hub.only.payload["correlationId"] == "message-1"
    assert queue.hub.only.payload["traceparent"] == TRACE


async def test_a_message_without_id_has_its_sequence_number(queue: Queue) -> None:
    await queue.receive(BODY, message_id=None)
    assert queue.hub.only.payload["requestKey"] == "sequence-7"
    assert (await queue.rejection([], message_id=None))["data"]["messageId"] == "sequence-7"


@pytest.mark.parametrize("message_id", ["x" * 101, "é", "a\nb", "\ud800"])
async def test_an_id_that_does_not_fit_into_an_event_is_a_digest(queue: Queue, message_id: str) -> None:
    await queue.receive(BODY, message_id=message_id)
    digest = hashlib.sha256(message_id.encode(errors="replace")).hexdigest()
    assert queue.hub.only.payload["requestKey"] == f"sha256-{digest}"
    assert CORRELATION_ID.fullmatch(queue.hub.only.payload["correlationId"])


async def test_an_id_of_100_characters_is_taken_as_it_is(queue: Queue) -> None:
    await queue.receive(BODY, message_id="~" * 100)
    assert queue.hub.only.payload["requestKey"] == "~" * 100


async def test_a_message_that_is_not_a_request_is_answered_once(queue: Queue) -> None:
    enqueued = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    event = await queue.rejection({**BODY, "location": 1}, correlation_id="correlation-1", enqueued=enqueued)
    assert event["time"] == "2026-03-01T12:00:00Z"
    assert "subject" not in event
    assert event["source"] == queue.invocation.installation.settings.source
    assert "message-1" in event["id"]
    assert event["data"]["error"]["code"] == Code.INVALID_FIELDS
    assert event["data"]["messageId"] == "message-1"
    assert queue.events[0][1] == "correlation-1"
    assert (await queue.rejection({}))["time"] == "1970-01-01T00:00:00Z"
    assert not queue.hub.instances


async def test_the_event_names_the_cluster_that_the_message_was_about(queue: Queue) -> None:
    queue.refusal = ArcError(Code.SECRET_NOT_OWNED)
    event = await queue.rejection(BODY)
    assert event["subject"] == ClusterId(SUBSCRIPTION, "clusters", "shop").resource_id
    assert event["data"]["error"]["code"] == Code.SECRET_NOT_OWNED
    assert not queue.hub.instances


async def test_a_request_that_meets_another_run_is_answered_not_delivered_again(queue: Queue) -> None:
    await queue.receive(BODY)
    event = await queue.rejection({**BODY, "tags": {"a": "b"}}, message_id="message-2")
    assert event["data"]["error"]["code"] == Code.RUN_IN_PROGRESS
    await queue.receive(FLEET)
    event = await queue.rejection({**FLEET, "members": [{"name": "b"}]}, message_id="message-2")
    assert event["data"]["error"]["code"] == Code.FLEET_IN_PROGRESS


async def test_only_what_may_pass_is_delivered_again(queue: Queue) -> None:
    queue.refusal = ArcError(Code.AZURE_UNREACHABLE)
    with pytest.raises(ArcError, match=Code.AZURE_UNREACHABLE):
        await queue.receive(BODY)
    queue.hub.is_down = True
    with pytest.raises(ArcError, match=Code.ENGINE_UNREACHABLE):
        await queue.receive(BODY)
    assert queue.events == []


async def test_a_message_of_a_run_that_was_superseded_is_only_logged(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await queue.receive(BODY)
    queue.hub.end(queue.hub.only.instance_id)
    await queue.receive(BODY, message_id="message-2")
    queue.hub.end(queue.hub.only.instance_id)
    await queue.receive(BODY)
    assert queue.hub.only.payload["requestKey"] == "message-2"
    assert "message message-1 was handled by a run that a later one superseded" in caplog.text
    assert queue.events == []


async def test_a_run_without_a_kubeconfig_asks_for_no_secret(queue: Queue) -> None:
    place = {name: BODY[name] for name in ("subscriptionId", "resourceGroup", "name")}
    await queue.receive({**place, "operation": "offboard", "azureOnly": True})
    assert queue.hub.only.payload["operation"] == "offboard"
    assert queue.secrets == []


@pytest.mark.parametrize(("body", "limit"), [(BODY, 64 * 1024), (FLEET, 256 * 1024)], ids=["run", "fleet"])
async def test_a_message_has_a_limit(queue: Queue, body: Json, limit: int) -> None:
    data = json.dumps(body).encode()
    await queue.receive(data + b" " * (limit - len(data)))
    assert queue.events == []
    instances = len(queue.hub.instances)
    event = await queue.rejection(data + b" " * (limit + 1 - len(data)), message_id="message-2")
    assert event["data"]["error"]["code"] == Code.BODY_TOO_LARGE
    assert event["data"]["error"]["message"] == f"The message has {limit + 1} bytes; the limit is {limit}."
    assert len(queue.hub.instances) == instances


async def test_a_fleet_is_started_for_the_queue(queue: Queue) -> None:
    await queue.receive(FLEET, correlation_id="correlation-1")
    (payload,) = [item.payload for item in queue.hub.instances.values() if "digest" in item.payload]
    assert (payload["name"], payload["key"], payload["correlationId"]) == ("shops", "message-1", "correlation-1")
    assert payload["roles"] == [QUEUE]
    assert queue.events == []


async def test_a_fleet_may_select_what_azure_lists(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    def listed(installation: Installation, *_: Any) -> list[Json]:
        assert installation is queue.invocation.installation
        return [{"id": ClusterId(SUBSCRIPTION, "clusters", "shop").resource_id, "name": "shop"}]

    monkeypatch.setattr(queries, "connected_clusters_in", listed)
    select = {"connectedClusters": {"subscriptions": [SUBSCRIPTION]}}
    await queue.receive({"fleet": "x", "operation": "update", "defaults": {"tags": {"a": "b"}}, "select": select})
    pages = [item.payload["members"] for item in queue.hub.instances.values() if "members" in item.payload]
    assert [[member["name"] for member in page] for page in pages] == [["shop"]]


async def test_the_event_has_128_characters_of_a_long_id(queue: Queue) -> None:
    message_id = (await queue.rejection({}, message_id="a, " * 60))["data"]["messageId"]
    assert 120 < len(message_id) <= 128


@pytest.mark.parametrize("body", [{**FLEET, "members": 1}, {"fleet": "x", "members": []}, {"fleet": "x", "select": {}}])
async def test_a_fleet_that_is_none_is_answered(queue: Queue, body: Json) -> None:
    assert (await queue.rejection(body))["data"]["error"]["code"] == Code.INVALID_FIELDS
    assert not queue.hub.instances


async def test_a_message_cancels_a_run_once(queue: Queue) -> None:
    await queue.receive(BODY)
    run = f"{queue.hub.only.instance_id}.{queue.hub.only.payload['runId']}"
    by = queue.hub.only.payload["startedBy"]
    await queue.receive({"operation": "cancel", "run": run}, message_id="message-2")
    assert queue.hub.events == [(queue.hub.only.instance_id, "cancel", {"run": run, "by": by})]
    queue.hub.end(queue.hub.only.instance_id)
    await queue.receive({"operation": "cancel", "run": run}, message_id="message-3")
    assert (len(queue.hub.events), queue.events) == (1, [])


@pytest.mark.parametrize(
    "body", [{}, {"run": 1}, {"run": None}, {"run": "x", "name": "shop"}, {"run": "x", "by": "Olga"}]
)
async def test_a_cancel_names_a_run_and_nothing_else(queue: Queue, body: Json) -> None:
    error = (await queue.rejection({"operation": "cancel", **body}))["data"]["error"]
    message = "must be the id of a run, and the only field besides operation"
    assert (error["code"], error["details"]) == (Code.INVALID_FIELDS, [{"field": "run", "message": message}])


async def test_a_cancel_of_no_run_is_answered(queue: Queue) -> None:
    event = await queue.rejection({"operation": "cancel", "run": "x"})
    assert event["data"]["error"]["code"] == Code.RUN_NOT_FOUND
