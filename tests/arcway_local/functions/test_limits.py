"""Waiting clients stall no others, JSON without bottom breaks no list, headers that never end close the connection."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import durabletask.internal.orchestrator_service_pb2_grpc as stubs
import grpc
import httpx
import pytest

from arcway_local.functions import http_server
from arcway_local.functions.engine import Engine
from arcway_local.functions.http_server import HttpServer
from arcway_local.functions.journal import Journal
from arcway_local.functions.management import PATH, ManagementApi
from arcway_local.functions.records import LOCAL
from arcway_local.functions.worker import Worker
from arcway_local.json_documents import DEEPEST, read_json
from tests.arcway_local.functions.conftest import Place
from tests.arcway_local.functions.driving import complete, give, start, take

DEEP = "[" * 20_000 + "]" * 20_000


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine({"parent": "Parent"})
    yield engine
    engine.stop()


def test_three_hundred_waiting_clients_stall_no_other(engine: Engine) -> None:
    start(engine, "p")
    address = engine.start()
    connect: Callable[[Any], Any] = stubs.TaskHubSidecarServiceStub
    request = pb.GetInstanceRequest(instanceId="p")
    with grpc.insecure_channel(address) as channel:
        stub = connect(channel)
        waiting = [stub.WaitForInstanceCompletion.future(request) for _ in range(300)]
        while len(engine._state_waiters.get("p", ())) < 300:
            futures.wait([], timeout=0.01)
        assert stub.GetInstance(request, timeout=240).exists
        give(engine, take(engine), complete())
        assert all(call.result(60).exists for call in waiting)


@pytest.fixture
async def url(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setattr(http_server, "HEADER_SECONDS", 0.2)
    server = HttpServer(Worker(), (), ManagementApi(engine, "key"), 1.0)
    port = await server.start("127.0.0.1", 0)
    yield f"http://127.0.0.1:{port}"
    await server.stop()


async def test_what_an_app_keeps_without_bottom_breaks_no_list(engine: Engine, url: str) -> None:
    request = pb.CreateInstanceRequest(instanceId="deep", name="parent")
    request.input.value = DEEP
    engine.StartInstance(request, LOCAL)
    start(engine, "flat")
    async with httpx.AsyncClient(base_url=f"{url}{PATH}", params={"code": "key"}) as http:
        listed = await http.get("/instances")
        assert [item["instanceId"] for item in listed.json()] == ["deep", "flat"]
        assert listed.json()[0]["input"] == DEEP
        give(engine, take(engine), complete(result=DEEP))
        response = await http.get("/instances/deep", params={"showHistory": "true", "showHistoryOutput": "true"})
        assert response.status_code in (200, 400)


async def test_headers_that_never_end_close_the_connection(url: str) -> None:
    port = int(url.rpartition(":")[2])
    for sent in (b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(240):
            assert b"200" not in await reader.read()
        writer.close()
        await writer.wait_closed()


async def test_a_body_that_never_ends_is_answered_and_the_connection_closed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "BODY_SECONDS", 0.2)
    port = int(url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /api/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n1")
    async with asyncio.timeout(60):
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "message", [DEEP, '{"a":' * 9_000 + "1" + "}" * 9_000, "[" * (DEEPEST + 2) + "]" * (DEEPEST + 2)]
)
def test_json_without_bottom_is_not_json(message: str) -> None:
    for form in (message, message.encode()):
        with pytest.raises(ValueError, match="nested more than"):
            read_json(form)


def test_json_with_many_brackets_is_json() -> None:
    document: list[list[int]] = [[]] * 5_000
    assert read_json(json.dumps(document)) == document


def test_the_journals_file_shrinks_after_a_purge(place: Place) -> None:
    engine = place.engine
    for number in range(40):
        request = pb.CreateInstanceRequest(instanceId=f"p{number}", name="parent")
        request.input.value = json.dumps("x" * 200_000)
        engine.StartInstance(request, LOCAL)
        give(engine, take(engine), complete())
    place.again()
    full = _size(place)
    assert full > 8_000_000
    condition = pb.PurgeInstanceFilter()
    condition.createdTimeFrom.FromSeconds(0)
    place.engine.PurgeInstances(pb.PurgeInstancesRequest(purgeInstanceFilter=condition), LOCAL)
    start(place.engine, "small")
    assert _size(place) < full / 4
    assert place.again().GetInstance(pb.GetInstanceRequest(instanceId="small"), LOCAL).exists


def test_a_journal_of_before_can_shrink_too(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "journal.db"
    Journal(path).close()
    with sqlite3.connect(path, isolation_level=None) as database:
        database.execute("PRAGMA auto_vacuum=0")
        database.execute("VACUUM")
        assert database.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    database.close()
    journal = Journal(path)
    assert journal.read("PRAGMA auto_vacuum") == [(2,)]
    journal.close()


def _size(place: Place) -> int:
    return sum(file.stat().st_size for file in place._path.parent.glob("journal.db*"))
