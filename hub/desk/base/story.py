"""One record of a kiosk told as a person asks about it: what it says, what became of it and why, and who decided so.
Also the lists that lead there. Reads only.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.check import understand
from hub.store.database import row, rows
from sync.entry import Entry, Grant, Void
from sync.envelope import ENTRY, take_apart
from sync.member import bucket_of


class Decision(NamedTuple):
    """What a person has decided on a record: `kind` is release or dismiss."""

    kind: str
    reason: str
    done_by: str
    done_ms: int


class RecordLine(NamedTuple):
    """A record in a list. `became` is posted, duplicate, held, dismissed or noted; `why` is the hub's reason, "" for
    none.
    """

    seq: int
    hash: bytes
    entry: Entry | None
    arrived_ms: int
    became: str
    why: str
    decision: Decision | None

    @property
    def grant(self) -> Grant | None:
        """Return the grant it is, or None."""
        return self.entry.body if self.entry is not None and isinstance(self.entry.body, Grant) else None


class Standing(NamedTuple):
    """The record that stands posted where another one repeats it."""

    kiosk: bytes
    kiosk_name: str
    seq: int
    hash: bytes


class Story(NamedTuple):
    """A record with all that is known of it. `voided_by` is what the booth wrote when it took the grant back."""

    line: RecordLine
    occurred_ms: int
    event_name: str
    activity_name: str
    flags: tuple[str, ...]
    stands: Standing | None
    voided_by: Void | None


_WHAT_BECAME = """
    SELECT e.seq, e.hash, e.encoded, e.arrived_ms, a.verdict, a.reason AS why,
           d.kind, c.reason, c.done_by, c.done_ms
    FROM entry e
    LEFT JOIN aside a ON a.kiosk = e.kiosk AND a.seq = e.seq AND a.hash = e.hash
    LEFT JOIN decision d ON d.kiosk = e.kiosk AND d.seq = e.seq AND d.hash = e.hash
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
    found = row(
        connection,
        _WHAT_BECAME + "WHERE e.kiosk = :kiosk AND e.seq = :seq AND e.hash = :hash",
        kiosk=kiosk,
        seq=seq,
        hash=entry_hash,
    )
    if found is None:
        return None
    line = _line(found)
    grant = line.grant
    event_name, activity_name = _names(connection, grant) if grant else ("", "")
    flags = rows(
        connection,
        "SELECT flag FROM flag WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash ORDER BY flag",
        kiosk=kiosk,
        seq=seq,
        hash=entry_hash,
    )
    return Story(
        line,
        _occurred_ms(connection, kiosk, line),
        event_name,
        activity_name,
        tuple(one.flag for one in flags),
        _standing(connection, grant) if grant and line.became == "duplicate" else None,
        _void_of(connection, kiosk, seq) if line.why == "voided" else None,
    )


def _line(found: sa.Row[tuple[object, ...]]) -> RecordLine:
    entry, _ = understand(take_apart(ENTRY, bytes(found.encoded)).payload)
    is_grant = entry is not None and isinstance(entry.body, Grant)
    became = found.verdict or ("posted" if is_grant else "noted")
    decision = None if found.kind is None else Decision(found.kind, found.reason, found.done_by, found.done_ms)
    return RecordLine(found.seq, bytes(found.hash), entry, found.arrived_ms, became, found.why or "", decision)


def _names(connection: sa.Connection, grant: Grant) -> tuple[str, str]:
    """Return the names of a grant's event and activity as they are now; "" for what the hub does not know."""
    found = row(
        connection,
        """
        SELECT v.name AS event_name, y.name AS activity_name
        FROM event v LEFT JOIN activity y ON y.event = v.event AND y.version = v.version AND y.activity = :activity
        WHERE v.event = :event ORDER BY v.version DESC LIMIT 1
        """,
        event=grant.event,
        activity=grant.activity,
    )
    return ("", "") if found is None else (found.event_name, found.activity_name or "")


def _occurred_ms(connection: sa.Connection, kiosk: bytes, line: RecordLine) -> int:
    """Return when the hub takes a grant to have happened, as the books say; for the rest what its own clock said."""
    aside = "SELECT occurred_ms FROM aside WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash"
    found = row(connection, aside, kiosk=kiosk, seq=line.seq, hash=line.hash)
    if found is None and line.grant is not None:
        text = """
            SELECT occurred_ms FROM transfer
            WHERE event = :event AND bucket = :bucket AND member = :member AND activity = :activity
              AND occasion = :occasion AND kiosk = :kiosk AND seq = :seq AND hash = :hash
            ORDER BY turn LIMIT 1
        """
        found = row(connection, text, kiosk=kiosk, seq=line.seq, hash=line.hash, **_key(line.grant))
    if found is not None:
        return int(found.occurred_ms)
    return line.entry.stamp.wall_ms if line.entry is not None else line.arrived_ms


def _standing(connection: sa.Connection, grant: Grant) -> Standing | None:
    """Return the record that stands posted on a grant's repeat key."""
    found = row(
        connection,
        """
        SELECT t.kiosk, k.name, t.seq, t.hash, t.points FROM transfer t LEFT JOIN kiosk k ON k.kiosk = t.kiosk
        WHERE t.event = :event AND t.bucket = :bucket AND t.member = :member AND t.activity = :activity
          AND t.occasion = :occasion
        ORDER BY t.turn DESC LIMIT 1
        """,
        **_key(grant),
    )
    if found is None or found.points < 0:
        return None
    return Standing(bytes(found.kiosk), found.name or "", found.seq, bytes(found.hash))


def _void_of(connection: sa.Connection, kiosk: bytes, seq: int) -> Void | None:
    """Return what a booth wrote when it took back the grant with this number; it stands later in the same journal."""
    found = rows(
        connection,
        "SELECT encoded FROM entry WHERE kiosk = :kiosk AND seq > :seq ORDER BY seq, hash",
        kiosk=kiosk,
        seq=seq,
    )
    for one in found:
        entry, _ = understand(take_apart(ENTRY, bytes(one.encoded)).payload)
        if entry is not None and isinstance(entry.body, Void) and entry.body.seq == seq:
            return entry.body
    return None


def _key(grant: Grant) -> dict[str, int]:
    return {
        "event": grant.event,
        "bucket": bucket_of(grant.member),
        "member": grant.member,
        "activity": grant.activity,
        "occasion": grant.occasion,
    }
