"""The journal file: an SQLite database that holds everything the engine must not forget, and the rules of opening it.

A written transaction survives the end of the process, `kill -9` included: in WAL mode with `synchronous=NORMAL` it has
been handed to the operating system. Power loss may take the last transactions, but leaves the file whole and the
engine at an earlier moment that did exist (https://sqlite.org/pragma.html#pragma_synchronous). One host at a time. The
module knows tables and errors, not what the rows mean to the engine.
"""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from arcway_local.functions.errors import JournalError

FILE_NAME = "journal.db"
SCHEMA_VERSION = 1
_APPLICATION = 0x41524357
"""Marks the file as a journal, see https://sqlite.org/pragma.html#pragma_application_id."""
_PATIENCE_SECONDS = 1.0
_CHECKPOINT_PAGES = 4000
# A file with that many free pages (4 KiB each) gives them back, so many at a time, which takes little time.
_FREE_PAGES, _PAGES_AT_ONCE = 256, 2048

_INCREMENTAL = 2
"""The value of auto_vacuum by which free pages can be given back, https://sqlite.org/pragma.html#pragma_auto_vacuum."""

_TABLES = (
    # One row per execution: rewritten only by continue-as-new, so that a large input is written once.
    "CREATE TABLE instances (id TEXT PRIMARY KEY, execution TEXT NOT NULL, name TEXT NOT NULL, version TEXT,"
    " input TEXT, tags TEXT NOT NULL, parent TEXT, parent_execution TEXT, parent_task INTEGER, created TEXT NOT NULL,"
    " start_at TEXT) WITHOUT ROWID",
    "CREATE TABLE progress (id TEXT PRIMARY KEY, status INTEGER NOT NULL, output TEXT, custom_status TEXT,"
    " failure BLOB, completed TEXT) WITHOUT ROWID",
    # One row per replay, as a HistoryChunk; its position is that of its first event.
    "CREATE TABLE history (instance TEXT NOT NULL, position INTEGER NOT NULL, events BLOB NOT NULL,"
    " PRIMARY KEY (instance, position)) WITHOUT ROWID",
    # What has arrived for an instance or an entity and is not dealt with yet.
    "CREATE TABLE inbox (owner TEXT NOT NULL, position INTEGER NOT NULL, event BLOB NOT NULL,"
    " PRIMARY KEY (owner, position)) WITHOUT ROWID",
    "CREATE TABLE activities (token TEXT PRIMARY KEY, instance TEXT NOT NULL, execution TEXT NOT NULL,"
    " task INTEGER NOT NULL, name TEXT NOT NULL, input TEXT) WITHOUT ROWID",
    "CREATE TABLE entities (id TEXT PRIMARY KEY, state TEXT, modified TEXT NOT NULL, locked_by TEXT) WITHOUT ROWID",
    "CREATE TABLE lock_requests (position INTEGER PRIMARY KEY, section TEXT NOT NULL, parent TEXT NOT NULL,"
    " entities TEXT NOT NULL)",
    "CREATE TABLE delayed_signals (token TEXT PRIMARY KEY, entity TEXT NOT NULL, due TEXT NOT NULL,"
    " event BLOB NOT NULL) WITHOUT ROWID",
)

Statement = tuple[str, Sequence[Any]]
"""SQL and its parameters."""


class Journal:
    """An open journal in the file `path`, created with its folder when missing, readable by its owner only.

    Not safe for simultaneous calls; any thread may call. Every method raises JournalError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # SQLite gives its side files the permissions of the main one.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            path.chmod(0o600)
        except OSError as error:
            raise JournalError(f"The journal {path} cannot be opened: {error.strerror}.") from error
        try:
            self._database = sqlite3.connect(
                path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._prepare()
        except sqlite3.Error as error:
            self._discard()
            raise self._error(error) from error
        except JournalError:
            self._discard()
            raise

    def read(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        try:
            return self._database.execute(query).fetchall()
        except sqlite3.Error as error:
            raise self._error(error) from error

    def write(self, statements: Iterable[Statement]) -> None:
        """Execute `statements` as one transaction; returns when it would survive the end of the process."""
        execute = self._database.execute
        try:
            execute("BEGIN IMMEDIATE")
            for sql, parameters in statements:
                execute(sql, parameters)
            execute("COMMIT")
            self._shrink()
        except sqlite3.Error as error:
            # The writer cannot continue; without this the file would stay locked until the process ends.
            self._discard()
            raise self._error(error) from error

    def _shrink(self) -> None:
        """Give back a part of the pages that are free, once there are many."""
        (free,) = self._database.execute("PRAGMA freelist_count").fetchone()
        if free < _FREE_PAGES:
            return
        self._database.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
        # The file itself becomes smaller when the log is written back.
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the file; what was written is in the main file afterwards."""
        try:
            self._database.close()
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _discard(self) -> None:
        if hasattr(self, "_database"):
            self._database.close()

    def _prepare(self) -> None:
        execute = self._database.execute
        execute("PRAGMA locking_mode=EXCLUSIVE")
        (vacuum,) = execute("PRAGMA auto_vacuum").fetchone()
        # Takes effect before the first table, or with the next VACUUM.
        execute(f"PRAGMA auto_vacuum={_INCREMENTAL}")
        (mode,) = execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise JournalError(f"The journal {self.path} is on a file system that SQLite cannot keep a log on.")
        execute("PRAGMA synchronous=NORMAL")
        execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        execute("BEGIN EXCLUSIVE")
        is_new = self._check_kind()
        execute("COMMIT")
        (verdict,) = execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise self.damaged(str(verdict).strip())
        if vacuum != _INCREMENTAL and not is_new:
            execute("VACUUM")

    def _check_kind(self) -> bool:
        """Refuse a file that is not a journal of ours; whether it was empty and the tables were made."""
        execute = self._database.execute
        (application,) = execute("PRAGMA application_id").fetchone()
        (version,) = execute("PRAGMA user_version").fetchone()
        (tables,) = execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if (application, version, tables) == (0, 0, 0):
            for sql in _TABLES:
                execute(sql)
            execute(f"PRAGMA application_id={_APPLICATION}")
            execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            return True
        if application != _APPLICATION:
            raise JournalError(f"The file {self.path} is the database of another program, not a journal.")
        if version != SCHEMA_VERSION:
            raise JournalError(
                f"The journal {self.path} has schema {version}, this program knows schema {SCHEMA_VERSION}: "
                "use the program that wrote it, or another folder."
            )
        return False

    def damaged(self, reason: str) -> JournalError:
        """The error for content that cannot be understood."""
        return JournalError(
            f"The journal {self.path} is damaged ({reason}); restore a copy, or move it away to start without its runs."
        )

    def _error(self, error: sqlite3.Error) -> JournalError:
        # Extended codes keep the primary code in the lowest byte. A closed connection raises without a code.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return JournalError(f"The journal {self.path} is in use by another process; one host can use it at a time.")
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return self.damaged(str(error))
        return JournalError(f"The journal {self.path} cannot be read or written: {error}.")
