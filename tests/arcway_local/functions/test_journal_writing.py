"""What the engine writes into its journal, and what it does when it cannot or must not."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest

from arcway_local.functions.errors import JournalError
from arcway_local.functions.journal import Journal
from arcway_local.functions.journaled import JournaledEngine
from arcway_local.functions.records import LOCAL, EngineError
from tests.arcway_local.functions.conftest import Place
from tests.arcway_local.functions.driving import (
    act,
    activity,
    complete,
    finish,
    give,
    open_runs,
    start,
    state,
    take,
)


def test_only_what_changed_is_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    start(place.engine, "p")
    give(place.engine, take(place.engine), activity(1), activity(2))
    written: list[list[str]] = []
    real = Journal.write

    def write(journal: Journal, statements: Any) -> None:
        written.append([sql for sql, _ in statements])
        real(journal, statements)

    monkeypatch.setattr(Journal, "write", write)
    finish(place.engine, act(place.engine))
    state(place.engine, "p")
    give(place.engine, take(place.engine))
    assert [[sql[:17] for sql in statements] for statements in written] == [
        ["DELETE FROM activ", "INSERT INTO inbox"],
        ["INSERT INTO histo", "DELETE FROM inbox"],
    ]


def test_an_engine_that_cannot_write_acknowledges_nothing_more(place: Place) -> None:
    engine = place.engine
    start(engine, "kept")
    failures: list[JournalError] = []
    engine.on_failure(failures.append)
    (pages,) = engine._journal.read("PRAGMA page_count")[0]
    engine._journal.read(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JournalError, match=r"journal\.db cannot be read or written: database or disk is full"):
        start(engine, "lost", input=_value("x" * 500_000))
    assert len(failures) == 1
    for call in (lambda: start(engine, "next"), lambda: state(engine, "lost"), engine.take_orchestration):
        with pytest.raises(JournalError, match="disk is full"):
            call()
    engine = place.again()
    assert not engine.GetInstance(pb.GetInstanceRequest(instanceId="lost"), LOCAL).exists
    assert take(engine).request.instanceId == "kept"


def test_an_error_of_any_kind_while_writing_stops_the_engine(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    start(place.engine, "kept")
    failures: list[JournalError] = []
    place.engine.on_failure(failures.append)
    monkeypatch.setattr(place.engine._journal, "write", _raise_overflow)
    with pytest.raises(JournalError, match="cannot be written: OverflowError"):
        start(place.engine, "lost")
    assert len(failures) == 1
    with pytest.raises(JournalError):
        place.engine.take_orchestration()
    assert take(place.again()).request.instanceId == "kept"


def test_outcomes_committed_together_are_written_at_once_and_fail_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("p", "q"):
        start(place.engine, name)
    written: list[Any] = []
    monkeypatch.setattr(place.engine._journal, "write", written.append)
    works = [take(place.engine), take(place.engine)]
    outcomes: list[Callable[[], object]] = [partial(give, place.engine, work, activity()) for work in works]
    raised = place.engine.commit_together([outcomes[0], _raise_overflow, outcomes[1]])
    assert [type(error).__name__ for error in raised] == ["NoneType", "OverflowError", "NoneType"]
    assert len(written) == 1
    assert sum(sql.startswith("INSERT INTO activities") for sql, _ in written[0]) == 2


def test_content_that_cannot_be_understood_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    place = Place(path)
    start(place.engine, "p")
    place.close()
    journal = Journal(path)
    journal.write([("UPDATE inbox SET event = x'ff'", ())])
    with pytest.raises(JournalError, match=rf"The journal {path} is damaged"):
        JournaledEngine({}, None, journal)
    journal.close()


@pytest.mark.parametrize("size", [1024 * 1024, 1024 * 1024 + 1])
def test_an_input_over_one_mebibyte_is_refused_wherever_it_comes_from(place: Place, size: int) -> None:
    fits = size == 1024 * 1024
    big = "x" * size
    if fits:
        start(place.engine, "p", input=_value(big))
    else:
        with pytest.raises(EngineError, match="has 1048577 bytes"):
            start(place.engine, "p", input=_value(big))
        start(place.engine, "p")
    child = pb.CreateSubOrchestrationAction(instanceId="c", name="child", input=_value(big))
    give(place.engine, take(place.engine), pb.OrchestratorAction(id=1, createSubOrchestration=child))
    work = take(place.engine)
    assert (work.request.instanceId == "c") is fits
    give(place.engine, work, complete(pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW, big))
    renewed = state(place.again(), work.request.instanceId)
    assert (renewed.orchestrationStatus == pb.ORCHESTRATION_STATUS_PENDING) is fits
    assert ("1 MiB" in renewed.failureDetails.errorMessage) is not fits


def test_a_thousand_open_runs_are_recovered(place: Place) -> None:
    open_runs(place.engine, 1000)
    place.engine.stop()
    engine = place.again()
    assert len(engine._alarms._due) == len(engine._activity_queue) == 1000


def _value(content: str) -> Any:
    request = pb.CreateInstanceRequest()
    request.input.value = content
    return request.input


def _raise_overflow(*_: object) -> None:
    raise OverflowError
