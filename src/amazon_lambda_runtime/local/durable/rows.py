"""Durable executions in a file, so that they outlive this process. Knows nothing of the engine.

SQLite writes ahead to a log: what has been written is there after a SIGKILL.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_FILE = "executions.db"
# Of the table below; another is moved aside.
_VERSION = 1


class StoreError(Exception):
    """Raised if the folder of executions can't be used; the message says why."""


class Rows:
    """The file of executions in a folder: for each its ARN, and two texts."""

    def __init__(self, folder: Path) -> None:
        """Open the file, or make it. Raises StoreError."""
        self._file = folder / _FILE
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()
        except OSError as error:
            raise StoreError(f"cannot keep executions in {folder}: {error.strerror}") from None
        except sqlite3.OperationalError as error:
            reason = "another lambda-runtime uses it" if "locked" in str(error) else str(error)
            raise StoreError(f"cannot keep executions in {folder}: {reason}") from None
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self._file} is no file of executions: {error}") from None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=0, check_same_thread=False)
        connection.isolation_level = None
        # Two processes would go on with each execution twice.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise StoreError(f"{self._file} is of another version of lambda-runtime: move it")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS executions (arn TEXT PRIMARY KEY, data TEXT, notes TEXT)"
        )
        connection.execute(f"PRAGMA user_version={_VERSION}")
        return connection

    def all(self) -> Iterator[tuple[str, str]]:
        """Yield the two texts of each execution."""
        with self._lock:
            rows = self._connection.execute("SELECT data, notes FROM executions ORDER BY rowid")
            found: list[tuple[str, str]] = rows.fetchall()
        yield from found

    def put(self, arn: str, data: str, notes: str) -> None:
        """Write an execution."""
        with self._lock:
            self._connection.execute(
                "INSERT INTO executions VALUES (?, ?, ?) ON CONFLICT (arn) DO UPDATE SET "
                "data = excluded.data, notes = excluded.notes",
                (arn, data, notes),
            )

    def remove(self, arn: str) -> None:
        """Forget an execution."""
        with self._lock:
            self._connection.execute("DELETE FROM executions WHERE arn = ?", (arn,))

    def move_aside(self) -> Path:
        """Begin anew, and return where what was there has been moved."""
        with self._lock:
            self._connection.close()
            aside = self._file.with_name(f"{_FILE}.{int(time.time())}")
            self._file.rename(aside)
            self._connection = self._open()
        return aside

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
