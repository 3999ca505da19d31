"""Lists of runs against the engine over gRPC: what they read, and that they are right whatever happens meanwhile."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, override

import azure.durable_functions as df
import durabletask.internal.orchestrator_service_pb2 as pb
import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.request import parse_request, phases_of_request
from arcway.domain.run import new_run
from arcway.domain.timestamps import timestamp
from arcway.page.overview import Chosen
from arcway.runs import index
from arcway.runs.index import PAGE_SIZE
from arcway.runs.reader import Filter, list_page
from arcway_local.functions.engine import Engine
from arcway_local.functions.records import CUSTOM_STATUS_LIMIT, LOCAL, OrchestrationWork
from tests.arcway_local.functions.driving import complete, raise_event, take
from tests.installations import invocation
from triggers import purge
from triggers.page import views
from triggers.services import Invocation

SUBSCRIPTION = "aaaaaaaa-0000-4000-8000-000000000001"
FOUR_MIB = 4 * 1024 * 1024
OUTCOMES = {"Succeeded": pb.ORCHESTRATION_STATUS_COMPLETED, "Failed": pb.ORCHESTRATION_STATUS_FAILED}


class Recorder(Engine):
    """An engine that remembers what it told."""

    def __init__(self) -> None:
        super().__init__({"operation": "operation"})
        self.pages: list[pb.QueryInstancesResponse] = []
        self.single: list[pb.GetInstanceRequest] = []
        self.between_pages: Callable[[], None] = lambda: None
        self.is_sorted = True

    @override
    def QueryInstances(self, request: pb.QueryInstancesRequest, context: Any) -> pb.QueryInstancesResponse:
        if request.query.continuationToken.value:
            self.between_pages()
        assert not request.query.fetchInputsAndOutputs
        page = super().QueryInstances(request, context)
        if not self.is_sorted:
            states = list(page.orchestrationState)
            del page.orchestrationState[:]
            page.orchestrationState.extend(sorted(states, key=lambda state: state.instanceId))
        self.pages.append(page)
        return page

    @override
    def GetInstance(self, request: pb.GetInstanceRequest, context: Any) -> pb.GetInstanceResponse:
        if context is not LOCAL:
            self.single.append(request)
        return super().GetInstance(request, context)

    def rows(self) -> int:
        """Instances in the pages since the last call."""
        rows = sum(len(page.orchestrationState) for page in self.pages)
        self.pages.clear()
        return rows


class Hub:
    """A task hub with runs; `begin` and `show` are what the function app does to them."""

    def __init__(self) -> None:
        self.engine = Recorder()
        self.services = invocation().services
        self._work: dict[str, OrchestrationWork] = {}
        self._runs: dict[str, Json] = {}
        self._created_at = datetime.now(UTC)
        address = self.engine.start()
        configuration = {"taskHubName": "hub", "rpcBaseUrl": f"http://{address}", "requiredQueryStringParameters": ""}
        self._configuration = json.dumps(configuration)

    def begin(self, name: str, group: str = "clusters", operation: str = "onboard", **fields: Any) -> str:
        """Start a run, which shows no status yet; returns its instance."""
        body: Json = {"subscriptionId": SUBSCRIPTION, "resourceGroup": group, "name": name, **fields}
        body["kubeconfig"] = {"secret": "arcway-nothing"}
        self._created_at += timedelta(milliseconds=1)
        request = parse_request(body | ({"location": "eastus"} if operation == "onboard" else {}), operation)  # type: ignore[call-overload]
        payload = {
            "runId": uuid.uuid4().hex[:12],
            "operation": operation,
            "requestKey": str(uuid.uuid4()),
            "keys": [],
            "request": request.as_json(),
            "createdAt": timestamp(self._created_at),
            "correlationId": str(uuid.uuid4()),
        }
        instance = ClusterId(SUBSCRIPTION, group, name).instance()
        call = pb.CreateInstanceRequest(instanceId=instance, name="operation")
        call.input.value = json.dumps(payload)
        self.engine.StartInstance(call, LOCAL)
        self._work[instance] = take(self.engine)
        run_id = f"{instance}.{payload['runId']}"
        self._runs[instance] = new_run(run_id, request, phases_of_request(request), payload).as_json()
        return instance

    def show(self, instance: str, *actions: pb.OrchestratorAction, status: str | None = None, **changes: Any) -> None:
        """Let the run's orchestration make a step, after which it shows this."""
        self._runs[instance] |= changes
        if (work := self._work.pop(instance, None)) is None:
            raise_event(self.engine, instance)
            work = take(self.engine)
        response = pb.OrchestratorResponse(instanceId=instance, completionToken=work.token, actions=actions)
        response.customStatus.value = json.dumps(self._runs[instance]) if status is None else status
        self.engine.CompleteOrchestratorTask(response, LOCAL)

    def end(self, instance: str, state: str = "Succeeded") -> None:
        self.show(instance, complete(OUTCOMES[state]), state=state, finishedAt=timestamp(datetime.now(UTC)))

    def run(self, name: str, **fields: Any) -> str:
        """A run that has ended."""
        instance = self.begin(name, **fields)
        self.end(instance)
        return instance

    async def call[T](self, read: Callable[[Invocation], Awaitable[T]]) -> T:
        """What `read` returns with a client of its own, as every invocation has one."""
        client = df.DurableFunctionsClient(self._configuration)
        try:
            return await read(Invocation(self.services, client))
        finally:
            await client.close()

    async def page(self, top: int = 100, token: str | None = None, **chosen: str) -> tuple[list[Json], str | None]:
        """A page of the runs of the last day."""
        since = Filter(datetime.now(UTC) - timedelta(days=1), **chosen)
        return await self.call(lambda own: list_page(self.services.runs, own.client, since, top, token))

    async def names(self, **chosen: str) -> list[str]:
        documents, _ = await self.page(100, None, **chosen)
        return [document["cluster"]["name"] for document in documents]


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub()
    yield hub
    hub.engine.stop()


async def test_a_page_of_runs_is_newest_first_and_continues_behind_the_last(hub: Hub) -> None:
    for number in range(7):
        hub.run(f"c{number}")
    first, token = await hub.page(top=3)
    # What starts or ends between two pages moves no other run.
    hub.run("later")
    second, token = await hub.page(top=3, token=token)
    third, end = await hub.page(top=3, token=token)
    assert [run["cluster"]["name"] for run in (*first, *second, *third)] == [f"c{number}" for number in range(7)][::-1]
    assert end is None


async def test_the_order_of_a_list_is_not_that_of_the_engine(hub: Hub) -> None:
    # Azure Storage returns instances in the order of their ids.
    hub.engine.is_sorted = False
    names = [f"c{number}" for number in range(20)]
    for name in names:
        hub.run(name)
    assert await hub.names() == names[::-1]
    hub.run("later")
    assert await hub.names() == ["later", *names[::-1]]


async def test_filters_take_what_a_status_says(hub: Hub) -> None:
    hub.run("a", group="one")
    hub.end(hub.begin("b", group="two"), "Failed")
    hub.show(hub.begin("c", operation="upgrade"), state="Running")
    assert await hub.names(state="Failed") == ["b"]
    assert await hub.names(state="running") == ["c"]
    assert await hub.names(operation="upgrade") == ["c"]
    assert await hub.names(resource_group="ONE") == ["a"]
    assert await hub.names(subscription=SUBSCRIPTION.upper()) == ["c", "b", "a"]


async def test_a_list_reads_only_what_may_have_changed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "CLOCK_SKEW", timedelta(0))
    for number in range(2 * PAGE_SIZE + 1):
        hub.run(f"c{number}")
    running = hub.begin("running")
    hub.show(running, state="Running")
    assert await hub.names(state="Running") == ["running"]
    assert hub.engine.rows() == 2 * PAGE_SIZE + 2
    assert await hub.names(state="Running") == ["running"]
    assert hub.engine.rows() == 1
    hub.end(running, "Failed")
    assert await hub.names(state="Failed") == ["running"]
    assert await hub.names(state="Running") == []
    assert hub.engine.rows() == 0
    # Once, for the one that had ended, and without its input.
    assert [(call.instanceId, call.getInputsAndOutputs) for call in hub.engine.single] == [(running, False)]


async def test_no_answer_of_the_engine_is_larger_than_a_client_takes(hub: Hub) -> None:
    for number in range(600):
        instance = hub.begin(f"c{number}")
        # Three bytes each: the longest status that a task hub keeps.
        hub.show(
            instance,
            complete(result=json.dumps("x" * 20_000)),
            status=json.dumps("中" * (CUSTOM_STATUS_LIMIT - 2), ensure_ascii=False),
        )
    documents, token = await hub.page(top=1000)
    assert (len(documents), token) == (600, None)
    sizes = [page.ByteSize() for page in hub.engine.pages]
    assert sum(sizes) > FOUR_MIB > max(sizes)


async def test_a_run_that_has_not_begun_is_accepted(hub: Hub) -> None:
    instance = hub.begin("new", group="one")
    hub.run("old")
    (document,), _ = await hub.page(state="Accepted", resource_group="one", operation="onboard")
    assert (document["cluster"]["name"], document["id"].partition(".")[0]) == ("new", instance)
    assert await hub.names() == ["old", "new"]
    # Its input is read once, and no other.
    assert [call.instanceId for call in hub.engine.single] == [instance]
    hub.show(instance, state="Running")
    assert await hub.names(state="Running") == ["new"]
    assert await hub.names(state="Accepted") == []


@pytest.mark.parametrize("status", ["", "{", "5", "[]", '{"id": 5}', '"\\ud800"'])
async def test_a_status_that_cannot_be_read_hides_no_other_run(hub: Hub, status: str) -> None:
    odd = hub.begin("odd")
    hub.show(odd, complete(), status=status)
    hub.run("good")
    documents, _ = await hub.page()
    assert {run["id"].partition(".")[0] for run in documents} >= {odd}
    assert "good" in [run["cluster"]["name"] for run in documents]
    assert len({run["id"] for run in documents}) == 2
    assert await hub.call(views.subscriptions) == [SUBSCRIPTION]


async def test_a_later_run_takes_the_place_of_the_earlier_one(hub: Hub) -> None:
    hub.end(hub.begin("a"), "Failed")
    hub.run("b")
    assert await hub.names() == ["b", "a"]
    hub.run("a")
    documents, _ = await hub.page()
    assert [(run["cluster"]["name"], run["state"]) for run in documents] == [("a", "Succeeded"), ("b", "Succeeded")]


async def test_a_terminated_run_is_canceled(hub: Hub) -> None:
    instance = hub.begin("a")
    hub.show(instance, state="Running")
    assert await hub.names(state="Running") == ["a"]
    hub.engine.TerminateInstance(pb.TerminateRequest(instanceId=instance), LOCAL)
    work = take(hub.engine)
    terminated = complete(pb.ORCHESTRATION_STATUS_TERMINATED)
    response = pb.OrchestratorResponse(instanceId=instance, completionToken=work.token, actions=[terminated])
    hub.engine.CompleteOrchestratorTask(response, LOCAL)
    assert await hub.names(state="Canceled") == ["a"]


async def test_what_was_purged_is_not_listed(hub: Hub) -> None:
    hub.run("a")
    assert await hub.names() == ["a"]
    assert await hub.call(lambda own: purge._purge(own, timedelta(0))) == 1
    assert await hub.names() == []


async def test_a_purge_during_a_list_is_seen_by_the_next(hub: Hub) -> None:
    first = hub.run("first")
    for number in range(PAGE_SIZE):
        hub.run(f"c{number}")

    def remove() -> None:
        hub.engine.PurgeInstances(pb.PurgeInstancesRequest(instanceId=first), LOCAL)
        hub.services.runs.forget()

    hub.engine.between_pages = remove
    await hub.names()
    hub.engine.between_pages = lambda: None
    documents, _ = await hub.page(top=1000)
    assert len(documents) == PAGE_SIZE


async def test_a_run_in_progress_that_was_removed_elsewhere_is_not_listed(hub: Hub) -> None:
    instance = hub.begin("a")
    hub.show(instance, state="Running")
    assert await hub.names() == ["a"]
    hub.end(instance)
    hub.engine.PurgeInstances(pb.PurgeInstancesRequest(instanceId=instance), LOCAL)
    hub.engine.pages.clear()
    assert await hub.names() == []


async def test_removals_and_whatever_was_missed_are_noticed_when_all_are_read_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "READ_ALL_AFTER_SECONDS", 0.0)
    instance = hub.run("a")
    hub.run("b")
    assert await hub.names() == ["b", "a"]
    hub.engine.PurgeInstances(pb.PurgeInstancesRequest(instanceId=instance), LOCAL)
    assert await hub.names() == ["b"]


async def test_when_many_have_ended_all_are_read(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MOST_SINGLE_READS", 2)
    instances = [hub.begin(f"c{number}") for number in range(3)]
    for instance in instances:
        hub.show(instance, state="Running")
    assert len(await hub.names(state="Running")) == 3
    for instance in instances:
        hub.end(instance)
    assert len(await hub.names(state="Succeeded")) == 3
    assert hub.engine.single == []


async def test_lists_at_the_same_time_share_what_is_read(hub: Hub) -> None:
    for number in range(5):
        hub.run(f"c{number}")
    every = await asyncio.gather(*(hub.names() for _ in range(20)))
    assert every == [every[0]] * 20
    assert len(every[0]) == 5
    # The first reads for itself, all others together once more.
    assert len(hub.engine.pages) <= 3


async def test_a_run_that_ends_between_two_answers_of_the_engine_is_listed_once(hub: Hub) -> None:
    running = [hub.begin(f"c{number}") for number in range(PAGE_SIZE + 1)]
    for instance in running:
        hub.show(instance, state="Running")
    ending: Iterator[str] = iter([running[0], running[-1]])

    def end_some() -> None:
        for instance in ending:
            hub.end(instance)

    hub.engine.between_pages = end_some
    for _ in range(2):
        documents, _ = await hub.page(top=1000)
        assert len({run["id"] for run in documents}) == len(documents) == PAGE_SIZE + 1
    states = {run["cluster"]["name"]: run["state"] for run in documents}
    assert (states["c0"], states[f"c{PAGE_SIZE}"], states["c1"]) == ("Succeeded", "Succeeded", "Running")


async def test_with_very_many_in_progress_lists_share_for_a_while(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MANY_ROWS", 1)
    monkeypatch.setattr(index, "REST_FACTOR", 1e9)
    for name in ("a", "b"):
        hub.show(hub.begin(name), state="Running")
    await hub.names()
    await hub.names()
    hub.engine.pages.clear()
    assert await hub.names() == ["b", "a"]
    assert hub.engine.pages == []
    await hub.call(lambda own: purge._purge(own, timedelta(0)))
    hub.run("c")
    assert await hub.names() == ["c", "b", "a"]


async def test_an_engine_that_does_not_respond_is_named_and_asked_again(hub: Hub) -> None:
    hub.run("a")
    refuse = SimpleNamespace(is_due=True)

    def between() -> None:
        if refuse.is_due:
            raise RuntimeError

    hub.engine.between_pages = between
    for number in range(PAGE_SIZE):
        hub.run(f"c{number}")
    with pytest.raises(ArcError) as caught:
        await hub.names()
    assert caught.value.code == Code.ENGINE_UNREACHABLE
    refuse.is_due = False
    assert len(await hub.names()) == PAGE_SIZE


async def test_an_engine_that_hangs_does_not_hold_all_lists(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.run("a")
    monkeypatch.setattr(index, "UPDATE_SECONDS", 0.0)
    with pytest.raises(ArcError) as caught:
        await hub.names()
    assert caught.value.code == Code.ENGINE_UNREACHABLE
    monkeypatch.undo()
    assert await hub.names() == ["a"]


async def test_a_continuation_token_of_an_earlier_version_continues(hub: Hub) -> None:
    for name in ("a", "b", "c"):
        hub.run(name)
    documents, _ = await hub.page()
    for run, rest in zip(documents, (["b", "a"], ["a"], []), strict=True):
        position = json.dumps([run["createdAt"], run["id"]])
        token = base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")
        shown, _ = await hub.page(token=token)
        assert [item["cluster"]["name"] for item in shown] == rest
    with pytest.raises(ArcError) as caught:
        await hub.page(token="WzFd")
    assert caught.value.code == Code.INVALID_PARAMETERS


async def test_the_overview_counts_all_and_reads_the_documents_of_its_page(hub: Hub) -> None:
    for number in range(60):
        instance = hub.begin(f"c{number:02}")
        hub.end(instance, "Failed" if number % 3 == 0 else "Succeeded")
    hub.begin("new")
    view = await hub.call(lambda own: views._overview(own, Chosen(page=2)))
    assert (view.counts["Failed"], view.counts["Succeeded"], view.counts["Accepted"]) == (20, 40, 1)
    assert [run["cluster"]["name"] for run in view.runs] == [f"c{number:02}" for number in range(10, -1, -1)]
    assert all(run["phases"] for run in view.runs)
    found = await hub.call(lambda own: views._overview(own, Chosen("Failed", "onboard", "C0")))
    assert [run["cluster"]["name"] for run in found.runs] == ["c09", "c06", "c03", "c00"]
    assert await hub.call(views.subscriptions) == [SUBSCRIPTION]
