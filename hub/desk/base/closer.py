"""A closer look at the entries themselves: what is held, one by one, and a kiosk's figures counted again from what it
has signed.

The tables say what became of an entry; only the entry says what the kiosk wrote. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from hub.desk.base.overview import NOTHING, Pair
from hub.intake.check import understand
from hub.intake.facts import shares_in_force, stored_manifest
from hub.intake.judge import Fold
from hub.register.reference import load_events, lost_cards
from hub.service import Hub, instances
from hub.store.database import row, rows
from sync.entry import DayEnd, Entry, Grant, Void
from sync.envelope import ENTRY, take_apart
from sync.keys import Instance
from sync.manifest import Manifest, Share

_PAGE = 5_000


class HeldEntry(NamedTuple):
    """A held entry as a person judges it. `grant` is None where it is none, or cannot be read here."""

    seq: int
    hash: bytes
    grant: Grant | None
    occurred_ms: int
    arrived_ms: int
    event_name: str
    activity_name: str
    flags: tuple[str, ...]


class Recount(NamedTuple):
    """A kiosk's grants counted from its own entries, beside what the tables say.

    `day_end` is the newest totals the kiosk has signed itself: (grants, points, number of that entry), None without
    one; `at_day_end` are the grants and points arrived up to there.
    """

    entries: int
    unread: int
    grants: Pair
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
        return self.tables[1] == self.grants[1] and 0 <= self.tables[0] - self.grants[0] <= self.unread and own


class CarriedShare(NamedTuple):
    """A share and how much of it a kiosk's arrived grants have used."""

    share: Share
    used: int

    @property
    def used_percent(self) -> int:
        """Return how much of the total is used; more than 100 means the reserve is in use."""
        return 100 * self.used // self.share.total if self.share.total else 100


class ScarceShare(NamedTuple):
    """A share of which most is used while an event that it is for is not over."""

    kiosk: bytes
    kiosk_name: str
    total: int
    used: int


class Settings(NamedTuple):
    """What was last signed for a kiosk, and what of it the kiosk has named. `is_current` is false once something has
    changed since.
    """

    manifest: Manifest | None
    taken_version: int
    is_current: bool
    shares: list[CarriedShare]


def held_entries(connection: sa.Connection, kiosk: bytes, reason: str, limit: int, offset: int = 0) -> list[HeldEntry]:
    """Return what a kiosk has that is held for `reason` (which may end with %), in the order in which it was signed."""
    found = rows(
        connection,
        """
        SELECT a.seq, a.hash, a.occurred_ms, e.arrived_ms, e.encoded, v.name AS event_name, y.name AS activity_name
        FROM aside a JOIN entry e ON e.kiosk = a.kiosk AND e.seq = a.seq AND e.hash = a.hash
        LEFT JOIN event v ON v.event = a.event
         AND v.version = (SELECT max(version) FROM event newest WHERE newest.event = a.event)
        LEFT JOIN activity y ON y.event = v.event AND y.version = v.version AND y.activity = a.activity
        WHERE a.kiosk = :kiosk AND a.verdict = 'held' AND a.reason LIKE :reason
        ORDER BY a.seq, a.hash LIMIT :limit OFFSET :offset
        """,
        kiosk=kiosk,
        reason=reason,
        limit=limit,
        offset=offset,
    )
    flags = _flags(connection, kiosk)
    return [
        HeldEntry(
            one.seq,
            bytes(one.hash),
            _grant_in(bytes(one.encoded)),
            one.occurred_ms,
            one.arrived_ms,
            one.event_name or "",
            one.activity_name or "",
            flags.get(bytes(one.hash), ()),
        )
        for one in found
    ]


def held_hashes(connection: sa.Connection, kiosk: bytes, reason: str) -> list[bytes]:
    """Return the hashes of everything a kiosk has that is held for `reason` (which may end with %)."""
    found = rows(
        connection,
        "SELECT hash FROM aside WHERE kiosk = :kiosk AND verdict = 'held' AND reason LIKE :reason ORDER BY seq, hash",
        kiosk=kiosk,
        reason=reason,
    )
    return [bytes(one.hash) for one in found]


def number_of(connection: sa.Connection, kiosk: bytes, entry_hash: bytes) -> int:
    """Return the number of a record that was decided."""
    text = "SELECT seq FROM decision WHERE kiosk = :kiosk AND hash = :hash"
    return int(row(connection, text, kiosk=kiosk, hash=entry_hash).seq)


def held_points(connection: sa.Connection, kiosk: bytes, reason: str) -> Pair:
    """Return how many entries of a kiosk are held for `reason` (which may end with %), and their points."""
    found = row(
        connection,
        """
        SELECT count(*) AS entries, coalesce(sum(points), 0) AS points FROM aside
        WHERE kiosk = :kiosk AND verdict = 'held' AND reason LIKE :reason
        """,
        kiosk=kiosk,
        reason=reason,
    )
    return found.entries, int(found.points)


def unknown_members(connection: sa.Connection) -> list[tuple[int, int, int]]:
    """Return (number, grants, points) of every number that has grants held because nobody knows it."""
    found = rows(
        connection,
        """
        SELECT member, count(*) AS grants, sum(points) AS points FROM aside
        WHERE verdict = 'held' AND reason = 'member unknown' GROUP BY member ORDER BY member
        """,
    )
    return [(one.member, one.grants, int(one.points)) for one in found]


def recount(connection: sa.Connection, kiosk: bytes) -> Recount:
    """Count a kiosk's grants again, from every entry it has sent."""
    entries = unread = voids = 0
    grants = at_day_end = NOTHING
    day_end: tuple[int, int, int] | None = None
    for seq, entry in _entries(connection, kiosk):
        entries += 1
        body = entry.body if entry is not None else None
        unread += entry is None
        if isinstance(body, Grant):
            grants = (grants[0] + 1, grants[1] + body.points)
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
    return Recount(entries, unread, grants, (int(counted.grants), int(counted.points)), voids, day_end, at_day_end)


def settings_of(hub: Hub, connection: sa.Connection, kiosk: bytes) -> Settings:
    """Return a kiosk's settings and shares."""
    manifest = _newest_manifest(hub, connection, kiosk)
    progress = row(connection, "SELECT fold FROM kiosk_progress WHERE kiosk = :kiosk", kiosk=kiosk)
    fold = Fold.unpack(bytes(progress.fold)) if progress else Fold()
    is_named = fold.manifest is not None and manifest is not None and fold.manifest[0] == manifest.instance
    shares = [
        CarriedShare(Share(allotment, total, reserve), fold.used.get(allotment, 0))
        for allotment, (total, reserve) in sorted(shares_in_force(connection, kiosk).items())
    ]
    taken_version = fold.manifest[1] if fold.manifest is not None and is_named else 0
    return Settings(manifest, taken_version, _is_current(connection, kiosk, manifest, _present(connection)), shares)


def outdated_kiosks(hub: Hub, connection: sa.Connection) -> list[tuple[bytes, str]]:
    """Return (identity, name) of the kiosks in use whose settings no longer say what the registers say."""
    found = rows(
        connection,
        """
        SELECT kiosk, name FROM kiosk WHERE kiosk NOT IN (SELECT kiosk FROM fence) ORDER BY name, kiosk
        """,
    )
    kiosks = [(bytes(one.kiosk), one.name) for one in found]
    present = _present(connection)
    return [
        one for one in kiosks if not _is_current(connection, one[0], _newest_manifest(hub, connection, one[0]), present)
    ]


SCARCE_PERCENT = 80
"""From here on a share is said to run short, at the desk as on the kiosk."""


def scarce_shares(connection: sa.Connection, now_ms: int) -> list[ScarceShare]:
    """Return the shares that run short, of kiosks in use with an event that is going on or still to come."""
    found = rows(
        connection,
        """
        SELECT DISTINCT k.kiosk, k.name, v.allotment, p.fold
        FROM kiosk k JOIN kiosk_progress p ON p.kiosk = k.kiosk JOIN assignment a ON a.kiosk = k.kiosk
        JOIN event v ON v.event = a.event
         AND v.version = (SELECT max(version) FROM event newest WHERE newest.event = v.event)
        WHERE v.ends_ms >= :now_ms AND k.kiosk NOT IN (SELECT kiosk FROM fence) ORDER BY k.name, k.kiosk, v.allotment
        """,
        now_ms=now_ms,
    )
    scarce = []
    for one in found:
        used = Fold.unpack(bytes(one.fold)).used.get(one.allotment, 0)
        total, _ = shares_in_force(connection, bytes(one.kiosk)).get(one.allotment, (0, 0))
        if total and 100 * used >= SCARCE_PERCENT * total:
            scarce.append(ScarceShare(bytes(one.kiosk), one.name, total, used))
    return scarce


class _Present(NamedTuple):
    """What every manifest signed now would say."""

    instance: Instance
    lost_cards: tuple[tuple[int, int], ...]


def _present(connection: sa.Connection) -> _Present:
    return _Present(instances(connection)[-1], lost_cards(connection))


def _is_current(connection: sa.Connection, kiosk: bytes, manifest: Manifest | None, present: _Present) -> bool:
    return (
        manifest is not None
        and (manifest.instance, manifest.lost_cards) == present
        and manifest.events == load_events(connection, kiosk)
    )


def _newest_manifest(hub: Hub, connection: sa.Connection, kiosk: bytes) -> Manifest | None:
    found = row(
        connection,
        "SELECT encoded FROM manifest WHERE kiosk = :kiosk ORDER BY instance_ms DESC, version DESC LIMIT 1",
        kiosk=kiosk,
    )
    return None if found is None else stored_manifest(hub, bytes(found.encoded))


def _flags(connection: sa.Connection, kiosk: bytes) -> dict[bytes, tuple[str, ...]]:
    flags: dict[bytes, tuple[str, ...]] = {}
    for one in rows(
        connection, "SELECT hash, flag FROM flag WHERE kiosk = :kiosk ORDER BY seq, hash, flag", kiosk=kiosk
    ):
        flags[bytes(one.hash)] = (*flags.get(bytes(one.hash), ()), one.flag)
    return flags


def _entries(connection: sa.Connection, kiosk: bytes) -> Iterator[tuple[int, Entry | None]]:
    """Read a kiosk's entries page by page, so that a year of them need not lie in memory."""
    seq, last_hash = 0, b""
    while True:
        page = rows(
            connection,
            """
            SELECT seq, hash, encoded FROM entry
            WHERE kiosk = :kiosk AND (seq > :seq OR (seq = :seq AND hash > :hash)) ORDER BY seq, hash LIMIT :page
            """,
            kiosk=kiosk,
            seq=seq,
            hash=last_hash,
            page=_PAGE,
        )
        for one in page:
            yield one.seq, understand(take_apart(ENTRY, bytes(one.encoded)).payload)[0]
        if len(page) < _PAGE:
            return
        seq, last_hash = page[-1].seq, bytes(page[-1].hash)


def _grant_in(encoded: bytes) -> Grant | None:
    entry, _ = understand(take_apart(ENTRY, encoded).payload)
    return entry.body if entry is not None and isinstance(entry.body, Grant) else None
