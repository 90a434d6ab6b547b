"""The office's registers as the desk lists them: allotments, events, members, invitations. Reads only."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.register.reference import slots_in
from hub.store.database import row, rows
from sync.codec import decode
from sync.enrolment import digits_to_compare
from sync.manifest import Activity, Event, OccasionBy
from sync.member import bucket_of
from sync.rules import read_rule


class AllotmentLine(NamedTuple):
    """An allotment and where its points are: `budget` = `left` + `with_kiosks` + `granted`."""

    allotment: int
    organisation: int
    organisation_name: str
    fiscal_year: int
    name: str
    budget: int
    left: int
    with_kiosks: int

    @property
    def granted(self) -> int:
        """Return the points that have reached members."""
        return self.budget - self.left - self.with_kiosks


class EventLine(NamedTuple):
    """The newest version of an event, and how many kiosks serve it."""

    event: Event
    version: int
    allotment_name: str
    organisation: int
    kiosks: int


class CardLine(NamedTuple):
    """A card of a member; `lost_ms` is None unless it was reported lost."""

    issue: int
    kind: str
    made_ms: int
    lost_ms: int | None


class Earned(NamedTuple):
    """A posted movement of a member's points; what was taken back is negative."""

    event_name: str
    activity_name: str
    points: int
    owed: int
    occurred_ms: int
    kiosk_name: str


class MemberFile(NamedTuple):
    """What the hub knows of a member, which is no name."""

    member: int
    state: str
    since_ms: int
    held: int
    owed: int
    cards: list[CardLine]
    earned: list[Earned]


class InvitationLine(NamedTuple):
    """An invitation for a kiosk; `state` is open, answered, approved or cancelled, and `digits` are to be compared once
    it was answered.
    """

    enrolment: bytes
    name: str
    organisation: int
    organisation_name: str
    state: str
    expires_ms: int
    code: bytes
    digits: str
    software: str


def allotments(connection: sa.Connection) -> list[AllotmentLine]:
    """Return all allotments, the newest fiscal year first."""
    found = rows(
        connection,
        """
        SELECT a.allotment, a.organisation, o.name AS organisation_name, a.fiscal_year, a.name,
               (SELECT coalesce(sum(m.points), 0) FROM movement m
                WHERE m.kind = 'budget' AND m.target_holder = a.allotment) AS budget,
               (SELECT coalesce(sum(c.amount), 0) FROM account c
                WHERE c.kind = 'allotment' AND c.holder = a.allotment) AS remaining,
               (SELECT coalesce(sum(c.amount), 0) FROM account c
                WHERE c.kind = 'out' AND c.part = a.allotment) AS with_kiosks
        FROM allotment a JOIN organisation o ON o.organisation = a.organisation
        ORDER BY a.fiscal_year DESC, a.organisation, a.allotment
        """,
    )
    return [
        AllotmentLine(
            one.allotment,
            one.organisation,
            one.organisation_name,
            one.fiscal_year,
            one.name,
            int(one.budget),
            int(one.remaining),
            int(one.with_kiosks),
        )
        for one in found
    ]


def events(connection: sa.Connection) -> list[EventLine]:
    """Return the newest version of every event with its activities, the latest first."""
    activities = _newest_activities(connection)
    found = rows(
        connection,
        """
        SELECT e.event, e.version, e.name, e.starts_ms, e.ends_ms, e.allotment, a.name AS allotment_name,
               a.organisation, (SELECT count(*) FROM assignment s WHERE s.event = e.event) AS kiosks
        FROM event e JOIN allotment a ON a.allotment = e.allotment
        WHERE e.version = (SELECT max(version) FROM event newest WHERE newest.event = e.event)
        ORDER BY e.starts_ms DESC, e.event
        """,
    )
    return [
        EventLine(
            Event(one.event, one.name, one.starts_ms, one.ends_ms, one.allotment, tuple(activities.get(one.event, ()))),
            one.version,
            one.allotment_name,
            one.organisation,
            one.kiosks,
        )
        for one in found
    ]


def event_numbered(connection: sa.Connection, event: int) -> EventLine | None:
    """Return one event."""
    return next((line for line in events(connection) if line.event.event == event), None)


def kiosks_serving(connection: sa.Connection, event: int) -> list[tuple[bytes, str]]:
    """Return (identity, name) of the kiosks an event is assigned to."""
    found = rows(
        connection,
        """
        SELECT k.kiosk, k.name FROM assignment a JOIN kiosk k ON k.kiosk = a.kiosk
        WHERE a.event = :event ORDER BY k.name, k.kiosk
        """,
        event=event,
    )
    return [(bytes(one.kiosk), one.name) for one in found]


def events_of_kiosk(connection: sa.Connection, kiosk: bytes) -> set[int]:
    """Return the numbers of the events a kiosk serves."""
    return {one.event for one in rows(connection, "SELECT event FROM assignment WHERE kiosk = :kiosk", kiosk=kiosk)}


def member_file(connection: sa.Connection, member: int) -> MemberFile | None:
    """Return what is known of a member."""
    found = row(
        connection,
        """
        SELECT m.state, m.since_ms, coalesce(b.held, 0) AS held, coalesce(b.owed, 0) AS owed
        FROM member m LEFT JOIN member_balance b ON b.bucket = m.bucket AND b.member = m.member
        WHERE m.bucket = :bucket AND m.member = :member
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
        _earned(connection, member),
    )


def member_counts(connection: sa.Connection) -> dict[str, int]:
    """Return {state: members}."""
    return {
        one.state: one.members
        for one in rows(connection, "SELECT state, count(*) AS members FROM member GROUP BY state")
    }


def joined_at(connection: sa.Connection, since_ms: int) -> list[int]:
    """Return the members that were added in one go at that moment."""
    found = rows(connection, "SELECT member FROM member WHERE since_ms = :since_ms ORDER BY member", since_ms=since_ms)
    return [one.member for one in found]


def newest_joins(connection: sa.Connection, limit: int) -> list[tuple[int, int]]:
    """Return (moment, members) of the last times members were added."""
    found = rows(
        connection,
        "SELECT since_ms, count(*) AS members FROM member GROUP BY since_ms ORDER BY since_ms DESC LIMIT :limit",
        limit=limit,
    )
    return [(one.since_ms, one.members) for one in found]


def invitations(connection: sa.Connection) -> list[InvitationLine]:
    """Return all invitations, the newest first."""
    found = rows(
        connection,
        """
        SELECT e.enrolment, e.name, e.organisation, o.name AS organisation_name, e.state, e.expires_ms, e.code,
               e.public_key, e.software
        FROM enrolment e LEFT JOIN organisation o ON o.organisation = e.organisation
        ORDER BY e.expires_ms DESC, e.enrolment
        """,
    )
    return [
        InvitationLine(
            bytes(one.enrolment),
            one.name,
            one.organisation,
            one.organisation_name or "",
            one.state,
            one.expires_ms,
            bytes(one.code or b""),
            digits_to_compare(bytes(one.public_key)) if one.public_key else "",
            one.software or "",
        )
        for one in found
    ]


def invitation(connection: sa.Connection, enrolment: bytes) -> InvitationLine | None:
    """Return one invitation."""
    return next((line for line in invitations(connection) if line.enrolment == enrolment), None)


def _newest_activities(connection: sa.Connection) -> dict[int, list[Activity]]:
    found = rows(
        connection,
        """
        SELECT event, activity, name, rule, occasion_by, daily_limit, slots FROM activity a
        WHERE version = (SELECT max(version) FROM event newest WHERE newest.event = a.event) ORDER BY event, activity
        """,
    )
    activities: dict[int, list[Activity]] = {}
    for one in found:
        rule = read_rule(decode(bytes(one.rule), depth=3))
        by, slots = OccasionBy(one.occasion_by), slots_in(one.slots)
        activity = Activity(one.activity, one.name, rule, by, one.daily_limit, slots)
        activities.setdefault(one.event, []).append(activity)
    return activities


def _cards(connection: sa.Connection, member: int) -> list[CardLine]:
    found = rows(
        connection,
        """
        SELECT c.issue, c.kind, c.made_ms, l.lost_ms FROM card c
        LEFT JOIN lost_card l ON l.bucket = c.bucket AND l.member = c.member AND l.issue = c.issue
        WHERE c.bucket = :bucket AND c.member = :member ORDER BY c.issue
        """,
        bucket=bucket_of(member),
        member=member,
    )
    return [CardLine(*one) for one in found]


def _earned(connection: sa.Connection, member: int) -> list[Earned]:
    """Return a member's posted movements. Asked event by event, as the ledger's keys lie: no index is kept for this
    rare question.
    """
    found = rows(
        connection,
        """
        SELECT e.name AS event_name, a.name AS activity_name, t.points, t.owed, t.occurred_ms, k.name AS kiosk_name
        FROM (SELECT event, max(version) AS version FROM event GROUP BY event) newest
        JOIN event e ON e.event = newest.event AND e.version = newest.version
        JOIN transfer t ON t.event = e.event AND t.bucket = :bucket AND t.member = :member
        LEFT JOIN activity a ON a.event = e.event AND a.version = e.version AND a.activity = t.activity
        LEFT JOIN kiosk k ON k.kiosk = t.kiosk
        ORDER BY t.posted_ms DESC, t.occurred_ms DESC, t.event, t.activity, t.occasion, t.turn DESC
        """,
        bucket=bucket_of(member),
        member=member,
    )
    return [
        Earned(one.event_name, one.activity_name or "", one.points, one.owed, one.occurred_ms, one.kiosk_name or "")
        for one in found
    ]
