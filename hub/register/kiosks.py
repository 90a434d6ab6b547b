"""Kiosks that were let in: their keys, names and events. Names and assignments have versions; the newest counts."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.store.database import insert, row


class KioskName(NamedTuple):
    """How a kiosk is called, and whose it is."""

    kiosk: bytes
    version: int
    name: str
    organisation: int


class Assignment(NamedTuple):
    """Whether a kiosk serves an event: assigned or removed. Version 0 stands for one that was never made."""

    kiosk: bytes
    event: int
    version: int
    state: str


ASSIGNED, REMOVED = "assigned", "removed"


def write_kiosk(  # a kiosk's own columns
    connection: sa.Connection,
    kiosk: bytes,
    public_key: bytes,
    serial: int,
    certificate: bytes,
    approved_ms: int,
    act: bytes,
) -> None:
    """Keep a kiosk that a clerk has let in."""
    insert(
        connection,
        "kiosk",
        kiosk=kiosk,
        public_key=public_key,
        serial=serial,
        certificate=certificate,
        approved_ms=approved_ms,
        act=act,
    )


def newest_name(connection: sa.Connection, kiosk: bytes) -> KioskName | None:
    """Return how a kiosk is called now, None where there is no such kiosk."""
    found = row(
        connection,
        """
        SELECT kiosk, version, name, organisation FROM kiosk_name WHERE kiosk = :kiosk ORDER BY version DESC LIMIT 1
        """,
        kiosk=kiosk,
    )
    return None if found is None else KioskName(bytes(found.kiosk), found.version, found.name, found.organisation)


def write_name(connection: sa.Connection, name: KioskName, act: bytes) -> None:
    """Keep how a kiosk is called from now on."""
    insert(connection, "kiosk_name", **name._asdict(), act=act)


def assignment_of(connection: sa.Connection, kiosk: bytes, event: int) -> Assignment:
    """Return whether a kiosk serves an event."""
    found = row(
        connection,
        """
        SELECT version, state FROM assignment WHERE kiosk = :kiosk AND event = :event ORDER BY version DESC LIMIT 1
        """,
        kiosk=kiosk,
        event=event,
    )
    return Assignment(kiosk, event, *((0, REMOVED) if found is None else (found.version, found.state)))


def write_assignment(connection: sa.Connection, assignment: Assignment, act: bytes) -> None:
    """Keep whether a kiosk serves an event; it takes effect with the next manifest."""
    insert(connection, "assignment", **assignment._asdict(), act=act)
