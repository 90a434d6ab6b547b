"""Keeps what the ledger is expected to hold, between the reading of the kiosks and the reading of the ledger: a private
database of this run's own, so that memory stays small and the ledger can be read beside it in its own order.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from hub.audit.standings import Standing
from sync.member import bucket_of

Key = tuple[int, int, int, int, int]
"""What may be earned once: event, bucket, member, activity, occasion."""

NO_KEY: Key = (0, 0, 0, 0, 0)
"""Where entries lie that are no grant, or are not understood."""

Identity = tuple[bytes, int, bytes]
"""Kiosk, number and hash: what names an entry for ever."""


class Expected(NamedTuple):
    """A standing on its way to the ledger."""

    key: Key
    kiosk: bytes
    seq: int
    hash: bytes
    points: int
    verdict: str
    reason: str
    arrived_ms: int
    moments: list[int]
    allotments: list[int]
    from_share: int | None
    is_counted: bool

    @property
    def identity(self) -> Identity:
        """Return what names the entry for ever."""
        return (self.kiosk, self.seq, self.hash)


class Scratch:
    """The private database; SQLite keeps it in memory and moves it to a temporary file when it grows."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.execute(
            """
            CREATE TABLE expected (event, bucket, member, activity, occasion, kiosk, seq, hash, points, verdict, reason,
                                   arrived_ms, moments, allotments, from_share, is_counted)
            """
        )

    def add(self, kiosk: bytes, standings: Iterable[Standing]) -> None:
        """Keep the standings of a kiosk."""
        self._database.executemany(
            "INSERT INTO expected VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    *key_of(one),
                    kiosk,
                    one.seq,
                    one.hash,
                    one.grant.points if one.grant else 0,
                    one.verdict,
                    one.reason,
                    one.arrived_ms,
                    json.dumps(sorted(one.moments)),
                    json.dumps(sorted(one.allotments)),
                    one.from_share,
                    one.is_counted,
                )
                for one in standings
            ),
        )

    def in_key_order(self) -> Iterator[Expected]:
        """Yield everything in the order of the ledger's tables."""
        found = self._database.execute(
            "SELECT * FROM expected ORDER BY event, bucket, member, activity, occasion, kiosk, seq, hash"
        )
        for one in found:
            moments, allotments, from_share, is_counted = one[12:]
            yield Expected._make(
                (one[:5], *one[5:12], json.loads(moments), json.loads(allotments), from_share, bool(is_counted))
            )


@contextmanager
def scratch() -> Iterator[Scratch]:
    """Open a private database that is gone afterwards."""
    database = sqlite3.connect("")
    try:
        yield Scratch(database)
    finally:
        database.close()


def key_of(standing: Standing) -> Key:
    """Return the key under which an entry stands in the ledger."""
    grant = standing.grant
    if grant is None:
        return NO_KEY
    return (grant.event, bucket_of(grant.member), grant.member, grant.activity, grant.occasion)
