"""Lets one transaction write a table alone, as each engine does that (one of three files that may differ by engine)."""

from __future__ import annotations

import sqlalchemy as sa


def write_alone(connection: sa.Connection, table: str) -> None:
    """Wait until nobody else writes a table, and let nobody do so before this transaction has ended. Whoever only reads
    goes on. SQLite has one writer anyway, who is this transaction by now.

    A lock on rows would not do: it says nothing about rows that are still to come.
    """
    if connection.dialect.name == "postgresql":
        # The table is the caller's own word, never a person's.
        connection.exec_driver_sql(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
