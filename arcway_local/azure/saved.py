"""What the simulated Azure remembers across restarts: one row per object, written before an answer leaves.

Code that changes an object names it with `touch`; the server calls `flush` before it answers. Changes that were under
way begin again after a restart.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

type Key = tuple[str, str]

_FILE = "azure.db"


class Saved:
    """The file of the simulated Azure in a folder. Raises sqlite3.Error when it cannot be used."""

    def __init__(self, folder: Path) -> None:
        path = folder / _FILE
        # Key Vault secrets are in it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS objects (kind TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (kind, key))"
        )
        self._touched: set[Key] = set()

    def touch(self, kind: str, key: str) -> None:
        """Mark an object as created, changed or removed; `flush` writes it."""
        self._touched.add((kind, key))

    def read(self) -> Iterator[tuple[str, str, Any]]:
        """Every stored object: kind, key, value."""
        for kind, key, value in self._database.execute("SELECT kind, key, value FROM objects").fetchall():
            yield kind, key, json.loads(value)

    def flush(self, form_of: Callable[[str, str], Any]) -> None:
        """Write all marked objects in one transaction. `form_of` returns an object's JSON form, None if removed."""
        if not self._touched:
            return
        self._database.execute("BEGIN")
        for kind, key in self._touched:
            form = form_of(kind, key)
            if form is None:
                self._database.execute("DELETE FROM objects WHERE kind = ? AND key = ?", (kind, key))
            else:
                self._database.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", (kind, key, json.dumps(form)))
        self._database.execute("COMMIT")
        self._touched.clear()

    def close(self) -> None:
        """Close the file."""
        self._database.close()
