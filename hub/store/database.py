"""The hub's database: one engine by URL (SQLite file or PostgreSQL), whole transactions, and the migrations. Knows no
table.

SQL is written out where it runs, one text for both engines. What only one engine understands stands in `append_only`
and `locks`, and in the ledger's `inbox`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

Result = TypeVar("Result")

RETRY_LIMIT = 20
_RETRIED_STATES = {"40001", "40P01", "23505"}
"""Serialisation failure, deadlock, and a unique key taken by another hub in the meantime: run the whole transaction
again.
"""


BUSY = "処理が混み合っています。もう一度お試しください。 / The database is too busy; try again."


class StoreError(Exception):
    """The database is not what this program needs; the text says what to do."""


class Store:
    """A hub's database. Safe to share between threads; every transaction takes its own connection."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        if self.is_sqlite:
            # One connection writes and checkpoints, the others only read: two that write can corrupt a WAL file before
            # SQLite 3.51.3 (the WAL-reset bug), and Debian 12 and 13 ship older ones.
            self.engine = sa.create_engine(self.url, poolclass=sa.QueuePool, pool_size=1, max_overflow=0)
            self._reader = sa.create_engine(self.url)
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_immediate)
            sa.event.listen(self._reader, "connect", _prepare_sqlite_reader)
            sa.event.listen(self._reader, "begin", _begin)
        else:
            self.engine = self._reader = sa.create_engine(self.url, pool_pre_ping=True)

    @property
    def is_sqlite(self) -> bool:
        """Tell whether the database is an SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    def close(self) -> None:
        """Close all connections."""
        self._reader.dispose()
        self.engine.dispose()

    def migrate(self) -> None:
        """Bring the tables to the newest revision; the ledger's rows are never rewritten."""
        if self.is_sqlite and self.url.database:
            _keep_to_owner(Path(self.url.database))
        with self.engine.connect() as connection:
            command.upgrade(_alembic_config(connection), "head")

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Open a writing transaction: committed at the end, rolled back on an exception."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a connection for reading."""
        with self._reader.connect() as connection:
            yield connection

    def run(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Do `work` in one transaction, again from the start where another hub was in the way. `work` must be
        repeatable.
        """
        for _ in range(RETRY_LIMIT):
            try:
                with self.transaction() as connection:
                    return work(connection)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _RETRIED_STATES:
                    raise
            except PoolTimeout as error:  # half a minute behind other writers
                raise StoreError(BUSY) from error
        raise StoreError(BUSY)


def rows(connection: sa.Connection, text: str, **parameters: Any) -> list[Any]:  # a driver's own values
    """Return all rows of a query with :named parameters."""
    return list(connection.execute(_text(text), parameters).fetchall())


def row(connection: sa.Connection, text: str, **parameters: Any) -> Any:  # a driver's own values
    """Return the first row of a query, or None."""
    return connection.execute(_text(text), parameters).fetchone()


def execute(connection: sa.Connection, text: str, **parameters: Any) -> int:  # a driver's own values
    """Run a statement with :named parameters; return how many rows it touched."""
    return int(connection.execute(_text(text), parameters).rowcount)


def execute_many(connection: sa.Connection, text: str, parameters: list[dict[str, Any]]) -> None:
    """Run a statement once for each set of :named parameters."""
    if parameters:
        connection.execute(_text(text), parameters)


def insert(connection: sa.Connection, table: str, **columns: Any) -> None:  # a driver's own values
    """Insert one row. Table and columns are the caller's own words, never a person's."""
    names = ", ".join(columns)
    marks = ", ".join(f":{name}" for name in columns)
    connection.execute(_text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), columns)  # noqa: S608  # as said


def sqlite_url(path: Path) -> str:
    """Return the URL of an SQLite file."""
    return f"sqlite:///{path}"


def _keep_to_owner(path: Path) -> None:
    """Let nobody else read a new SQLite file: it holds people's numbers. What SQLite lays beside it takes after it.

    A file that is there keeps the rights that its owner has given it.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


_texts: dict[str, sa.TextClause] = {}


def _text(text: str) -> sa.TextClause:
    """Parse each statement once; there is a fixed number of them."""
    return _texts.setdefault(text, sa.text(text)) if text not in _texts else _texts[text]


def _prepare_sqlite(connection: Any, _record: object) -> None:  # sqlite3.Connection by another name
    connection.isolation_level = None
    for pragma, wanted in (("journal_mode", "wal"), ("synchronous", 2), ("recursive_triggers", 1), ("foreign_keys", 1)):
        connection.execute(f"PRAGMA {pragma} = {wanted}")
        found = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
        if found != wanted:
            raise StoreError(
                f"SQLite: {pragma} = {found!r}, {wanted!r} が必要です / is needed for a ledger that loses nothing"
            )
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("PRAGMA temp_store = MEMORY")


def _prepare_sqlite_reader(connection: Any, record: object) -> None:
    _prepare_sqlite(connection, record)
    connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA wal_autocheckpoint = 0")


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _alembic_config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
