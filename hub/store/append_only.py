"""Keeps posted tables append-only, in each engine's own words (one of three files that may differ by engine)."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

POSTED_TABLES = (
    "act",
    "organisation",
    "allotment",
    "event",
    "activity",
    "member",
    "card",
    "lost_card",
    "key_list",
    "instance",
    "kiosk",
    "kiosk_name",
    "assignment",
    "manifest",
    "share",
    "decision",
    "line",
    "hole",
    "lost_tail",
    "replacement",
    "boot_start",
    "entry",
    "transfer",
    "movement",
)


def protect(connection: sa.Connection, tables: Iterable[str]) -> None:
    """Make UPDATE and DELETE on posted tables fail, whoever asks. Each migration names the tables it has made: what
    POSTED_TABLES holds today may not be there yet.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_REFUSE_FUNCTION)
    for table in tables:
        for statement in _statements(connection.dialect.name, table):
            connection.exec_driver_sql(statement)


def grant_to_runtime_role(connection: sa.Connection, role: str) -> None:
    """PostgreSQL: give the role the hub runs under INSERT and SELECT on posted tables, and no more; the owner's role
    only migrates.

    A table's owner ignores REVOKE, so the two roles must differ.
    """
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {quoted}")
    connection.exec_driver_sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}")
    for table in POSTED_TABLES:
        connection.exec_driver_sql(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {quoted}")


_REFUSE_FUNCTION = """
    CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'posted rows are never changed'; END $$
"""


def _statements(dialect: str, table: str) -> list[str]:
    if dialect == "postgresql":
        moment = f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT"
        return [f"CREATE TRIGGER {table}_only_grows {moment} EXECUTE FUNCTION refuse_change()"]
    return [
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'posted rows are never changed'); END"
        for verb in ("UPDATE", "DELETE")
    ]
