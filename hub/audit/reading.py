"""Reads the hub's database row by row, in one unchanging view of it. Never opens a writing transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import sqlalchemy as sa

from hub.store.database import Store

_ROWS_AT_A_TIME = 2_000


@contextmanager
def one_view(store: Store) -> Iterator[sa.Connection]:
    """Open a connection that sees the database as it is now, whatever a running hub goes on writing.

    An SQLite reader has such a view by itself; PostgreSQL is asked for it.
    """
    with store.reading() as connection:
        if not store.is_sqlite:
            connection = connection.execution_options(  # noqa: PLW2901  # the same connection, told more
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        yield connection


def stream(connection: sa.Connection, text: str, **parameters: object) -> Iterator[Any]:
    """Yield the rows of a query with :named parameters; few are in memory at a time."""
    with connection.execute(_parsed(text), parameters, execution_options={"yield_per": _ROWS_AT_A_TIME}) as found:
        for some in found.partitions():
            yield from some


def of_kiosks(connection: sa.Connection, table: str, order: str, kiosks: Iterable[bytes] | None) -> Iterator[Any]:
    """Yield the rows of a table that is led by the kiosk, kiosk by kiosk: of some, or of all where none are named.

    `table` and `order` are our own words.
    """
    if kiosks is None:
        yield from stream(connection, f"SELECT * FROM {table} ORDER BY kiosk, {order}")  # noqa: S608  # our own words
        return
    text = f"SELECT * FROM {table} WHERE kiosk = :kiosk ORDER BY {order}"  # noqa: S608  # our own words
    for kiosk in sorted(kiosks):
        yield from stream(connection, text, kiosk=kiosk)


@cache
def _parsed(text: str) -> sa.TextClause:
    """Parse each statement once; there is a fixed number of them."""
    return sa.text(text)
