"""Organisations and their allotments, as the city has entered them. An organisation has versions; the newest counts."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.store.database import insert, row

OPEN, CLOSED = "open", "closed"


class Organisation(NamedTuple):
    """An organisation as it stands. `kind` is grants, serves or both; `state` open or closed."""

    organisation: int
    version: int
    name: str
    kind: str
    state: str


class Allotment(NamedTuple):
    """The points of an organisation for one fiscal year; how many are left stands in its account."""

    allotment: int
    organisation: int
    fiscal_year: int
    name: str


def newest_organisation(connection: sa.Connection, organisation: int) -> Organisation | None:
    """Return an organisation as it stands, None where there is none with that number."""
    found = row(
        connection,
        """
        SELECT organisation, version, name, kind, state FROM organisation
        WHERE organisation = :organisation ORDER BY version DESC LIMIT 1
        """,
        organisation=organisation,
    )
    return None if found is None else Organisation(*found)


def write_organisation(connection: sa.Connection, organisation: Organisation, act: bytes) -> None:
    """Keep a version of an organisation."""
    insert(connection, "organisation", **organisation._asdict(), act=act)


def find_allotment(connection: sa.Connection, allotment: int) -> Allotment | None:
    """Return an allotment by its number."""
    found = row(
        connection,
        "SELECT allotment, organisation, fiscal_year, name FROM allotment WHERE allotment = :allotment",
        allotment=allotment,
    )
    return None if found is None else Allotment(*found)


def write_allotment(connection: sa.Connection, allotment: Allotment, act: bytes) -> None:
    """Keep a new allotment."""
    insert(connection, "allotment", **allotment._asdict(), act=act)
