"""Members and their cards as the desk lists them: numbers, never names. Reads only."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.desk.base.slots import with_slot
from hub.store.database import row, rows
from sync.member import bucket_of

NOT_KNOWN = "この番号は登録されていません。 / This number is not known."
"""Said where there is no page, and no card, for a number."""


class CardLine(NamedTuple):
    """A card of a member; `lost_ms` is None unless it is listed as lost now."""

    issue: int
    kind: str
    made_ms: int
    lost_ms: int | None


class Earned(NamedTuple):
    """A posted movement of a member's points; what was taken back is negative. `moved_ms` is when the grant was made,
    or when it was taken back. `act` is the act that caused it, if one did.
    """

    event_name: str
    activity_name: str
    points: int
    owed: int
    moved_ms: int
    kiosk: bytes
    kiosk_name: str
    seq: int
    hash: bytes
    act: bytes | None


class MemberFile(NamedTuple):
    """What the hub knows of a member, which is no name."""

    member: int
    state: str
    since_ms: int
    held: int
    owed: int
    cards: list[CardLine]


class Joined(NamedTuple):
    """Members that were added in one act."""

    act: bytes
    since_ms: int
    members: int


def member_file(connection: sa.Connection, member: int) -> MemberFile | None:
    """Return what is known of a member."""
    found = row(
        connection,
        """
        SELECT m.state, m.since_ms, coalesce(b.held, 0) AS held, coalesce(b.owed, 0) AS owed
        FROM member m LEFT JOIN member_balance b ON b.bucket = m.bucket AND b.member = m.member
        WHERE m.bucket = :bucket AND m.member = :member ORDER BY m.version DESC LIMIT 1
        """,
        bucket=bucket_of(member),
        member=member,
    )
    if found is None:
        return None
    return MemberFile(
        member,
        found.state,
        found.since_ms,
        found.held,
        found.owed,
        _cards(connection, member),
    )


def member_counts(connection: sa.Connection) -> dict[str, int]:
    """Return {state: members}."""
    text = """
        SELECT m.state, count(*) AS members FROM member m
        WHERE m.version = (SELECT max(version) FROM member n WHERE n.bucket = m.bucket AND n.member = m.member)
        GROUP BY m.state
    """
    return {one.state: one.members for one in rows(connection, text)}


def newest_joins(connection: sa.Connection, limit: int) -> list[Joined]:
    """Return the last times members were added."""
    found = rows(
        connection,
        """
        SELECT m.act, min(m.since_ms) AS since_ms, count(*) AS members FROM member m
        WHERE m.version = 1 AND m.act IN (SELECT act FROM act WHERE kind = 'add members'
                                          ORDER BY done_ms DESC, act LIMIT :limit)
        GROUP BY m.act ORDER BY since_ms DESC, m.act
        """,
        limit=limit,
    )
    return [Joined(bytes(one.act), one.since_ms, one.members) for one in found]


def joined_by(connection: sa.Connection, act: bytes) -> list[int]:
    """Return the members that an act has added."""
    found = rows(connection, "SELECT member FROM member WHERE act = :act AND version = 1 ORDER BY member", act=act)
    return [one.member for one in found]


def _cards(connection: sa.Connection, member: int) -> list[CardLine]:
    found = rows(
        connection,
        """
        SELECT c.issue, c.kind, c.made_ms, l.state, l.since_ms FROM card c
        LEFT JOIN lost_card l ON l.bucket = c.bucket AND l.member = c.member AND l.issue = c.issue
         AND l.version = (SELECT max(version) FROM lost_card n
                          WHERE n.bucket = c.bucket AND n.member = c.member AND n.issue = c.issue)
        WHERE c.bucket = :bucket AND c.member = :member ORDER BY c.issue
        """,
        bucket=bucket_of(member),
        member=member,
    )
    return [CardLine(one.issue, one.kind, one.made_ms, one.since_ms if one.state == "lost" else None) for one in found]


def earned(connection: sa.Connection, member: int, limit: int, offset: int = 0) -> list[Earned]:
    """Return a member's posted movements, the newest first. Asked event by event, as the ledger's keys lie: no index is
    kept for this rare question.
    """
    found = rows(
        connection,
        """
        SELECT e.name AS event_name, a.name AS activity_name, a.slots, t.occasion, t.points, t.owed, t.occurred_ms,
               t.posted_ms, t.kiosk, n.name AS kiosk_name, t.seq, t.hash, t.act
        FROM (SELECT event, max(version) AS version FROM event GROUP BY event) newest
        JOIN event e ON e.event = newest.event AND e.version = newest.version
        JOIN transfer t ON t.event = e.event AND t.bucket = :bucket AND t.member = :member
        LEFT JOIN activity a ON a.event = e.event AND a.version = e.version AND a.activity = t.activity
        LEFT JOIN kiosk_name n ON n.kiosk = t.kiosk
         AND n.version = (SELECT max(version) FROM kiosk_name v WHERE v.kiosk = t.kiosk)
        ORDER BY t.posted_ms DESC, t.occurred_ms DESC, t.event, t.activity, t.occasion, t.turn DESC
        LIMIT :limit OFFSET :offset
        """,
        bucket=bucket_of(member),
        member=member,
        limit=limit,
        offset=offset,
    )
    return [
        Earned(
            one.event_name,
            with_slot(one.activity_name, one.slots, one.occasion),
            one.points,
            one.owed,
            one.occurred_ms if one.points > 0 else one.posted_ms,
            bytes(one.kiosk),
            one.kiosk_name or "",
            one.seq,
            bytes(one.hash),
            bytes(one.act) if one.act is not None else None,
        )
        for one in found
    ]
