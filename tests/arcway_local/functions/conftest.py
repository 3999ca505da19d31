"""A journal with an engine, and what a crash and a new start make of it."""

import time
from collections.abc import Iterator
from pathlib import Path

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest

from arcway_local.functions.engine import Engine
from arcway_local.functions.journal import Journal
from arcway_local.functions.journaled import JournaledEngine
from arcway_local.functions.records import LOCAL, OrchestrationWork


class Place:
    """A journal with the engine that uses it; `again` is what a crash and a new start make of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engines: list[JournaledEngine] = []
        self.engine = self._open()

    def _open(self) -> JournaledEngine:
        engine = JournaledEngine({"parent": "Parent", "child": "Child"}, "7", Journal(self._path))
        self._engines.append(engine)
        engine.resume()
        return engine

    def again(self) -> JournaledEngine:
        # Only what was committed is in the file: closing writes nothing that the engine has not written.
        self.engine.stop()
        self.engine = self._open()
        return self.engine

    def close(self) -> None:
        for engine in self._engines:
            engine.stop()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "journal.db")
    yield place
    place.close()


def taken_within(engine: Engine, seconds: float = 240.0) -> OrchestrationWork:
    deadline = time.monotonic() + seconds
    while (work := engine.take_orchestration()) is None:
        assert time.monotonic() < deadline, "no work"
    return work


def history(engine: Engine, instance_id: str) -> list[pb.HistoryEvent]:
    chunks = engine.StreamInstanceHistory(pb.StreamInstanceHistoryRequest(instanceId=instance_id), LOCAL)
    return [event for chunk in chunks for event in chunk.events]
