"""One record of a kiosk told as a person asks about it: what it says, what became of it and why, and who decided so.
Also the lists that lead there. Reads only.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.desk.base.slots import with_slot
from hub.intake.check import read_arrived
from hub.intake.intervals import Source
from hub.store.database import row, rows
from sync.entry import Entry, Grant, Void
from sync.member import bucket_of


class Decision(NamedTuple):
    """What a person has decided on a record: `kind` is release, dismiss or reopen."""

    kind: str
    reason: str
    done_by: str
    done_ms: int
    act: bytes
    version: int


class RecordLine(NamedTuple):
    """A record in a list. `became` is posted, duplicate, held, dismissed or noted; `reasons` are the hub's, 0 for
    none.
    """

    seq: int
    hash: bytes
    entry: Entry | None
    arrived_ms: int
    became: str
    reasons: int
    decision: Decision | None

    @property
    def grant(self) -> Grant | None:
        """Return the grant it is, or None."""
        return self.entry.body if self.entry is not None and isinstance(self.entry.body, Grant) else None


class Place(NamedTuple):
    """Where a grant lies in the books: its key, and the points it is worth there."""

    event: int
    member: int
    activity: int
    occasion: int
    points: int

    def key(self) -> dict[str, int]:
        """Return the repeat key as the statements ask for it."""
        return {
            "event": self.event,
            "bucket": bucket_of(self.member) if self.member else 0,
            "member": self.member,
            "activity": self.activity,
            "occasion": self.occasion,
        }


class Standing(NamedTuple):
    """The record that stands posted where another one repeats it."""

    kiosk: bytes
    kiosk_name: str
    seq: int
    hash: bytes


class Story(NamedTuple):
    """A record with all that is known of it. `is_moved` tells that it counts for something else than was signed;
    `voided_by` is what the booth wrote when it took the grant back.
    """

    line: RecordLine
    occurred_ms: int
    occurred_from: Source
    place: Place | None
    is_moved: bool
    event_name: str
    activity_name: str
    flags: tuple[str, ...]
    stands: Standing | None
    voided_by: Void | None


_WHAT_BECAME = """
    SELECT e.seq, e.hash, e.encoded, e.arrived_ms, a.verdict, a.reasons,
           d.kind, d.act, d.version, c.reason, c.done_by, c.done_ms
    FROM entry e
    LEFT JOIN aside a ON a.kiosk = e.kiosk AND a.seq = e.seq AND a.hash = e.hash
    LEFT JOIN decision d ON d.kiosk = e.kiosk AND d.seq = e.seq AND d.hash = e.hash
     AND d.version = (SELECT max(version) FROM decision n WHERE n.kiosk = e.kiosk AND n.seq = e.seq AND n.hash = e.hash)
    LEFT JOIN act c ON c.act = d.act
"""


def records(connection: sa.Connection, kiosk: bytes, first_seq: int, limit: int) -> list[RecordLine]:
    """Return a kiosk's records from a number on, with what became of each. A copied kiosk has a number twice."""
    found = rows(
        connection,
        _WHAT_BECAME + "WHERE e.kiosk = :kiosk AND e.seq >= :first_seq ORDER BY e.seq, e.hash LIMIT :limit",
        kiosk=kiosk,
        first_seq=first_seq,
        limit=limit,
    )
    return [_line(one) for one in found]


def records_that(connection: sa.Connection, kiosk: bytes, became: str, first_seq: int, limit: int) -> list[RecordLine]:
    """Return those of a kiosk's records, from a number on, that are duplicate, held or dismissed."""
    found = rows(
        connection,
        _WHAT_BECAME
        + """
        WHERE e.kiosk = :kiosk AND a.kiosk = :kiosk AND a.seq >= :first_seq AND a.verdict = :became
        ORDER BY e.seq, e.hash LIMIT :limit
        """,
        kiosk=kiosk,
        became=became,
        first_seq=first_seq,
        limit=limit,
    )
    return [_line(one) for one in found]


def story_of(connection: sa.Connection, kiosk: bytes, seq: int, entry_hash: bytes) -> Story | None:
    """Return one record's story."""
    name: dict[str, object] = {"kiosk": kiosk, "seq": seq, "hash": entry_hash}
    found = row(connection, _WHAT_BECAME + "WHERE e.kiosk = :kiosk AND e.seq = :seq AND e.hash = :hash", **name)
    if found is None:
        return None
    line = _line(found)
    place, is_moved = _place(connection, name, line)
    event_name, activity_name = _names(connection, place) if place else ("", "")
    text = "SELECT flag FROM flag WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash ORDER BY flag"
    flags = tuple(one.flag for one in rows(connection, text, **name))
    return Story(
        line,
        *_occurred(connection, name, line, place),
        place,
        is_moved,
        event_name,
        activity_name,
        flags,
        _standing(connection, place) if place and line.became == "duplicate" else None,
        _void_of(connection, kiosk, seq) if line.became == "dismissed" and line.grant else None,
    )


def _line(found: sa.Row[tuple[object, ...]]) -> RecordLine:
    _, entry, _ = read_arrived(bytes(found.encoded))
    is_grant = entry is not None and isinstance(entry.body, Grant)
    became = found.verdict or ("posted" if is_grant else "noted")
    decision = None
    if found.kind is not None:
        decision = Decision(found.kind, found.reason, found.done_by, found.done_ms, bytes(found.act), found.version)
    return RecordLine(found.seq, bytes(found.hash), entry, found.arrived_ms, became, found.reasons or 0, decision)


def _place(connection: sa.Connection, name: dict[str, object], line: RecordLine) -> tuple[Place | None, bool]:
    """Return where a grant lies in the books, and whether that is elsewhere than it was signed for."""
    if line.grant is None:
        return None, False
    grant = line.grant
    signed = Place(grant.event, grant.member, grant.activity, grant.occasion, grant.points)
    text = """
        SELECT event, member, activity, occasion, points FROM placed
        WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash
    """
    found = row(connection, text, **name)
    if found is None:
        return signed, False
    lies = Place(found.event, found.member, found.activity, found.occasion, found.points)
    return lies, lies != signed


def _names(connection: sa.Connection, place: Place) -> tuple[str, str]:
    """Return the names of a grant's event and activity as they are now; "" for what the hub does not know."""
    found = row(
        connection,
        """
        SELECT v.name AS event_name, y.name AS activity_name, y.slots
        FROM event v LEFT JOIN activity y ON y.event = v.event AND y.version = v.version AND y.activity = :activity
        WHERE v.event = :event ORDER BY v.version DESC LIMIT 1
        """,
        event=place.event,
        activity=place.activity,
    )
    if found is None:
        return "", ""
    return found.event_name, with_slot(found.activity_name, found.slots, place.occasion)


def _occurred(
    connection: sa.Connection, name: dict[str, object], line: RecordLine, place: Place | None
) -> tuple[int, Source]:
    """Return when the hub takes a record to have been written, and by what; as the books say where it is a grant."""
    text = "SELECT occurred_ms, occurred_from FROM aside WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash"
    found = row(connection, text, **name)
    if found is None and place is not None:
        text = """
            SELECT occurred_ms, occurred_from FROM transfer
            WHERE event = :event AND bucket = :bucket AND member = :member AND activity = :activity
              AND occasion = :occasion AND kiosk = :kiosk AND seq = :seq AND hash = :hash AND points > 0
            ORDER BY turn DESC LIMIT 1
        """
        found = row(connection, text, **name, **place.key())
    if found is not None:
        return int(found.occurred_ms), Source(found.occurred_from)
    if line.entry is not None:
        return line.entry.stamp.wall_ms, Source.WALL
    return line.arrived_ms, Source.ARRIVAL


def _standing(connection: sa.Connection, place: Place) -> Standing | None:
    """Return the record that stands posted on a grant's key."""
    found = row(
        connection,
        """
        SELECT t.kiosk, n.name, t.seq, t.hash, t.points FROM transfer t
        LEFT JOIN kiosk_name n ON n.kiosk = t.kiosk
         AND n.version = (SELECT max(version) FROM kiosk_name newest WHERE newest.kiosk = t.kiosk)
        WHERE t.event = :event AND t.bucket = :bucket AND t.member = :member AND t.activity = :activity
          AND t.occasion = :occasion
        ORDER BY t.turn DESC LIMIT 1
        """,
        **place.key(),
    )
    if found is None or found.points < 0:
        return None
    return Standing(bytes(found.kiosk), found.name or "", found.seq, bytes(found.hash))


def _void_of(connection: sa.Connection, kiosk: bytes, seq: int) -> Void | None:
    """Return what a booth wrote when it took back the grant with this number; voids are among its landmarks."""
    found = rows(
        connection,
        """
        SELECT e.encoded FROM landmark l JOIN entry e ON e.kiosk = l.kiosk AND e.seq = l.seq AND e.hash = l.hash
        WHERE l.kiosk = :kiosk AND l.seq > :seq ORDER BY l.seq, l.hash
        """,
        kiosk=kiosk,
        seq=seq,
    )
    for one in found:
        _, entry, _ = read_arrived(bytes(one.encoded))
        if entry is not None and isinstance(entry.body, Void) and entry.body.seq == seq:
            return entry.body
    return None
