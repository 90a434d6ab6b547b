"""Fills the inbox, a temporary table of claims on their way into the ledger, the way each engine is quickest.

The second of two files that may differ by engine: SQLite takes rows by executemany, PostgreSQL by COPY (measured 6.7
and
5 ms for 5,000 rows, against 42 ms for executemany on PostgreSQL).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from hub.intake.settle import Claim
from sync.member import bucket_of

_COLUMNS = "event, bucket, member, activity, occasion, kiosk, seq, hash, points, allotment, from_share, occurred_ms"
_TABLE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS inbox (
        event BIGINT, bucket BIGINT, member BIGINT, activity BIGINT, occasion BIGINT, kiosk BYTEA, seq BIGINT, hash
        BYTEA,
        points BIGINT, allotment BIGINT, from_share BIGINT, occurred_ms BIGINT
    )
"""


def fill_inbox(connection: sa.Connection, claims: Sequence[Claim]) -> None:
    """Replace what is in the inbox by `claims`."""
    connection.exec_driver_sql(_TABLE)
    connection.exec_driver_sql("DELETE FROM inbox")
    _write_rows(connection, "inbox", _COLUMNS, [(*claim.key, *claim[1:]) for claim in claims])
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE inbox")


def fill_asked(connection: sa.Connection, members: Iterable[int]) -> None:
    """Replace what is in `asked`, a temporary table of members to be looked up, by `members`."""
    connection.exec_driver_sql("CREATE TEMPORARY TABLE IF NOT EXISTS asked (bucket BIGINT, member BIGINT)")
    connection.exec_driver_sql("DELETE FROM asked")
    _write_rows(connection, "asked", "bucket, member", [(bucket_of(member), member) for member in members])
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE asked")


def write_entries(connection: sa.Connection, entries: list[tuple[bytes, int, bytes, int, bytes]]) -> None:
    """Store arrived entries: (kiosk, seq, hash, arrived_ms, encoded)."""
    _write_rows(connection, "entry", "kiosk, seq, hash, arrived_ms, encoded", entries)


def _write_rows(connection: sa.Connection, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.close()
        return
    marks = ", ".join("?" * len(rows[0]))
    # Table and columns are this file's own words, never a caller's.
    connection.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(rows))  # noqa: S608
