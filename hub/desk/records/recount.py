"""A kiosk's figures counted again from everything it has signed: the tables say what became of an entry, only the entry
says what the kiosk wrote. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.check import read_arrived
from hub.store.database import row, rows
from sync.entry import DayEnd, Entry, Grant, Void

Pair = tuple[int, int]
NOTHING: Pair = (0, 0)
_PAGE = 5_000


class Recount(NamedTuple):
    """A kiosk's grants counted from its own entries, beside what the tables say.

    `replaced` are the points by which replacements let its grants count for more or less than was signed. `day_end` is
    the newest totals the kiosk has signed itself: (grants, points, number of that entry), None without one;
    `at_day_end` are the grants and points arrived up to there.
    """

    entries: int
    unread: int
    grants: Pair
    replaced: int
    tables: Pair
    voids: int
    day_end: tuple[int, int, int] | None
    at_day_end: Pair

    @property
    def agrees(self) -> bool:
        """Tell whether tables, entries and the kiosk's own totals say the same. What cannot be read here may be a grant
        or not.
        """
        own = self.day_end is None or self.day_end[:2] == self.at_day_end
        is_same = self.tables[1] == self.grants[1] + self.replaced
        return is_same and 0 <= self.tables[0] - self.grants[0] <= self.unread and own


def recount(connection: sa.Connection, kiosk: bytes) -> Recount:
    """Count a kiosk's grants again, from every entry it has sent."""
    entries = unread = voids = replaced = 0
    grants = at_day_end = NOTHING
    day_end: tuple[int, int, int] | None = None
    for seq, entry, counts_for in _entries(connection, kiosk):
        entries += 1
        body = entry.body if entry is not None else None
        unread += entry is None
        if isinstance(body, Grant):
            grants = (grants[0] + 1, grants[1] + body.points)
            replaced += 0 if counts_for is None else counts_for - body.points
        elif isinstance(body, Void):
            voids += 1
        elif isinstance(body, DayEnd):
            day_end, at_day_end = (body.grants, body.points, seq), grants
    counted = row(
        connection,
        """
        SELECT coalesce(sum(grants), 0) AS grants, coalesce(sum(points), 0) AS points FROM kiosk_count
        WHERE kiosk = :kiosk
        """,
        kiosk=kiosk,
    )
    tables = (int(counted.grants), int(counted.points))
    return Recount(entries, unread, grants, replaced, tables, voids, day_end, at_day_end)


def _entries(connection: sa.Connection, kiosk: bytes) -> Iterator[tuple[int, Entry | None, int | None]]:
    """Read a kiosk's entries page by page, so that a year of them need not lie in memory: number, content, and the
    points it counts for where that is said elsewhere than in the entry.
    """
    seq, last_hash = 0, b""
    while True:
        page = rows(
            connection,
            """
            SELECT e.seq, e.hash, e.encoded, p.points FROM entry e
            LEFT JOIN placed p ON p.kiosk = e.kiosk AND p.seq = e.seq AND p.hash = e.hash
            WHERE e.kiosk = :kiosk AND (e.seq > :seq OR (e.seq = :seq AND e.hash > :hash))
            ORDER BY e.seq, e.hash LIMIT :page
            """,
            kiosk=kiosk,
            seq=seq,
            hash=last_hash,
            page=_PAGE,
        )
        for one in page:
            yield one.seq, read_arrived(bytes(one.encoded))[1], one.points
        if len(page) < _PAGE:
            return
        seq, last_hash = page[-1].seq, bytes(page[-1].hash)
