"""Reference records: organisations, allotments, events with their activities, members and cards.

Events are versioned, and the newest version counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import sqlalchemy as sa

from hub.ledger.posting import change_account
from hub.store.database import execute, execute_many, row, rows
from sync.citytime import fiscal_year
from sync.codec import decode, encode
from sync.envelope import SigningKey
from sync.manifest import Activity, Event, OccasionBy, Slot, read_slots, slots_as_value
from sync.member import bucket_of, with_check_digits
from sync.rules import read_rule, rule_as_value
from sync.token import write_token


class Card(NamedTuple):
    """A card to print: the member's number, the issue, and the text of its QR code."""

    member: int
    issue: int
    token: str


class SlotsBefore(NamedTuple):
    """The slots an activity has in the newest version of its event, and the highest number it had in any: what stands
    under a number in the ledger is never called by another name.
    """

    now: tuple[Slot, ...]
    highest: int


NO_SLOTS = SlotsBefore((), 0)


def add_organisation(connection: sa.Connection, name: str, kind: str = "grants") -> int:
    """Add an organisation; `kind` is grants, serves or both. Return its number."""
    number = _next_number(connection, "SELECT max(organisation) AS number FROM organisation")
    execute(
        connection,
        "INSERT INTO organisation (organisation, name, kind) VALUES (:organisation, :name, :kind)",
        organisation=number,
        name=name,
        kind=kind,
    )
    return number


def add_allotment(connection: sa.Connection, organisation: int, name: str, points: int, now_ms: int) -> int:
    """Give an organisation an allotment for the fiscal year: city issue → allotment. Return its number."""
    number = _next_number(connection, "SELECT max(allotment) AS number FROM allotment")
    execute(
        connection,
        """
        INSERT INTO allotment (allotment, organisation, fiscal_year, name)
        VALUES (:allotment, :organisation, :fiscal_year, :name)
        """,
        allotment=number,
        organisation=organisation,
        fiscal_year=fiscal_year(now_ms),
        name=name,
    )
    move(connection, ("budget", f"{number}/1"), ("issue", 0, 0), ("allotment", number, 0), points, name, now_ms)
    return number


def raise_allotment(connection: sa.Connection, allotment: int, points: int, reason: str, now_ms: int) -> None:
    """Add points to an allotment."""
    turns = row(
        connection,
        "SELECT count(*) AS turns FROM movement WHERE kind = 'budget' AND target_holder = :allotment",
        allotment=allotment,
    ).turns
    mark = f"{allotment}/{turns + 1}"
    move(connection, ("budget", mark), ("issue", 0, 0), ("allotment", allotment, 0), points, reason, now_ms)


def move(  # a double entry
    connection: sa.Connection,
    name: tuple[str, str],
    source: tuple[str, int, int],
    target: tuple[str, int, int],
    points: int,
    reason: str,
    now_ms: int,
) -> None:
    """Post a movement between two accounts that are not members'. `name` is (kind, mark), unique for ever."""
    execute(
        connection,
        """
        INSERT INTO movement (kind, mark, source, source_holder, source_part, target, target_holder, target_part,
        points,
                              reason, posted_ms)
        VALUES (:kind, :mark, :source, :source_holder, :source_part, :target, :target_holder, :target_part, :points,
                :reason, :posted_ms)
        """,
        kind=name[0],
        mark=name[1],
        source=source[0],
        source_holder=source[1],
        source_part=source[2],
        target=target[0],
        target_holder=target[1],
        target_part=target[2],
        points=points,
        reason=reason,
        posted_ms=now_ms,
    )
    change_account(connection, *source, -points)
    change_account(connection, *target, points)


def add_event(  # an event's own columns
    connection: sa.Connection,
    name: str,
    starts_ms: int,
    ends_ms: int,
    allotment: int,
    activities: Iterable[Activity],
    event: int | None = None,
) -> int:
    """Add an event with its activities, or a new version of `event`. Return its number."""
    number = event or _next_number(connection, "SELECT max(event) AS number FROM event")
    version = _next_number(connection, "SELECT max(version) AS number FROM event WHERE event = :event", event=number)
    execute(
        connection,
        """
        INSERT INTO event (event, version, name, starts_ms, ends_ms, allotment)
        VALUES (:event, :version, :name, :starts_ms, :ends_ms, :allotment)
        """,
        event=number,
        version=version,
        name=name,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        allotment=allotment,
    )
    execute_many(
        connection,
        """
        INSERT INTO activity (event, version, activity, name, rule, occasion_by, daily_limit, slots)
        VALUES (:event, :version, :activity, :name, :rule, :occasion_by, :daily_limit, :slots)
        """,
        [
            {
                "event": number,
                "version": version,
                "activity": activity.activity,
                "name": activity.name,
                "rule": encode(rule_as_value(activity.rule)),
                "occasion_by": int(activity.occasion_by),
                "daily_limit": activity.daily_limit,
                "slots": encode(slots_as_value(activity.slots)),
            }
            for activity in activities
        ],
    )
    return number


def load_events(connection: sa.Connection, kiosk: bytes) -> tuple[Event, ...]:
    """Return the newest version of each event a kiosk is assigned to, as a manifest holds it."""
    found = rows(
        connection,
        """
        SELECT e.event, e.version, e.name, e.starts_ms, e.ends_ms, e.allotment FROM event e
        JOIN assignment a ON a.event = e.event AND a.kiosk = :kiosk
        WHERE e.version = (SELECT max(version) FROM event newest WHERE newest.event = e.event) ORDER BY e.event
        """,
        kiosk=kiosk,
    )
    return tuple(
        Event(
            one.event,
            one.name,
            one.starts_ms,
            one.ends_ms,
            one.allotment,
            _activities(connection, one.event, one.version),
        )
        for one in found
    )


def _activities(connection: sa.Connection, event: int, version: int) -> tuple[Activity, ...]:
    found = rows(
        connection,
        """
        SELECT activity, name, rule, occasion_by, daily_limit, slots FROM activity
        WHERE event = :event AND version = :version ORDER BY activity
        """,
        event=event,
        version=version,
    )
    return tuple(
        Activity(
            one.activity,
            one.name,
            read_rule(decode(bytes(one.rule), depth=3)),
            OccasionBy(one.occasion_by),
            one.daily_limit,
            slots_in(one.slots),
        )
        for one in found
    )


def slots_in(stored: bytes) -> tuple[Slot, ...]:
    """Return the slots in an activity's row."""
    return read_slots(decode(bytes(stored), depth=2))


def slots_before(connection: sa.Connection, event: int) -> dict[int, SlotsBefore]:
    """Return what is known of the slots of an event's activities by number, over all versions of the event."""
    found = rows(
        connection,
        """
        SELECT activity, slots, version = (SELECT max(version) FROM event WHERE event = :event) AS is_newest
        FROM activity WHERE event = :event ORDER BY version, activity
        """,
        event=event,
    )
    known: dict[int, SlotsBefore] = {}
    for one in found:
        slots = slots_in(one.slots)
        highest = max(known.get(one.activity, NO_SLOTS).highest, *(slot.slot for slot in slots), 0)
        known[one.activity] = SlotsBefore(slots if one.is_newest else (), highest)
    return known


def add_members(
    connection: sa.Connection, count: int, now_ms: int, random_below: Callable[[int], int], kind: str = "paper"
) -> list[int]:
    """Add `count` members with random numbers and a first card each; return their numbers."""
    known: set[int] = set()
    while len(known) < count:
        number = with_check_digits(random_below(10**12))
        taken = row(
            connection,
            "SELECT 1 FROM member WHERE bucket = :bucket AND member = :member",
            bucket=bucket_of(number),
            member=number,
        )
        if taken is None:
            known.add(number)
    members = sorted(known)
    spread = [{"bucket": bucket_of(member), "member": member, "now_ms": now_ms, "kind": kind} for member in members]
    execute_many(
        connection,
        "INSERT INTO member (bucket, member, state, since_ms) VALUES (:bucket, :member, 'open', :now_ms)",
        spread,
    )
    execute_many(
        connection,
        "INSERT INTO card (bucket, member, issue, kind, made_ms) VALUES (:bucket, :member, 1, :kind, :now_ms)",
        spread,
    )
    return members


def report_lost(connection: sa.Connection, member: int, issue: int, now_ms: int) -> int:
    """List a card as lost and make the member's next issue; return its number. The person keeps the account."""
    bucket = bucket_of(member)
    execute(
        connection,
        """
        INSERT INTO lost_card (bucket, member, issue, lost_ms) VALUES (:bucket, :member, :issue, :now_ms)
        ON CONFLICT (bucket, member, issue) DO NOTHING
        """,
        bucket=bucket,
        member=member,
        issue=issue,
        now_ms=now_ms,
    )
    newest = row(
        connection,
        "SELECT max(issue) AS issue FROM card WHERE bucket = :bucket AND member = :member",
        bucket=bucket,
        member=member,
    )
    issue_next = int(newest.issue) + 1
    execute(
        connection,
        "INSERT INTO card (bucket, member, issue, kind, made_ms) VALUES (:bucket, :member, :issue, 'paper', :now_ms)",
        bucket=bucket,
        member=member,
        issue=issue_next,
        now_ms=now_ms,
    )
    return issue_next


def lost_cards(connection: sa.Connection) -> tuple[tuple[int, int], ...]:
    """Return all lost cards as (member, issue)."""
    found = rows(connection, "SELECT member, issue FROM lost_card ORDER BY member, issue")
    return tuple((one.member, one.issue) for one in found)


def cards_of(connection: sa.Connection, members: Iterable[int], key: SigningKey) -> list[Card]:
    """Return the newest card of each member, with its token. Signing is deterministic, so a card can be printed
    again.
    """
    cards = []
    for member in members:
        newest = row(
            connection,
            "SELECT max(issue) AS issue FROM card WHERE bucket = :bucket AND member = :member",
            bucket=bucket_of(member),
            member=member,
        )
        cards.append(Card(member, newest.issue, write_token(key, member, newest.issue)))
    return cards


def all_members(connection: sa.Connection) -> list[int]:
    """Return every member's number in order of joining."""
    return [one.member for one in rows(connection, "SELECT member FROM member ORDER BY since_ms, bucket, member")]


def _next_number(connection: sa.Connection, text: str, **parameters: int) -> int:
    return int(row(connection, text, **parameters).number or 0) + 1
