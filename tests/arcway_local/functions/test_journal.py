"""The journal file: who may open it, what is refused with which sentence, and that a failed write is never silent."""

import sqlite3
import stat
from pathlib import Path

import pytest

from arcway_local.functions.errors import JournalError
from arcway_local.functions.journal import Journal

INSERT = "INSERT INTO entities VALUES (?, ?, '2026-01-01T00:00:00+00:00', NULL)"


def entities(path: Path) -> list[str]:
    journal = Journal(path)
    try:
        return [row[0] for row in journal.read("SELECT id FROM entities ORDER BY id")]
    finally:
        journal.close()


def refusal(path: Path) -> str:
    with pytest.raises(JournalError) as caught:
        Journal(path)
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.db"


def test_what_is_written_is_read_by_the_next_one(path: Path) -> None:
    journal = Journal(path)
    journal.write([(INSERT, ("@a@1", "1")), (INSERT, ("@a@2", "2"))])
    journal.close()
    assert entities(path) == ["@a@1", "@a@2"]


def test_a_transaction_is_written_whole_or_not_at_all(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(JournalError, match="UNIQUE constraint failed"):
        journal.write([(INSERT, ("@a@1", "1")), (INSERT, ("@a@1", "2"))])
    assert entities(path) == []


def test_only_the_owner_can_read_it(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    journal = Journal(path)
    journal.write([(INSERT, ("@a@1", "1"))])
    files = list(path.parent.iterdir())
    assert {file.name for file in files} >= {"journal.db", "journal.db-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    journal.close()


def test_a_second_host_is_refused(path: Path) -> None:
    journal = Journal(path)
    assert refusal(path) == f"The journal {path} is in use by another process; one host can use it at a time."
    journal.close()
    assert entities(path) == []


def test_a_file_that_another_program_has_locked_is_refused(path: Path) -> None:
    Journal(path).close()
    second = sqlite3.connect(path, isolation_level=None)
    second.execute("BEGIN IMMEDIATE")
    assert "is in use by another process" in refusal(path)
    second.close()


def test_a_newer_file_is_refused_and_left_alone(path: Path) -> None:
    Journal(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    assert refusal(path).startswith(f"The journal {path} has schema 99, this program knows schema 1:")


def test_the_database_of_another_program_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE notes (text)")
    database.close()
    assert refusal(path) == f"The file {path} is the database of another program, not a journal."


def test_what_is_not_a_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"nothing like a database\n" * 200)
    assert refusal(path).startswith(f"The journal {path} is damaged (file is not a database);")


def test_a_file_damaged_in_the_middle_is_refused(path: Path) -> None:
    journal = Journal(path)
    journal.write([(INSERT, (f"@a@{number:05}", "x" * 200)) for number in range(500)])
    journal.close()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8192] = b"\xa5" * 8192
    path.write_bytes(content)
    assert refusal(path).startswith(f"The journal {path} is damaged (")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file" / "journal.db").startswith(f"The journal {tmp_path}/file/journal.db cannot be")


def test_a_full_disk_fails_the_write_and_loses_nothing_before_it(path: Path) -> None:
    journal = Journal(path)
    journal.write([(INSERT, ("@a@1", "1"))])
    (pages,) = journal.read("PRAGMA page_count")[0]
    journal.read(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JournalError) as caught:
        journal.write([(INSERT, ("@a@2", "x" * 100_000))])
    assert str(caught.value) == f"The journal {path} cannot be read or written: database or disk is full."
    assert entities(path) == ["@a@1"]
