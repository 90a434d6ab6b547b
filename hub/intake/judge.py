"""Pure: what each grant of one kiosk is worth by itself, before grants of different kiosks meet on a repeat key.

`judge` folds over the main branch in order. Its fold can be kept and carried on by the next batch, or thrown away and
made again from entry
1: both give the same standings, and a test holds them against each other. Time, members and acts are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import cbor2

from sync.citytime import city_day
from sync.entry import Clock, Entry, Grant, Opened, Read, Stamp, Void
from sync.keys import Instance
from sync.manifest import Event, Manifest
from sync.rules import points_for

VOID_OF_NOTHING = "void of nothing"
"""The reason of a held entry that is no grant and must not be counted as one."""

MEMBER_UNKNOWN = "member unknown"

SAMPLE_DRIFT_PPM = 200
"""How far a crystal may stray from the hub's time after a sample; twice the worst Pi we have read of."""


class Candidacy(Enum):
    """Whether a grant may win its repeat key."""

    ELIGIBLE = "eligible"
    HELD = "held"
    DISMISSED = "dismissed"


class Judged(NamedTuple):
    """A grant (or an entry that is not understood) with its standing. `allotment` is 0 where the manifest does not
    tell.
    """

    seq: int
    hash: bytes
    grant: Grant | None
    candidacy: Candidacy
    reason: str
    flags: tuple[str, ...]
    occurred_ms: int
    allotment: int


class Attested(NamedTuple):
    """An arrived entry as it is judged. `entry` is None where it is not understood."""

    seq: int
    hash: bytes
    arrived_ms: int
    entry: Entry | None
    defect: str


class EventNow(NamedTuple):
    """An event as the hub has it now; its window may have been corrected since a manifest was signed."""

    starts_ms: int
    ends_ms: int
    allotment: int


@dataclass(frozen=True)
class Facts:
    """Everything beside the entries that a standing depends on, for one kiosk.

    `members` holds only the unusual ones: {member: "unknown" | "ended"}; `ended_ms` is when such an account
    was ended. `shares` is total + reserve now in force per allotment.
    `events` are all events as they stand now; `decisions` are persons' acts by entry hash: "release" or "dismiss".
    """

    manifests: Mapping[tuple[Instance, int], Manifest]
    events: Mapping[int, EventNow]
    shares: Mapping[int, int]
    members: Mapping[int, str] = field(default_factory=dict)
    ended_ms: Mapping[int, int] = field(default_factory=dict)
    lost_cards: frozenset[tuple[int, int]] = frozenset()
    decisions: Mapping[bytes, str] = field(default_factory=dict)


@dataclass
class Fold:
    """What judging the entries so far has left behind. Small, and the same however the entries were split into
    batches.
    """

    manifest: tuple[Instance, int] | None = None
    used: dict[int, int] = field(default_factory=dict)
    floor_ms: int = 0
    boot: bytes = b""
    sample: Clock | None = None
    confirmed: tuple[int, int] | None = None

    def pack(self) -> bytes:
        """Return the fold as bytes for the progress table."""
        return cbor2.dumps(
            (self.manifest, sorted(self.used.items()), self.floor_ms, self.boot, self.sample, self.confirmed)
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Fold:
        """Return the fold in `packed`; the empty fold for nothing."""
        if not packed:
            return cls()
        manifest, used, floor_ms, boot, sample, confirmed = cbor2.loads(packed, immutable=True)
        return cls(
            None if manifest is None else (Instance(*manifest[0]), manifest[1]),
            dict(used),
            floor_ms,
            boot,
            None if sample is None else Clock(*sample),
            confirmed,
        )


def judge(facts: Facts, main: list[Attested], fold: Fold) -> list[Judged]:
    """Return the standing of every grant and every entry not understood in `main`, in order; `fold` is carried on in
    place.
    """
    voided = _voided(main)
    ceilings = _ceilings(main)
    samples = _first_samples(main)
    judged = []
    for place, attested in enumerate(main):
        standing = _judge_one(facts, fold, attested, voided, ceilings[place] if ceilings else None, samples)
        if standing is not None:
            judged.append(standing)
    return judged


def hold_all(facts: Facts, entries: Iterable[Attested], reasons: Mapping[bytes, str]) -> list[Judged]:
    """Return the standing of entries off the main branch or beyond a hole: held for their reason until a person
    decides.
    """
    judged = []
    for attested in entries:
        body = attested.entry.body if attested.entry is not None else None
        if body is not None and not isinstance(body, Grant):
            continue
        candidacy, reason = _decided(facts, attested.hash, reasons[attested.hash], body)
        unusual = _unusual_member(facts, body, attested.arrived_ms) if body is not None else ""
        if candidacy is Candidacy.ELIGIBLE and unusual == MEMBER_UNKNOWN:
            candidacy, reason = Candidacy.HELD, unusual  # nobody can be given points who is not there
        allotment = _allotment_now(facts, body)
        judged.append(Judged(attested.seq, attested.hash, body, candidacy, reason, (), attested.arrived_ms, allotment))
    return judged


def _judge_one(  # one step of the fold
    facts: Facts,
    fold: Fold,
    attested: Attested,
    voided: Mapping[int, set[int]],
    ceiling_ms: int | None,
    samples: Mapping[bytes, Clock],
) -> Judged | None:
    entry = attested.entry
    if entry is None:
        return _held(attested, f"not understood: {attested.defect}", facts)
    body = entry.body
    _enter_boot(fold, entry.stamp, samples)
    if isinstance(body, Grant):
        return _judge_grant(facts, fold, attested, body, voided, ceiling_ms)
    if isinstance(body, Opened):
        fold.manifest = body.manifest
        if body.confirmed_ms is not None:
            fold.confirmed = (body.confirmed_ms, entry.stamp.monotonic_ms)
        manifest = facts.manifests.get(body.manifest) if body.manifest else None
        fold.floor_ms = max(fold.floor_ms, manifest.issued_ms if manifest else 0)
    elif isinstance(body, Clock):
        fold.floor_ms = max(fold.floor_ms, body.hub_ms)
    elif isinstance(body, Void) and attested.seq not in voided.get(body.seq, ()):
        return _held(attested, VOID_OF_NOTHING, facts)
    return None


def _judge_grant(  # one step of the fold
    facts: Facts, fold: Fold, attested: Attested, grant: Grant, voided: Mapping[int, set[int]], ceiling_ms: int | None
) -> Judged:
    manifest = facts.manifests.get(fold.manifest) if fold.manifest else None
    event = manifest.event(grant.event) if manifest else None
    allotment = event.allotment if event else _allotment_now(facts, grant)
    if event:
        fold.used[allotment] = fold.used.get(allotment, 0) + grant.points
    stamp = attested.entry.stamp if attested.entry else None
    earliest, latest, occurred_ms = _interval(fold, stamp, attested.arrived_ms, ceiling_ms)
    if attested.seq in voided:
        return Judged(attested.seq, attested.hash, grant, Candidacy.DISMISSED, "voided", (), occurred_ms, allotment)
    reason = _reason_to_hold(facts, fold, grant, event, (earliest, latest), attested.arrived_ms)
    candidacy, reason = _decided(facts, attested.hash, reason, grant)
    flags = _flags(facts, grant, occurred_ms)
    return Judged(attested.seq, attested.hash, grant, candidacy, reason, flags, occurred_ms, allotment)


RELEASABLE = frozenset({"points", "time", "member ended", "not this kiosk's", "fork", "fenced", "revoked"})
"""What a person may release by a decision. A share is topped up, a hole accepted, an unknown member made known instead.
"""


def _decided(facts: Facts, entry_hash: bytes, reason: str, grant: Grant | None) -> tuple[Candidacy, str]:
    """Return the candidacy and its reason after a person's decision, if there is one."""
    decision = facts.decisions.get(entry_hash)
    if decision == "dismiss":
        return Candidacy.DISMISSED, "decided"
    if not reason or (decision == "release" and reason in RELEASABLE and _allotment_now(facts, grant)):
        return Candidacy.ELIGIBLE, ""
    return Candidacy.HELD, reason


def _allotment_now(facts: Facts, grant: Grant | None) -> int:
    event = facts.events.get(grant.event) if grant is not None else None
    return event.allotment if event else 0


def _reason_to_hold(
    facts: Facts, fold: Fold, grant: Grant, event: Event | None, interval: tuple[int, int], arrived_ms: int
) -> str:
    activity = event.activity(grant.activity) if event else None
    if event is None or activity is None:
        return "not this kiosk's"
    if points_for(activity.rule, grant.quantity) != grant.points:
        return "points"
    unusual = _unusual_member(facts, grant, arrived_ms)
    if unusual:
        return unusual
    now = facts.events.get(grant.event, EventNow(event.starts_ms, event.ends_ms, event.allotment))
    if interval[1] < now.starts_ms or interval[0] > now.ends_ms:
        return "time"
    if fold.used[event.allotment] > facts.shares.get(event.allotment, 0):
        return "beyond share"
    return ""


def _unusual_member(facts: Facts, grant: Grant, arrived_ms: int) -> str:
    """Return why the member cannot be given points, or nothing. What had arrived before an account was ended stays."""
    unusual = facts.members.get(grant.member)
    if unusual is None or arrived_ms < facts.ended_ms.get(grant.member, 0):
        return ""
    return f"member {unusual}"


def _flags(facts: Facts, grant: Grant, occurred_ms: int) -> tuple[str, ...]:
    flags = []
    if (grant.member, grant.issue) in facts.lost_cards:
        flags.append("lost card")
    if grant.expiry_day and city_day(occurred_ms) > grant.expiry_day:
        flags.append("expired token")
    if grant.how == Read.TYPED:
        flags.append("typed")
    return tuple(flags)


def _interval(fold: Fold, stamp: Stamp | None, arrived_ms: int, ceiling_ms: int | None) -> tuple[int, int, int]:
    """Return (not before, not after, occurred) of an entry: what samples, floors, neighbours and arrival allow, and the
    best guess within.
    """
    latest = arrived_ms if ceiling_ms is None else min(arrived_ms, ceiling_ms)
    earliest = min(fold.floor_ms, latest)
    if stamp is None:
        return earliest, latest, latest
    guess = stamp.wall_ms
    if fold.sample is not None:
        guess = fold.sample.hub_ms + stamp.monotonic_ms - fold.sample.received_ms
        apart = abs(stamp.monotonic_ms - fold.sample.received_ms)
        slack = fold.sample.received_ms - fold.sample.sent_ms + apart * SAMPLE_DRIFT_PPM // 1_000_000 + 1_000
        earliest, latest = max(earliest, min(guess - slack, latest)), min(latest, max(guess + slack, earliest))
    elif fold.confirmed is not None:
        guess = fold.confirmed[0] + stamp.monotonic_ms - fold.confirmed[1]
    return earliest, latest, min(max(guess, earliest), latest)


def _enter_boot(fold: Fold, stamp: Stamp, samples: Mapping[bytes, Clock]) -> None:
    if stamp.boot != fold.boot:
        fold.boot, fold.sample, fold.confirmed = stamp.boot, None, None
    if fold.sample is None:
        fold.sample = samples.get(stamp.boot)


def _first_samples(main: list[Attested]) -> dict[bytes, Clock]:
    """Return the first time sample of each boot; it holds for the whole boot, before and after it."""
    samples: dict[bytes, Clock] = {}
    for attested in main:
        if attested.entry is not None and isinstance(attested.entry.body, Clock):
            samples.setdefault(attested.entry.stamp.boot, attested.entry.body)
    return samples


def _ceilings(main: list[Attested]) -> list[int | None]:
    """Return for each entry the earliest moment by which a later `clock` entry was signed: what stands before it in the
    chain was not signed after it.
    """
    if not any(attested.entry is not None and isinstance(attested.entry.body, Clock) for attested in main):
        return []
    ceilings: list[int | None] = []
    ceiling: int | None = None
    for attested in reversed(main):
        if attested.entry is not None and isinstance(attested.entry.body, Clock):
            signed_by_ms = _signed_by(attested.entry.body, attested.entry.stamp)
            ceiling = signed_by_ms if ceiling is None else min(ceiling, signed_by_ms)
        ceilings.append(ceiling)
    return ceilings[::-1]


def _signed_by(sample: Clock, stamp: Stamp) -> int:
    """Return the latest moment at which a `clock` entry can have been signed: grants may have been signed while the
    answer was under way, after the hub had told its time.
    """
    apart = max(0, stamp.monotonic_ms - sample.sent_ms)
    return sample.hub_ms + apart + apart * SAMPLE_DRIFT_PPM // 1_000_000


def _voided(main: list[Attested]) -> dict[int, set[int]]:
    """Return {number of a voided grant: numbers of its voids}; a void counts only for an earlier grant on the same
    branch.
    """
    grants: set[int] = set()
    voided: dict[int, set[int]] = {}
    for attested in main:
        body = attested.entry.body if attested.entry is not None else None
        if isinstance(body, Grant):
            grants.add(attested.seq)
        elif isinstance(body, Void) and body.seq in grants:
            voided.setdefault(body.seq, set()).add(attested.seq)
    return voided


def _held(attested: Attested, reason: str, facts: Facts) -> Judged:
    candidacy, why = _decided(facts, attested.hash, reason, None)
    if reason == VOID_OF_NOTHING:
        why = reason  # dismissed or not, it is never counted as a grant
    return Judged(attested.seq, attested.hash, None, candidacy, why, (), attested.arrived_ms, 0)
