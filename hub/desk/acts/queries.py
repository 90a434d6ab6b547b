"""What persons have done, as the desk lists it: each act with the names of what it was about. Reads only."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.store.database import row, rows


class ActLine(NamedTuple):
    """An act and its subject. What it was not about is None; `text` only shows."""

    act: bytes
    kind: str
    reason: str
    done_by: str
    done_ms: int
    kiosk: bytes | None
    kiosk_name: str
    seq: int | None
    first_seq: int | None
    last_seq: int | None
    event: int | None
    event_name: str
    activity_name: str
    member: int | None
    issue: int | None
    organisation: int | None
    organisation_name: str
    allotment: int | None
    allotment_name: str
    points: int | None
    entries: int | None
    enrolment: bytes | None
    text: str


class Decided(NamedTuple):
    """A record that an act has decided. `stands` tells that no later version has replaced this one."""

    seq: int
    hash: bytes
    kind: str
    version: int
    stands: bool


_ACTS = """
    SELECT a.*, k.name AS kiosk_name, e.name AS event_name, y.name AS activity_name,
           o.name AS organisation_name, l.name AS allotment_name
    FROM act a
    LEFT JOIN kiosk_name k ON k.kiosk = a.kiosk
     AND k.version = (SELECT max(version) FROM kiosk_name n WHERE n.kiosk = a.kiosk)
    LEFT JOIN event e ON e.event = a.event
     AND e.version = (SELECT max(version) FROM event n WHERE n.event = a.event)
    LEFT JOIN activity y ON y.event = e.event AND y.version = e.version AND y.activity = a.activity
    LEFT JOIN organisation o ON o.organisation = a.organisation
     AND o.version = (SELECT max(version) FROM organisation n WHERE n.organisation = a.organisation)
    LEFT JOIN allotment l ON l.allotment = a.allotment
"""

FIRST = (2**62, b"\xff" * 16)
"""Comes before the newest act."""


def acts(connection: sa.Connection, limit: int, before: tuple[int, bytes] = FIRST) -> list[ActLine]:
    """Return the newest acts, those behind an act (moment, number) if one is given."""
    found = rows(
        connection,
        _ACTS + "WHERE (a.done_ms, a.act) < (:done_ms, :act) ORDER BY a.done_ms DESC, a.act DESC LIMIT :limit",
        done_ms=before[0],
        act=before[1],
        limit=limit,
    )
    return [_line(one) for one in found]


def acts_on(connection: sa.Connection, kiosk: bytes, limit: int) -> list[ActLine]:
    """Return the newest acts on a kiosk."""
    text = _ACTS + "WHERE a.kiosk = :kiosk ORDER BY a.done_ms DESC, a.act DESC LIMIT :limit"
    return [_line(one) for one in rows(connection, text, kiosk=kiosk, limit=limit)]


def act_numbered(connection: sa.Connection, number: bytes) -> ActLine | None:
    """Return one act by its form's number."""
    found = rows(connection, _ACTS + "WHERE a.act = :act", act=number)
    return _line(found[0]) if found else None


def decided_by(connection: sa.Connection, kiosk: bytes, number: bytes) -> list[Decided]:
    """Return the records that an act on a kiosk has decided."""
    found = rows(
        connection,
        """
        SELECT d.seq, d.hash, d.kind, d.version,
               d.version = (SELECT max(version) FROM decision n
                            WHERE n.kiosk = d.kiosk AND n.seq = d.seq AND n.hash = d.hash) AS stands
        FROM decision d WHERE d.kiosk = :kiosk AND d.act = :act ORDER BY d.seq, d.hash
        """,
        kiosk=kiosk,
        act=number,
    )
    return [Decided(one.seq, bytes(one.hash), one.kind, one.version, bool(one.stands)) for one in found]


def range_of(connection: sa.Connection, kiosk: bytes, number: bytes) -> tuple[int, int] | None:
    """Return first and last number of the run of records that an act on a kiosk was about, where it was about one."""
    found = row(
        connection,
        """
        SELECT first_seq, last_seq FROM hole WHERE kiosk = :kiosk AND act = :act
        UNION ALL SELECT first_seq, last_seq FROM lost_tail WHERE kiosk = :kiosk AND act = :act
        UNION ALL SELECT first_seq, last_seq FROM replacement WHERE kiosk = :kiosk AND act = :act
        """,
        kiosk=kiosk,
        act=number,
    )
    return (found.first_seq, found.last_seq) if found is not None else None


def meant_by(connection: sa.Connection, kiosk: bytes, number: bytes) -> str:
    """Return the event and activity that a replacement of an act says was meant, "" where it made none."""
    found = row(
        connection,
        """
        SELECT e.name AS event_name, y.name AS activity_name, r.event, r.activity FROM replacement r
        LEFT JOIN event e ON e.event = r.event
         AND e.version = (SELECT max(version) FROM event n WHERE n.event = r.event)
        LEFT JOIN activity y ON y.event = e.event AND y.version = e.version AND y.activity = r.activity
        WHERE r.kiosk = :kiosk AND r.act = :act
        """,
        kiosk=kiosk,
        act=number,
    )
    if found is None:
        return ""
    return f"{found.event_name or f'イベント {found.event}'}・{found.activity_name or f'活動 {found.activity}'}"


def left_to_judge(connection: sa.Connection, number: bytes) -> int:
    """Return how many records still wait to be looked at because of an act."""
    return int(row(connection, "SELECT count(*) AS number FROM to_judge WHERE act = :act", act=number).number)


def _line(found: sa.Row[tuple[object, ...]]) -> ActLine:
    return ActLine(
        act=bytes(found.act),
        kind=found.kind,
        reason=found.reason,
        done_by=found.done_by,
        done_ms=found.done_ms,
        kiosk=None if found.kiosk is None else bytes(found.kiosk),
        kiosk_name=found.kiosk_name or "",
        seq=found.seq,
        first_seq=found.first_seq,
        last_seq=found.last_seq,
        event=found.event,
        event_name=found.event_name or "",
        activity_name=found.activity_name or "",
        member=found.member,
        issue=found.issue,
        organisation=found.organisation,
        organisation_name=found.organisation_name or "",
        allotment=found.allotment,
        allotment_name=found.allotment_name or "",
        points=found.points,
        entries=found.entries,
        enrolment=None if found.enrolment is None else bytes(found.enrolment),
        text=found.text,
    )
