"""Gathers what the judging of one kiosk depends on beside its entries: manifests, events, shares, members, cards, and
what persons have decided. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

import sqlalchemy as sa

from hub.intake.chain import Line, Lines
from hub.intake.intervals import Answer
from hub.intake.reasons import Reason
from hub.intake.values import Decision, EventNow, Facts, MemberNow, Replacement, SignedShare
from hub.ledger.inbox import fill_asked
from hub.service import Hub
from hub.store.database import row, rows
from sync.codec import WireError, decode
from sync.entry import Grant
from sync.envelope import MANIFEST, MEMBER
from sync.head import Head
from sync.keys import Instance
from sync.manifest import Activity, Manifest, OccasionBy, read_manifest, read_slots
from sync.rules import read_rule


class KioskRow(NamedTuple):
    """A kiosk the hub has let in."""

    kiosk: bytes
    public_key: bytes
    name: str
    organisation: int


def find_kiosk(connection: sa.Connection, kiosk: bytes) -> KioskRow | None:
    """Return a kiosk by its identity, with its newest name."""
    found = row(
        connection,
        """
        SELECT k.kiosk, k.public_key, n.name, n.organisation FROM kiosk k JOIN kiosk_name n ON n.kiosk = k.kiosk
        WHERE k.kiosk = :kiosk ORDER BY n.version DESC LIMIT 1
        """,
        kiosk=kiosk,
    )
    if found is None:
        return None
    return KioskRow(bytes(found.kiosk), bytes(found.public_key), found.name, found.organisation)


def load_facts(hub: Hub, connection: sa.Connection, kiosk: bytes, grants: Iterable[Grant]) -> Facts:
    """Return the facts for judging `grants` of one kiosk."""
    manifests = _manifests(hub, connection, kiosk)
    replacements = _replacements(connection, kiosk)
    asked = list(grants)
    wanted = {grant.event for grant in asked} | {one.event for one in replacements}
    return Facts(
        manifests=manifests,
        events=events_now(connection, wanted),
        shares=signed_shares(connection, kiosk),
        members=_unusual_members(connection, {grant.member for grant in asked}),
        lost_cards=lost_now(connection),
        issues=_issues(connection, {grant.member for grant in asked if grant.issue > 1}),
        keys=frozenset(hub.keyring.verifying(MEMBER)),
        decisions=_decisions(connection, kiosk),
        replacements=replacements,
        answers=_answers(connection, kiosk),
    )


def shares_in_force(connection: sa.Connection, kiosk: bytes) -> dict[int, tuple[int, int]]:
    """Return {allotment: (total, reserve)} as last signed for a kiosk."""
    signed = rows(
        connection,
        "SELECT allotment, total, reserve FROM share WHERE kiosk = :kiosk ORDER BY instance_ms, version",
        kiosk=kiosk,
    )
    return {one.allotment: (one.total, one.reserve) for one in signed}


def signed_shares(connection: sa.Connection, kiosk: bytes) -> dict[int, tuple[SignedShare, ...]]:
    """Return what was signed for a kiosk of each allotment, manifest by manifest."""
    found = rows(
        connection,
        "SELECT * FROM share WHERE kiosk = :kiosk ORDER BY allotment, instance_ms, version",
        kiosk=kiosk,
    )
    signed: dict[int, list[SignedShare]] = {}
    for one in found:
        share = SignedShare((one.instance_ms, one.version), one.total + one.reserve)
        signed.setdefault(one.allotment, []).append(share)
    return {allotment: tuple(shares) for allotment, shares in signed.items()}


def lines_of(connection: sa.Connection, kiosk: bytes) -> Lines:
    """Return the lines in force: the fork's, and the newest that a person has drawn unless it was a resumption."""
    fork: Line | None = None
    drawn: Line | None = None
    for one in rows(connection, "SELECT * FROM line WHERE kiosk = :kiosk ORDER BY version", kiosk=kiosk):
        tip = Head(one.tip_seq, bytes(one.tip_hash))
        if one.kind == "fork":
            fork = fork or Line(tip, Reason.FORK, one.fork_seq)
        else:
            is_further = drawn is None or tip.seq > drawn.tip.seq  # a person believes more than the line before it did
            since_ms = one.since_ms if drawn is None or is_further else drawn.since_ms
            drawn = None if one.kind == "resumed" else Line(tip, LINE_REASONS[one.kind], since_ms=since_ms)
    return Lines(fork, drawn)


LINE_REASONS = {"stopped": Reason.STOPPED, "withdrawn": Reason.WITHDRAWN}


def accepted_holes(connection: sa.Connection, kiosk: bytes) -> dict[int, int]:
    """Return {first: last} of the holes that stand accepted."""
    found = rows(connection, "SELECT * FROM hole WHERE kiosk = :kiosk ORDER BY first_seq, version", kiosk=kiosk)
    newest = {one.first_seq: one for one in found}
    return {first: one.last_seq for first, one in newest.items() if one.state == "accepted"}


def events_now(connection: sa.Connection, wanted: Iterable[int]) -> dict[int, EventNow]:
    """Return the newest version of events with their activities. Numbers that are no event are left out."""
    events: dict[int, EventNow] = {}
    for event in sorted(set(wanted)):
        newest = row(connection, "SELECT * FROM event WHERE event = :event ORDER BY version DESC LIMIT 1", event=event)
        if newest is not None:
            activities = read_activities(connection, event, newest.version)
            by_number = {one.activity: one for one in activities}
            events[event] = EventNow(newest.starts_ms, newest.ends_ms, newest.allotment, by_number)
    return events


def read_activities(connection: sa.Connection, event: int, version: int) -> tuple[Activity, ...]:
    """Return the activities of one version of an event."""
    found = rows(
        connection,
        "SELECT * FROM activity WHERE event = :event AND version = :version ORDER BY activity",
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
            read_slots(decode(bytes(one.slots), depth=2)),
        )
        for one in found
    )


def lost_now(connection: sa.Connection) -> frozenset[tuple[int, int]]:
    """Return all cards that are listed as lost now: (member, issue)."""
    found = rows(connection, "SELECT member, issue, state FROM lost_card ORDER BY bucket, member, issue, version")
    newest = {(one.member, one.issue): one.state for one in found}
    return frozenset(card for card, state in newest.items() if state == "lost")


def _manifests(hub: Hub, connection: sa.Connection, kiosk: bytes) -> dict[tuple[Instance, int], Manifest]:
    """Return what was signed for a kiosk. One that cannot be read counts as not there: its grants are held."""
    found = rows(connection, "SELECT encoded FROM manifest WHERE kiosk = :kiosk", kiosk=kiosk)
    manifests = [read_stored_manifest(hub, bytes(one.encoded)) for one in found]
    return {(one.instance, one.version): one for one in manifests if one is not None}


def read_stored_manifest(hub: Hub, encoded: bytes) -> Manifest | None:
    """Return a manifest the hub has signed, None where it cannot be read. Each is read once, because it never changes
    and every batch asks for it.
    """
    if encoded not in hub.manifest_cache:
        try:
            hub.manifest_cache[encoded] = read_manifest(encoded, hub.keyring.verifying(MANIFEST))
        except WireError:
            hub.manifest_cache[encoded] = None
    return cast("Manifest | None", hub.manifest_cache[encoded])


def _unusual_members(connection: sa.Connection, members: set[int]) -> dict[int, MemberNow]:
    """Return those of `members` that are not simply open."""
    fill_asked(connection, members)
    found = rows(
        connection,
        """
        SELECT a.member, m.state, m.since_ms, m.version
        FROM asked a LEFT JOIN member m ON m.bucket = a.bucket AND m.member = a.member
        WHERE m.state IS NULL OR m.version > 1 OR m.state <> 'open' ORDER BY a.member, m.version
        """,
    )
    newest = {one.member: MemberNow(one.state or "unknown", one.since_ms or 0) for one in found}
    return {member: now for member, now in newest.items() if now.state != "open"}


def _issues(connection: sa.Connection, members: set[int]) -> dict[int, frozenset[int]]:
    """Return the card issues the hub has given to each of `members`."""
    if not members:
        return {}
    fill_asked(connection, members)
    found = rows(
        connection,
        """
        SELECT c.member, c.issue FROM asked a CROSS JOIN card c WHERE c.bucket = a.bucket AND c.member = a.member
        """,
    )
    issues: dict[int, frozenset[int]] = {}
    for one in found:
        issues[one.member] = issues.get(one.member, frozenset()) | {one.issue}
    return issues


def _decisions(connection: sa.Connection, kiosk: bytes) -> dict[bytes, Decision]:
    found = rows(connection, "SELECT * FROM decision WHERE kiosk = :kiosk ORDER BY seq, hash, version", kiosk=kiosk)
    return {bytes(one.hash): Decision(one.kind, Reason(one.reasons), one.allotment) for one in found}


def _replacements(connection: sa.Connection, kiosk: bytes) -> tuple[Replacement, ...]:
    """Return the replacements in force, the newest first. A version says of a range what holds from then on."""
    newest: dict[tuple[int, int, int, int], sa.Row[tuple[object, ...]]] = {}
    for one in rows(connection, "SELECT * FROM replacement WHERE kiosk = :kiosk ORDER BY version", kiosk=kiosk):
        newest[one.first_seq, one.last_seq, one.from_event, one.from_activity] = one
    found = sorted(newest.values(), key=lambda one: -one.version)
    return tuple(
        Replacement(
            one.first_seq,
            one.last_seq,
            one.from_event,
            one.from_activity,
            one.event,
            one.activity,
            one.slot,
            one.allotment,
            one.since_ms,
            _activity(connection, one.event, one.event_version, one.activity),
        )
        for one in found
        if one.state == "in force"
    )


def _activity(connection: sa.Connection, event: int, version: int, number: int) -> Activity | None:
    return next((one for one in read_activities(connection, event, version) if one.activity == number), None)


def _answers(connection: sa.Connection, kiosk: bytes) -> Mapping[bytes, Answer]:
    found = rows(connection, "SELECT * FROM boot_start WHERE kiosk = :kiosk ORDER BY boot, version", kiosk=kiosk)
    newest = {bytes(one.boot): one for one in found}
    return {boot: Answer(one.started_ms, one.since_ms) for boot, one in newest.items() if one.started_ms is not None}
