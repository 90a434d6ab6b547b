"""Keeps what the ledger is expected to hold, between the reading of the kiosks and the reading of the ledger: a private
database of this run's own, so that memory stays small and the ledger can be read beside it in its own order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import NamedTuple

ELIGIBLE, HELD, DISMISSED = "eligible", "held", "dismissed"

Key = tuple[int, int, int, int, int]
"""What may be earned once: event, bucket, member, activity, occasion."""

NO_KEY: Key = (0, 0, 0, 0, 0)
"""Where entries lie that are no grant, or are not understood."""

Identity = tuple[bytes, int, bytes]
"""Kiosk, number and hash: what names an entry for ever."""


class Expected(NamedTuple):
    """What is expected of one arrived entry that is a grant, or is not understood, or a void or sample that is held.

    `is_natural`: it lies where the signed grant and its manifest put it.
    """

    event: int
    bucket: int
    member: int
    activity: int
    occasion: int
    kiosk: bytes
    seq: int
    hash: bytes
    points: int
    allotment: int
    occurred_ms: int
    occurred_from: int
    verdict: str
    reasons: int
    boot: bytes
    arrived_ms: int
    is_counted: bool
    is_natural: bool

    @property
    def key(self) -> Key:
        """Return the repeat key."""
        return self[:5]

    @property
    def identity(self) -> Identity:
        """Return what names the entry for ever."""
        return self[5:8]

    @property
    def row_verdict(self) -> str:
        """Return the verdict of its row, where it does not win its key."""
        return "duplicate" if self.verdict == ELIGIBLE else self.verdict

    @property
    def row_reasons(self) -> int:
        """Return the reasons in its row, where it does not win its key."""
        return 0 if self.verdict == ELIGIBLE else self.reasons


_IN_ORDER = "event, bucket, member, activity, occasion, kiosk, seq, hash"


class Scratch:
    """The private database; SQLite keeps it in memory and moves it to a temporary file when it grows."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._has_index = False
        database.execute(f"CREATE TABLE expected ({', '.join(Expected._fields)})")
        database.execute("CREATE TABLE flag (kiosk, seq, hash, flag)")

    def add(self, expected: Iterable[Expected]) -> None:
        """Keep what is expected of a kiosk's entries."""
        marks = ", ".join("?" * len(Expected._fields))
        self._database.executemany(f"INSERT INTO expected VALUES ({marks})", expected)  # noqa: S608  # question marks

    def add_flags(self, flags: Iterable[tuple[bytes, int, bytes, str]]) -> None:
        """Keep which flags are expected: (kiosk, number, hash, flag)."""
        self._database.executemany("INSERT INTO flag VALUES (?, ?, ?, ?)", flags)

    def flags_in_order(self) -> Iterator[tuple[bytes, int, bytes, str]]:
        """Yield the flags in the order of their table."""
        yield from self._database.execute("SELECT * FROM flag ORDER BY kiosk, seq, hash, flag")

    def in_key_order(self) -> Iterator[Expected]:
        """Yield everything in the order of the ledger's tables."""
        found = self._database.execute(f"SELECT * FROM expected ORDER BY {_IN_ORDER}")  # noqa: S608  # our own words
        yield from map(Expected._make, found)

    def on_keys(self, keys: Iterable[Key]) -> Iterator[Expected]:
        """Yield what is expected on some keys, in the order of the ledger's tables."""
        self._database.execute("CREATE INDEX IF NOT EXISTS by_key ON expected (member, event, activity, occasion)")
        text = f"""
            SELECT * FROM expected WHERE event = ? AND bucket = ? AND member = ? AND activity = ? AND occasion = ?
            ORDER BY {_IN_ORDER}
        """  # noqa: S608  # our own words
        for key in sorted(keys):
            yield from map(Expected._make, self._database.execute(text, key))

    def of_kiosk(self, kiosk: bytes) -> Iterator[Expected]:
        """Yield what is expected of one kiosk's entries."""
        found = self._database.execute("SELECT * FROM expected WHERE kiosk = ?", (kiosk,))
        yield from map(Expected._make, found)

    def elsewhere(self, identity: Identity) -> Expected | None:
        """Return what is expected of an entry, whatever its key: it may have lain on another."""
        if not self._has_index:
            self._database.execute("CREATE INDEX by_entry ON expected (kiosk, seq, hash)")
            self._has_index = True
        found = self._database.execute(
            "SELECT * FROM expected WHERE kiosk = ? AND seq = ? AND hash = ?", identity
        ).fetchone()
        return None if found is None else Expected._make(found)


@contextmanager
def scratch() -> Iterator[Scratch]:
    """Open a private database that is gone afterwards."""
    database = sqlite3.connect("")
    try:
        yield Scratch(database)
    finally:
        database.close()


def winner_of(expected: Iterable[Expected]) -> Expected | None:
    """Return the grant that is to stand posted on a key: most points, then the lowest kiosk, number and hash."""
    claims = [one for one in expected if one.verdict == ELIGIBLE]
    if len(claims) < 2:  # noqa: PLR2004  # nothing to choose
        return claims[0] if claims else None
    return min(claims, key=lambda one: (-one.points, *_by_identity(one)))


_by_identity = attrgetter("kiosk", "seq", "hash")
