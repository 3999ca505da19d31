"""Lists of runs are right whatever happens meanwhile: ends, purges, removals, an engine that fails or hangs."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.runs import index
from arcway.runs.index import PAGE_SIZE
from arcway_local.functions.records import LOCAL
from tests.arcway_local.functions.driving import complete, take
from tests.contract.function_app.run_hub import Hub
from triggers import purge


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
