"""Somebody with the database file of a rich ledger, who edits it by hand: what the audit is tried against."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from audit_ledger import rich_ledger
from hub_stores import sqlite_store

from hub.audit import Finding, audit
from hub.store.database import Store, sqlite_url


class Insider:
    """Edits a rich ledger whose triggers he has dropped, and lets it be audited. What he has done, he puts back."""

    def __init__(self, template: Path, folder: Path) -> None:
        with sqlite_store(template, folder) as store:
            self.keyring = rich_ledger(store).hub.keyring
            self.path = Path(str(store.url.database))
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f"DROP TRIGGER {name}")
            database.execute("PRAGMA journal_mode = DELETE")
        self.store = Store(sqlite_url(self.path))
        self.clean = set(audit(self.store, self.keyring))

    def close(self) -> None:
        """Let go of the file."""
        self.store.close()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table in the order of its key."""
        with closing(sqlite3.connect(self.path)) as database:
            database.row_factory = sqlite3.Row
            order = ", ".join(self.key(table))
            return [dict(one) for one in database.execute(f"SELECT * FROM {table} ORDER BY {order}")]

    def key(self, table: str) -> list[str]:
        """Return the key's columns."""
        with closing(sqlite3.connect(self.path)) as database:
            columns = database.execute(f"PRAGMA table_info({table})").fetchall()
        return [name for _, name, _, _, _, place in sorted(columns, key=lambda one: one[5]) if place]

    def columns(self, table: str) -> list[str]:
        """Return all columns."""
        with closing(sqlite3.connect(self.path)) as database:
            return [one[1] for one in database.execute(f"PRAGMA table_info({table})")]

    def replace(self, table: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> set[Finding]:
        """Put `new` in the place of `old`, audit, and put things back; return the findings that came with it."""
        with self.replaced(table, old, new):
            return set(audit(self.store, self.keyring)) - self.clean

    @contextmanager
    def replaced(self, table: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> Iterator[None]:
        """Put `new` in the place of `old` for a while."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            database.execute("PRAGMA ignore_check_constraints = ON")
            database.execute("PRAGMA synchronous = OFF")
            self._change(database, table, old, new)
            try:
                yield
            finally:
                self._change(database, table, new, old)

    def _change(
        self, database: sqlite3.Connection, table: str, old: dict[str, Any] | None, new: dict[str, Any] | None
    ) -> None:
        database.execute("BEGIN")
        if old is not None:
            key = self.key(table)
            where = " AND ".join(f"{column} = ?" for column in key)
            gone = database.execute(f"DELETE FROM {table} WHERE {where}", [old[column] for column in key])
            assert gone.rowcount == 1
        if new is not None:
            marks = ", ".join("?" * len(new))
            database.execute(f"INSERT INTO {table} ({', '.join(new)}) VALUES ({marks})", list(new.values()))
        database.execute("COMMIT")


def edited(content: Any) -> Any:
    """Return another content of the same kind."""
    if isinstance(content, bytes):
        return content[:-1] + bytes([content[-1] ^ 1]) if content else b"\x01"
    if isinstance(content, str):
        return content + "x"
    return content + 1_000
