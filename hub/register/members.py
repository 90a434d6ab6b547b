"""Members and their cards: numbers only, never a name. Member and lost card have versions; the newest counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.check import read_arrived
from hub.store.database import execute_many, insert, row, rows
from sync.entry import Grant
from sync.envelope import SigningKey
from sync.member import bucket_of, with_check_digits
from sync.token import write_token

OPEN, ENDED, UNKNOWN = "open", "ended", "unknown"
LOST, FOUND = "lost", "found"
ISSUES_AHEAD = 16
"""As far above the last card that the hub has given is an issue believed that only entries name: a hub would have to
lose more than that many cards of one person in a restore. Whatever lies further off was made up.
"""


class Card(NamedTuple):
    """A card to print: the member's number, the issue, and the text of its QR code."""

    member: int
    issue: int
    token: str


class MemberVersion(NamedTuple):
    """An account as it stands: open, ended or (made) unknown, and since when."""

    member: int
    version: int
    state: str
    since_ms: int


class EntryName(NamedTuple):
    """What names an entry for ever."""

    kiosk: bytes
    seq: int
    hash: bytes


def newest_member(connection: sa.Connection, member: int) -> MemberVersion | None:
    """Return an account as it stands, None for a number that the hub has never known."""
    found = row(
        connection,
        """
        SELECT member, version, state, since_ms FROM member WHERE bucket = :bucket AND member = :member
        ORDER BY version DESC LIMIT 1
        """,
        bucket=bucket_of(member),
        member=member,
    )
    return None if found is None else MemberVersion(*found)


def write_member(connection: sa.Connection, member: MemberVersion, act: bytes) -> None:
    """Keep a version of an account."""
    insert(connection, "member", bucket=bucket_of(member.member), **member._asdict(), act=act)


def write_new_members(connection: sa.Connection, members: Iterable[int], kind: str, now_ms: int, act: bytes) -> None:
    """Keep new members, each with a first card."""
    spread = [
        {"bucket": bucket_of(member), "member": member, "kind": kind, "now_ms": now_ms, "act": act}
        for member in members
    ]
    execute_many(
        connection,
        """
        INSERT INTO member (bucket, member, version, state, since_ms, act)
        VALUES (:bucket, :member, 1, 'open', :now_ms, :act)
        """,
        spread,
    )
    execute_many(
        connection,
        """
        INSERT INTO card (bucket, member, issue, kind, made_ms, act) VALUES (:bucket, :member, 1, :kind, :now_ms, :act)
        """,
        spread,
    )


def fresh_numbers(connection: sa.Connection, count: int, random_bytes: Callable[[int], bytes]) -> list[int]:
    """Return random member numbers that nobody has, sorted."""
    fresh: set[int] = set()
    while len(fresh) < count:
        number = with_check_digits(int.from_bytes(random_bytes(8), "big") % 10**12)
        if newest_member(connection, number) is None:
            fresh.add(number)
    return sorted(fresh)


def members_made_by(connection: sa.Connection, act: bytes) -> tuple[int, ...]:
    """Return the members that an act has added."""
    found = rows(connection, "SELECT member FROM member WHERE act = :act AND version = 1 ORDER BY member", act=act)
    return tuple(one.member for one in found)


def has_card(connection: sa.Connection, member: int, issue: int) -> bool:
    """Tell whether a member was given a card with that issue."""
    return (
        row(
            connection,
            "SELECT 1 FROM card WHERE bucket = :bucket AND member = :member AND issue = :issue",
            bucket=bucket_of(member),
            member=member,
            issue=issue,
        )
        is not None
    )


def write_card(  # a card's own columns
    connection: sa.Connection, member: int, issue: int, kind: str, made_ms: int, act: bytes
) -> None:
    """Keep a new card."""
    bucket = bucket_of(member)
    insert(connection, "card", bucket=bucket, member=member, issue=issue, kind=kind, made_ms=made_ms, act=act)


def card_made_by(connection: sa.Connection, member: int, act: bytes) -> int:
    """Return the issue of the card that an act has made for a member."""
    found = row(
        connection,
        "SELECT issue FROM card WHERE bucket = :bucket AND member = :member AND act = :act",
        bucket=bucket_of(member),
        member=member,
        act=act,
    )
    return int(found.issue)


def lost_version(connection: sa.Connection, member: int, issue: int) -> tuple[int, str]:
    """Return the newest version about a card's loss and what it says; (0, "found") where it was never listed."""
    found = row(
        connection,
        """
        SELECT version, state FROM lost_card WHERE bucket = :bucket AND member = :member AND issue = :issue
        ORDER BY version DESC LIMIT 1
        """,
        bucket=bucket_of(member),
        member=member,
        issue=issue,
    )
    return (0, FOUND) if found is None else (found.version, found.state)


def write_lost_card(  # a lost card's own columns
    connection: sa.Connection, member: int, issue: int, version: int, state: str, since_ms: int, act: bytes
) -> None:
    """Keep a version about a card's loss."""
    insert(
        connection,
        "lost_card",
        bucket=bucket_of(member),
        member=member,
        issue=issue,
        version=version,
        state=state,
        since_ms=since_ms,
        act=act,
    )


def highest_issue(connection: sa.Connection, member: int) -> int:
    """Return the highest issue of a member's cards, 0 where there is none: of those that were made, and of those that
    entries have named and that may be. A restored hub may have forgotten a card that is still in somebody's hand; but
    a booth that makes issues up must not use up all that there are.
    """
    made = row(
        connection,
        "SELECT max(issue) AS issue FROM card WHERE bucket = :bucket AND member = :member",
        bucket=bucket_of(member),
        member=member,
    )
    given = made.issue or 0
    named = (grant.issue for grant in _grants(connection, entries_of_member(connection, member)))
    return max(given, *(issue for issue in named if issue <= given + ISSUES_AHEAD), 0)


def entries_of_member(connection: sa.Connection, member: int) -> list[EntryName]:
    """Return all entries of a member, posted or put aside. The ledger is led by the event, so every event is asked."""
    place = {"bucket": bucket_of(member), "member": member}
    found = rows(
        connection,
        """
        SELECT t.kiosk, t.seq, t.hash FROM (SELECT DISTINCT event FROM event) e
        CROSS JOIN transfer t WHERE t.event = e.event AND t.bucket = :bucket AND t.member = :member
        UNION SELECT kiosk, seq, hash FROM aside WHERE bucket = :bucket AND member = :member
        """,
        **place,
    )
    return sorted(EntryName(bytes(one.kiosk), one.seq, bytes(one.hash)) for one in found)


def waiting_entries_of_member(connection: sa.Connection, member: int) -> list[EntryName]:
    """Return the entries of a member that are put aside."""
    found = rows(
        connection,
        "SELECT kiosk, seq, hash FROM aside WHERE bucket = :bucket AND member = :member",
        bucket=bucket_of(member),
        member=member,
    )
    return sorted(EntryName(bytes(one.kiosk), one.seq, bytes(one.hash)) for one in found)


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
    """Return every known member's number in order of joining."""
    found = rows(
        connection,
        """
        SELECT m.member, n.state FROM member m JOIN member n ON n.bucket = m.bucket AND n.member = m.member
        WHERE m.version = 1 AND n.version = (
            SELECT max(version) FROM member l WHERE l.bucket = m.bucket AND l.member = m.member
        )
        ORDER BY m.since_ms, m.bucket, m.member
        """,
    )
    return [one.member for one in found if one.state != UNKNOWN]


def _grants(connection: sa.Connection, names: Iterable[EntryName]) -> Iterable[Grant]:
    for name in names:
        found = row(
            connection,
            "SELECT encoded FROM entry WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash",
            **name._asdict(),
        )
        _, entry, _ = read_arrived(bytes(found.encoded))
        if entry is not None and isinstance(entry.body, Grant):
            yield entry.body
