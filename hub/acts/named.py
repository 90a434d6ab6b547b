"""Finds entries for acts: single ones, ranges, boots, and what the voids among them name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.check import read_arrived
from hub.intake.stored import Name, all_entries
from hub.intake.values import Attested
from hub.ledger.inbox import fill_wanted
from hub.store.database import row, rows
from sync.entry import Entry, Void


class Put(NamedTuple):
    """How an entry is put aside: its verdict, the sum of its reasons, the event it lies at, and its points."""

    verdict: str
    reasons: int
    event: int
    points: int


def entries_named(connection: sa.Connection, kiosk: bytes, names: Iterable[Name]) -> dict[Name, Entry | None]:
    """Return those of some entries that have arrived; None for one that is not understood."""
    fill_wanted(connection, names)
    found = rows(
        connection,
        """
        SELECT e.seq, e.hash, e.encoded FROM wanted w
        CROSS JOIN entry e WHERE e.kiosk = :kiosk AND e.seq = w.seq AND e.hash = w.hash
        """,
        kiosk=kiosk,
    )
    return {(one.seq, bytes(one.hash)): read_arrived(bytes(one.encoded))[1] for one in found}


def put_aside(connection: sa.Connection, kiosk: bytes, names: Iterable[Name]) -> dict[Name, Put]:
    """Return those of some entries that are put aside."""
    fill_wanted(connection, names)
    found = rows(
        connection,
        """
        SELECT a.seq, a.hash, a.verdict, a.reasons, a.event, a.points FROM wanted w
        CROSS JOIN aside a WHERE a.kiosk = :kiosk AND a.seq = w.seq AND a.hash = w.hash
        """,
        kiosk=kiosk,
    )
    return {(one.seq, bytes(one.hash)): Put(one.verdict, one.reasons, one.event, one.points) for one in found}


def targets_of(connection: sa.Connection, kiosk: bytes, entries: Iterable[Entry | None]) -> set[Name]:
    """Return the entries that the voids among some name: what becomes of a void changes them too."""
    numbers = {one.body.seq for one in entries if one is not None and isinstance(one.body, Void)}
    return {
        (seq, bytes(one.hash))
        for seq in numbers
        for one in rows(connection, "SELECT hash FROM entry WHERE kiosk = :kiosk AND seq = :seq", kiosk=kiosk, seq=seq)
    }


def arrived_between(connection: sa.Connection, kiosk: bytes, first_seq: int, last_seq: int) -> int:
    """Return how many numbers of a range have arrived."""
    found = row(
        connection,
        """
        SELECT count(DISTINCT seq) AS numbers FROM entry
        WHERE kiosk = :kiosk AND seq BETWEEN :first_seq AND :last_seq
        """,
        kiosk=kiosk,
        first_seq=first_seq,
        last_seq=last_seq,
    )
    return int(found.numbers)


def highest_arrived(connection: sa.Connection, kiosk: bytes) -> int:
    """Return the highest number that has arrived from a kiosk, 0 for none."""
    found = row(connection, "SELECT max(seq) AS seq FROM entry WHERE kiosk = :kiosk", kiosk=kiosk)
    return found.seq or 0


def entries_of_boot(connection: sa.Connection, kiosk: bytes, boot: bytes) -> list[Attested]:
    """Return the arrived entries of one boot of a kiosk, by number."""
    return [
        one.attested
        for one in all_entries(connection, kiosk)
        if one.attested.entry is not None and one.attested.entry.stamp.boot == boot
    ]
