"""What was moved already: a small database in the working folder, so that whatever is cut off goes on.

One journal belongs to one pair of servers. A thing is written down after the target has it, with the digest
of what was read; what is found there with the same digest is not moved again.
"""

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from infra.moving.server import MovingError

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS moved (
  kind TEXT NOT NULL, id TEXT NOT NULL, target TEXT NOT NULL, digest TEXT, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """`target` is what the thing is called there; without a digest, its move was begun and not ended."""

    target: str
    digest: str | None


@dataclass(slots=True)
class Journal:
    path: Path
    source: str
    target: str
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _database: Any = None

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_TABLES)
        for name, value in (("source", self.source), ("target", self.target)):
            self._database.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (name, value))
            ((known,),) = self._database.execute("SELECT value FROM about WHERE name = ?", (name,))
            if known != value:
                raise MovingError(f"{self.path} is the journal of another {name}, {known}")

    def close(self) -> None:
        self._database.close()

    def find(self, kind: str, id: str) -> Entry | None:
        with self._lock:
            row = self._database.execute(
                "SELECT target, digest FROM moved WHERE kind = ? AND id = ?", (kind, id)
            ).fetchone()
        return Entry(*row) if row else None

    def done(self, kind: str, id: str, digest: str) -> bool:
        found = self.find(kind, id)
        return found is not None and found.digest == digest

    def target_of(self, kind: str, id: str) -> str | None:
        found = self.find(kind, id)
        return found.target if found and found.target else None

    def begin(self, kind: str, id: str) -> None:
        """Write down that it is about to be made; what is known of it stays."""
        self._write("INSERT OR IGNORE INTO moved VALUES (?, ?, '', NULL)", kind, id)

    def end(self, kind: str, id: str, target: str, digest: str | None) -> None:
        self._write("INSERT OR REPLACE INTO moved VALUES (?, ?, ?, ?)", kind, id, target, digest)

    def doubt(self, kind: str, id: str) -> None:
        """See to it that the next time moves it again; what it is called stays known."""
        self._write("UPDATE moved SET digest = NULL WHERE kind = ? AND id = ?", kind, id)

    def of(self, kind: str, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """What was moved of a kind whose id begins so."""
        with self._lock:
            rows = self._database.execute(
                "SELECT id, target, digest FROM moved WHERE kind = ? AND id >= ? AND id < ?",
                (kind, prefix, f"{prefix}\U0010ffff"),
            ).fetchall()
        return ((id, Entry(target, digest)) for id, target, digest in rows)

    def _write(self, statement: str, *values: str | None) -> None:
        with self._lock:
            self._database.execute(statement, values)


def name_of(source: str, target: str) -> str:
    """The journal's file name, which tells the pair without telling where they are."""
    pair = f"{source}\n{target}"
    return f"shelflife-{sha256(pair.encode()).hexdigest()[:12]}.journal"
