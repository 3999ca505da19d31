"""Keeps messages in SQLite, each tick of the broker in one transaction. Without a folder, nothing is stored.

A write-ahead log without a sync per transaction outlives the process, however it ends; a power failure may cost the
last moments.
"""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from arcway_local.service_bus.model import Message, State

FILE_NAME = "service-bus.db"
_APPLICATION = 0x41725342
_SCHEMA_VERSION = 1
_CHECKPOINT_PAGES = 4000
_PRUNING = 10_000
"""So many remembered ids, and those whose time is over are deleted."""

_TABLES = (
    "CREATE TABLE messages (key INTEGER PRIMARY KEY, entity TEXT NOT NULL, sequence INTEGER NOT NULL, message_id TEXT, "
    "enqueued_at INTEGER NOT NULL, expires_at INTEGER, state INTEGER NOT NULL, scheduled_for INTEGER, "
    "enqueue_sequence INTEGER NOT NULL, delivery_count INTEGER NOT NULL, lock BLOB, locked_until INTEGER NOT NULL, "
    "reason TEXT, description TEXT)",
    # Apart from the rest, because SQLite writes a whole row when one of its columns changes.
    "CREATE TABLE contents (key INTEGER PRIMARY KEY, content BLOB NOT NULL)",
    "CREATE TABLE numbers (entity TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE history (entity TEXT NOT NULL, message_id TEXT NOT NULL, until INTEGER NOT NULL, "
    "PRIMARY KEY (entity, message_id)) WITHOUT ROWID",
)


class StoreError(Exception):
    """The file cannot be used; the text is one sentence that says why."""


class MemoryStore:
    """Stores nothing beyond the process."""

    def put(self, entity: str, message: Message) -> None:
        """Nothing to do."""

    def remove(self, message: Message) -> None:
        """Nothing to do."""

    def number(self, entity: str, sequence: int) -> None:
        """Nothing to do."""

    def remember(self, entity: str, message_id: str, until: int) -> None:
        """Nothing to do."""

    def commit(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class Store:
    """Collects changes and writes them at `commit`."""

    def __init__(self, folder: Path) -> None:
        """Open or create the file in a folder. Raises StoreError."""
        self.path = folder / FILE_NAME
        self._stored: set[int] = set()
        self._changed: dict[int, tuple[str, Message]] = {}
        self._removed: set[int] = set()
        self._numbers: dict[str, int] = {}
        self._history: dict[tuple[str, str], int] = {}
        self._remembered = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, isolation_level=None, timeout=1)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"The folder {folder} cannot be used: {error}.") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._database.close()
            raise self._error(error) from error
        except StoreError:
            self._database.close()
            raise

    def put(self, entity: str, message: Message) -> None:
        """Store a new or changed message."""
        self._changed[message.key] = (entity, message)

    def remove(self, message: Message) -> None:
        """Delete a message."""
        self._changed.pop(message.key, None)
        if message.key in self._stored:
            self._removed.add(message.key)

    def number(self, entity: str, sequence: int) -> None:
        """Store the last sequence number of the entity."""
        self._numbers[entity] = sequence

    def remember(self, entity: str, message_id: str, until: int) -> None:
        """Store a message id; until that time, messages with the same id are duplicates."""
        self._history[entity, message_id] = until

    def commit(self) -> None:
        """Write everything that has changed, or nothing. Raises StoreError."""
        if not (self._changed or self._removed or self._numbers or self._history):
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._write()
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._error(error) from error
        self._stored.update(self._changed)
        self._stored -= self._removed
        for changes in (self._changed, self._removed, self._numbers, self._history):
            changes.clear()

    def _write(self) -> None:
        many = self._database.executemany
        new = [entry for key, entry in self._changed.items() if key not in self._stored]
        old = [entry for key, entry in self._changed.items() if key in self._stored]
        many("INSERT INTO contents VALUES (?, ?)", [(message.key, message.content) for _, message in new])
        many(f"INSERT INTO messages VALUES ({', '.join('?' * 14)})", [_row(*entry) for entry in new])  # noqa: S608
        many(
            "UPDATE messages SET entity=?, expires_at=?, state=?, delivery_count=?, lock=?, locked_until=?, reason=?, "
            "description=? WHERE key=?",
            [_change(*entry) for entry in old],
        )
        gone = [(key,) for key in self._removed]
        many("DELETE FROM messages WHERE key=?", gone)
        many("DELETE FROM contents WHERE key=?", gone)
        many("INSERT OR REPLACE INTO numbers VALUES (?, ?)", list(self._numbers.items()))
        entries = [(entity, message_id, until) for (entity, message_id), until in self._history.items()]
        many("INSERT OR REPLACE INTO history VALUES (?, ?, ?)", entries)
        self._remembered += len(entries)
        if self._remembered >= _PRUNING:
            self._remembered = 0
            many("DELETE FROM history WHERE until <= ?", [(time.time_ns() // 1_000_000,)])

    def messages(self) -> Iterator[tuple[str, Message]]:
        """The stored messages with their entities, in the order in which locks end. Raises StoreError."""
        query = (
            "SELECT m.*, c.content FROM messages m JOIN contents c ON c.key = m.key ORDER BY m.locked_until, m.sequence"
        )
        try:
            for row in self._database.execute(query):
                self._stored.add(row[0])
                yield row[1], _message(row)
        except sqlite3.Error as error:
            raise self._error(error) from error

    def numbers(self) -> dict[str, int]:
        """The last sequence number of each entity. Raises StoreError."""
        try:
            return dict(self._database.execute("SELECT entity, last FROM numbers"))
        except sqlite3.Error as error:
            raise self._error(error) from error

    def history(self, now: int) -> Iterator[tuple[str, str, int]]:
        """The ids that duplicates are detected by, the oldest first: entity, message id, end. Raises StoreError."""
        try:
            self._database.execute("DELETE FROM history WHERE until <= ?", (now,))
            yield from self._database.execute("SELECT entity, message_id, until FROM history ORDER BY until")
        except sqlite3.Error as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _prepare(self) -> None:
        execute = self._database.execute
        execute("PRAGMA locking_mode=EXCLUSIVE")
        (mode,) = execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise StoreError(f"The file {self.path} is on a file system that SQLite cannot keep a log on.")
        execute("PRAGMA synchronous=NORMAL")
        execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        execute("BEGIN EXCLUSIVE")
        (application,) = execute("PRAGMA application_id").fetchone()
        (version,) = execute("PRAGMA user_version").fetchone()
        (tables,) = execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if (application, version, tables) == (0, 0, 0):
            for sql in _TABLES:
                execute(sql)
            execute(f"PRAGMA application_id={_APPLICATION}")
            execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
        elif (application, version) != (_APPLICATION, _SCHEMA_VERSION):
            raise StoreError(f"The file {self.path} was written by another program or another version of this one.")
        execute("COMMIT")

    def _error(self, error: sqlite3.Error) -> StoreError:
        # Extended codes keep the primary code in the lowest byte.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreError(f"The file {self.path} is in use by another process.")
        return StoreError(f"The file {self.path} cannot be read or written: {error}.")


def _row(entity: str, message: Message) -> tuple[object, ...]:
    lock = message.lock.bytes if message.lock is not None else None
    return (
        *(
            message.key,
            entity,
            message.sequence,
            message.message_id,
            message.enqueued_at,
            message.expires_at,
            int(message.state),
            message.scheduled_for,
        ),
        *(
            message.enqueue_sequence,
            message.delivery_count,
            lock,
            message.locked_until,
            message.reason,
            message.description,
        ),
    )


def _change(entity: str, message: Message) -> tuple[object, ...]:
    lock = message.lock.bytes if message.lock is not None else None
    settled = (lock, message.locked_until, message.reason, message.description)
    return (entity, message.expires_at, int(message.state), message.delivery_count, *settled, message.key)


def _message(row: tuple[Any, ...]) -> Message:
    key, _, sequence, message_id, enqueued_at, expires_at, state, scheduled_for, *columns = row
    enqueue_sequence, delivery_count, lock, locked_until, reason, description, content = columns
    return Message(
        key=key,
        content=content,
        message_id=message_id,
        sequence=sequence,
        enqueued_at=enqueued_at,
        expires_at=expires_at,
        state=State(state),
        scheduled_for=scheduled_for,
        enqueue_sequence=enqueue_sequence,
        delivery_count=delivery_count,
        lock=UUID(bytes=lock) if isinstance(lock, bytes) else None,
        locked_until=locked_until,
        reason=reason,
        description=description,
    )
