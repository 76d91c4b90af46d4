"""Where does an account outlive its process? In one SQLite file, a row an object."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any


class StateFile:
    """Saves what changed, in one transaction; used under the account's lock."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # Survives the end of the process; only a power cut may take the last changes.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS objects "
            "(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL)"
        )

    def load(self) -> Iterator[dict[str, Any]]:
        """Give every saved object in the order of its creation."""
        for (body,) in self._database.execute("SELECT body FROM objects ORDER BY number"):
            yield json.loads(body)

    def save(
        self, touched: Mapping[str, dict[str, Any]], holds: Callable[[dict[str, Any]], bool]
    ) -> None:
        """Write the touched objects that are still held, delete the others: all or nothing."""
        gone = [(id,) for id, stored in touched.items() if not holds(stored)]
        kept = [(id, json.dumps(stored)) for id, stored in touched.items() if holds(stored)]
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("DELETE FROM objects WHERE id = ?", gone)
            self._database.executemany(
                "INSERT INTO objects (id, body) VALUES (?, ?) "
                "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                kept,
            )

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
