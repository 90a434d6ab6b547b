"""What waits for a person's decision: by kiosk and first reason, and one by one. Reads only."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import sqlalchemy as sa

from hub.desk.base.slots import with_slot
from hub.intake.check import read_arrived
from hub.intake.reasons import Reason, first_of
from hub.store.database import row, rows
from sync.entry import Entry, Grant

BY_BOOT = Reason.DAY | Reason.VOID_DAY
"""One answer settles all of a boot, so that each boot is a case of its own."""


class HeldGroup(NamedTuple):
    """What one kiosk has that is held for one reason before others. `boot` is b"" but for what is settled by boot;
    `others` are the reasons that some of it has beside.
    """

    kiosk: bytes
    kiosk_name: str
    reason: Reason
    boot: bytes
    entries: int
    points: int
    since_ms: int
    others: int


class HeldEntry(NamedTuple):
    """A held entry as a person judges it. `reasons` are all it has."""

    seq: int
    hash: bytes
    reasons: int
    entry: Entry | None
    occurred_ms: int
    occurred_from: int
    arrived_ms: int
    event_name: str
    activity_name: str
    flags: tuple[str, ...]

    @property
    def grant(self) -> Grant | None:
        """Return the grant it is, or None."""
        return self.entry.body if self.entry is not None and isinstance(self.entry.body, Grant) else None


class Extent(NamedTuple):
    """How much a group holds, and all reasons in it."""

    entries: int
    points: int
    reasons: int


class Group(NamedTuple):
    """Which group is meant: the kiosk's, for one reason before others, of one boot where that matters (b"": of all)."""

    kiosk: bytes
    reason: Reason
    boot: bytes = b""

    def parameters(self) -> dict[str, object]:
        """Return what the statements about one group ask for."""
        return {"kiosk": self.kiosk, "reason": int(self.reason), "boot": self.boot, "any_boot": int(not self.boot)}


def held_groups(connection: sa.Connection, kiosk: bytes | None = None) -> list[HeldGroup]:
    """Return what is held, one group for each kiosk, first reason and, where it matters, boot; the oldest first."""
    text = _GROUPS.format("" if kiosk is None else "AND a.kiosk = :kiosk")
    only = {} if kiosk is None else {"kiosk": kiosk}
    groups: dict[tuple[bytes, Reason, bytes], HeldGroup] = {}
    for one in rows(connection, text, by_boot=int(BY_BOOT), nothing=b"", **only):
        first = first_of(one.reasons)
        boot = bytes(one.boot) if first & BY_BOOT else b""
        key = (bytes(one.kiosk), first, boot)
        before = groups.get(key) or HeldGroup(key[0], one.name, first, boot, 0, 0, one.since_ms, 0)
        groups[key] = before._replace(
            entries=before.entries + one.entries,
            points=before.points + int(one.points),
            since_ms=min(before.since_ms, one.since_ms),
            others=before.others | one.reasons & ~int(first),
        )
    return sorted(groups.values(), key=lambda one: (one.since_ms, one.kiosk, one.reason, one.boot))


def extent(connection: sa.Connection, group: Group) -> Extent:
    """Return how many entries a group holds, their points, and all reasons that they have."""
    found = rows(
        connection,
        _EXTENT,
        **group.parameters(),
    )
    reasons = 0
    for one in found:
        reasons |= one.reasons
    return Extent(sum(one.entries for one in found), sum(int(one.points) for one in found), reasons)


class Shown(NamedTuple):
    """Everything in a group: numbers and hashes, and a mark of these and of what each gives, to tell whether a group is
    still what somebody has seen.
    """

    names: tuple[tuple[int, bytes], ...]
    mark: str


def shown(connection: sa.Connection, group: Group) -> Shown:
    """Return everything in a group."""
    found = rows(connection, _NAMES, **group.parameters())
    mark = hashlib.sha256()
    for one in found:
        gives = (one.event, one.member, one.activity, one.occasion, one.points)
        mark.update(f"{one.seq} {bytes(one.hash).hex()} {gives}\n".encode("ascii"))
    return Shown(tuple((one.seq, bytes(one.hash)) for one in found), mark.hexdigest()[:32])


def still_held(connection: sa.Connection, kiosk: bytes) -> set[bytes]:
    """Return the hashes of everything of a kiosk that is held, for whatever reason."""
    text = "SELECT hash FROM aside WHERE kiosk = :kiosk AND verdict = 'held'"
    return {bytes(one.hash) for one in rows(connection, text, kiosk=kiosk)}


def held_entries(connection: sa.Connection, group: Group, limit: int, offset: int = 0) -> list[HeldEntry]:
    """Return what is in a group, in the order in which it was signed."""
    found = rows(connection, _ENTRIES, limit=limit, offset=offset, **group.parameters())
    numbers = [one.seq for one in found] or [0]
    flags = _flags(connection, group.kiosk, min(numbers), max(numbers))
    return [
        HeldEntry(
            one.seq,
            bytes(one.hash),
            one.reasons,
            read_arrived(bytes(one.encoded))[1],
            one.occurred_ms,
            one.occurred_from,
            one.arrived_ms,
            one.event_name or "",
            with_slot(one.activity_name, one.slots, one.occasion),
            flags.get(bytes(one.hash), ()),
        )
        for one in found
    ]


def unknown_members(connection: sa.Connection, first: int, limit: int) -> list[tuple[int, int, int]]:
    """Return (number, grants, points) of the numbers, from one on, that have grants held because nobody knows them."""
    found = rows(
        connection,
        """
        SELECT member, count(*) AS grants, sum(points) AS points FROM aside
        WHERE verdict = 'held' AND reasons & :unknown <> 0 AND member >= :first
        GROUP BY member ORDER BY member LIMIT :limit
        """,
        unknown=int(Reason.MEMBER_UNKNOWN),
        first=first,
        limit=limit,
    )
    return [(one.member, one.grants, int(one.points)) for one in found]


def unknown_count(connection: sa.Connection) -> int:
    """Return how many such numbers there are."""
    text = "SELECT count(DISTINCT member) AS members FROM aside WHERE verdict = 'held' AND reasons & :unknown <> 0"
    return int(row(connection, text, unknown=int(Reason.MEMBER_UNKNOWN)).members)


def _flags(connection: sa.Connection, kiosk: bytes, first_seq: int, last_seq: int) -> dict[bytes, tuple[str, ...]]:
    flags: dict[bytes, tuple[str, ...]] = {}
    text = """
        SELECT hash, flag FROM flag WHERE kiosk = :kiosk AND seq BETWEEN :first_seq AND :last_seq
        ORDER BY seq, hash, flag
    """
    for one in rows(connection, text, kiosk=kiosk, first_seq=first_seq, last_seq=last_seq):
        flags[bytes(one.hash)] = (*flags.get(bytes(one.hash), ()), one.flag)
    return flags


# The lowest bit of the sum is the first reason.
_IN_GROUP = """
    a.kiosk = :kiosk AND a.verdict = 'held' AND (a.reasons & -a.reasons) = :reason
     AND (:any_boot = 1 OR a.boot = :boot)
"""

_EXTENT = (
    "SELECT reasons, count(*) AS entries, sum(points) AS points FROM aside a WHERE"  # noqa: S608  # own words only
    + _IN_GROUP
    + "GROUP BY reasons"
)

_NAMES = (
    "SELECT a.seq, a.hash, a.event, a.member, a.activity, a.occasion, a.points FROM aside a WHERE"  # noqa: S608  # as above
    + _IN_GROUP
    + "ORDER BY a.seq, a.hash"
)

_GROUPS = """
    SELECT h.kiosk, n.name, h.reasons, h.boot, count(*) AS entries, sum(h.points) AS points,
           min(h.since_ms) AS since_ms
    FROM (SELECT a.kiosk, a.reasons, a.points, a.since_ms,
                 CASE WHEN a.reasons & :by_boot <> 0 THEN a.boot ELSE :nothing END AS boot
          FROM aside a WHERE a.verdict = 'held' {}) h
    JOIN kiosk_name n ON n.kiosk = h.kiosk
     AND n.version = (SELECT max(version) FROM kiosk_name newest WHERE newest.kiosk = h.kiosk)
    GROUP BY h.kiosk, n.name, h.reasons, h.boot
"""

_ENTRIES = (
    """
    SELECT a.seq, a.hash, a.occasion, a.reasons, a.occurred_ms, a.occurred_from, e.arrived_ms, e.encoded,
           v.name AS event_name, y.name AS activity_name, y.slots
    FROM aside a JOIN entry e ON e.kiosk = a.kiosk AND e.seq = a.seq AND e.hash = a.hash
    LEFT JOIN event v ON v.event = a.event
     AND v.version = (SELECT max(version) FROM event newest WHERE newest.event = a.event)
    LEFT JOIN activity y ON y.event = v.event AND y.version = v.version AND y.activity = a.activity
    WHERE"""  # noqa: S608  # as above
    + _IN_GROUP
    + "ORDER BY a.seq, a.hash LIMIT :limit OFFSET :offset"
)
