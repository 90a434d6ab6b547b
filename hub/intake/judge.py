"""Pure: what each entry of one kiosk is worth by itself, before grants of different kiosks meet on a repeat key
(docs/verdicts.md).

`judge` folds over a branch in order and mutates nothing it is handed. Its fold can be kept and carried on by the next
batch, taken up again at any kept place, or made again from entry 1: all give the same standings. Time, members and acts
are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_

from hub.intake.intervals import (
    FOR_EVER_MS,
    Floors,
    Interval,
    Known,
    Sample,
    Signed,
    Source,
    floor_known,
    interval,
    is_believed,
    signed_by,
    with_floor,
)
from hub.intake.occasions import occasion_of
from hub.intake.offers import Offer, offered_by_manifest, replaced, replacement_of
from hub.intake.reasons import NONE, NOT_COUNTED, RELEASABLE, UNCOVERED, Reason
from hub.intake.settle import RepeatKey
from hub.intake.values import (
    NO_KEY,
    NO_VOIDS,
    Attested,
    Candidacy,
    Decision,
    Facts,
    Flag,
    Fold,
    Judged,
    Standing,
    Voids,
    is_released,
)
from sync.citytime import city_day
from sync.entry import Clock, Grant, Opened, Read, Stamp, Void
from sync.keys import Instance
from sync.manifest import Event, Manifest
from sync.member import bucket_of


def judge(
    facts: Facts,
    fold: Fold,
    entries: Iterable[Attested],
    known: Known,
    voids: Voids = NO_VOIDS,
    aside: Mapping[bytes, Reason] | None = None,
) -> Judged:
    """Judge a run of one branch from `fold` on. With `aside`, the run lies off the main branch, for those reasons."""
    course = _Course(fold, known)
    standings = []
    for attested in entries:
        off = aside[attested.hash] if aside is not None else NONE
        standing = _judge_one(facts, course, attested, known, voids, off)
        if standing is not None:
            standings.append(standing)
    return Judged(course.fold(), standings)


class _Course:
    """The fold while it is carried on, in a form that is quick to change. Off the main branch no sample counts, but
    the floors do no harm there: nothing is posted from them without a person.
    """

    def __init__(self, fold: Fold, known: Known) -> None:
        self._known = known
        self.manifest, self.newest = fold.manifest, fold.newest
        self.used = dict(fold.used)
        self.floors, self.boot, self.confirmed, self.sample = fold.floors, fold.boot, fold.confirmed, fold.sample
        self.offers: dict[tuple[int, int, int, int], Offer] = {}
        self._limits: dict[int, int] = {}
        self._limits_under: tuple[Instance, int] | None = None

    def fold(self) -> Fold:
        used = tuple(sorted(self.used.items()))
        return Fold(self.manifest, self.newest, used, self.floors, self.boot, self.confirmed, self.sample)

    @property
    def is_old(self) -> bool:
        """Tell whether the manifest in force was named again after a newer one."""
        return self.manifest not in {None, self.newest}

    def limit(self, facts: Facts, allotment: int) -> int:
        """Return what covers grants now: the most that was signed since the newest manifest that was named. What was
        lowered before has gone back to the allotment, whichever manifest is named again.
        """
        if self._limits_under != self.newest:
            self._limits, self._limits_under = {}, self.newest
        if allotment not in self._limits:
            named = (self.newest[0].opened_ms, self.newest[1]) if self.newest else (0, 0)
            signed = facts.shares.get(allotment, ())
            self._limits[allotment] = max((one.limit for one in signed if one.manifest >= named), default=0)
        return self._limits[allotment]

    def enter(self, boot: bytes, seq: int) -> None:
        """Go on in a boot. One that comes back has its first sample of before."""
        if boot != self.boot:
            samples = self._known.by_boot.get(boot, ())
            earlier = next((one for one in samples if one.seq < seq), None)
            self.boot, self.confirmed, self.sample = boot, None, earlier

    def take_sample(self, attested: Attested, clock: Clock, stamp: Stamp) -> bool:
        if not is_believed(clock, floor_known(self.floors, attested.arrived_ms), attested.arrived_ms):
            return False
        self.floors = with_floor(self.floors, attested.arrived_ms, clock.hub_ms)
        if self.sample is None:
            self.sample = _sample(attested, clock, stamp)
        return True

    def name_manifest(self, opened: Opened, stamp: Stamp, arrived_ms: int, manifest: Manifest | None) -> None:
        """Go on under a manifest; None is one that had not been signed when the entry arrived, or none at all."""
        self.manifest, self.offers = opened.manifest if manifest is not None else None, {}
        if opened.confirmed_ms is not None:
            self.confirmed = (opened.confirmed_ms, stamp.monotonic_ms)
        if manifest is not None and self.manifest is not None:
            self.floors = with_floor(self.floors, arrived_ms, manifest.issued_ms)
            self.newest = self.manifest if self.newest is None else max(self.newest, self.manifest)


def _judge_one(  # one step of the fold
    facts: Facts, course: _Course, attested: Attested, known: Known, voids: Voids, off: Reason
) -> Standing | None:
    entry = attested.entry
    if entry is None:
        return _without_key(facts, attested, Reason.NOT_UNDERSTOOD | off)
    body = entry.body
    course.enter(entry.stamp.boot, attested.seq)
    if isinstance(body, Grant):
        return _judge_grant(facts, course, attested, entry.stamp, body, known, voids, off)
    if isinstance(body, Opened):
        manifest = _manifest_named(body, attested.arrived_ms, facts.manifests)
        course.name_manifest(body, entry.stamp, attested.arrived_ms, manifest)
    elif isinstance(body, Clock):
        if not course.take_sample(attested, body, entry.stamp) and not off:
            return _without_key(facts, attested, Reason.CLOCK)
    elif isinstance(body, Void) and not off:
        reason = voids.held.get(attested.seq)
        return _without_key(facts, attested, reason) if reason else None
    return None


def _judge_grant(  # one step of the fold
    facts: Facts,
    course: _Course,
    attested: Attested,
    stamp: Stamp,
    grant: Grant,
    known: Known,
    voids: Voids,
    off: Reason,
) -> Standing:
    manifest = facts.manifests.get(course.manifest) if course.manifest else None
    event = manifest.event(grant.event) if manifest else None
    if event is not None and not off:
        course.used[event.allotment] = course.used.get(event.allotment, 0) + grant.points
    replacement = replacement_of(facts, attested, grant)
    offer = _offered(facts, course, grant, event) if replacement is None else replaced(facts, grant, replacement)
    signed, at_arrival, in_full = _seen(course, attested, stamp, known)
    decision = facts.decisions.get(attested.hash)
    is_read = is_released(decision, Reason.DAY)
    occasion, occasion_reason = occasion_of(offer, grant, signed, (at_arrival, in_full), known, is_read=is_read)
    is_missed = at_arrival.misses(*offer.window)
    member_reason = _reason_of_member(facts, grant, attested.arrived_ms)
    reasons = _together(offer.reasons, off, member_reason, Reason.TIME if is_missed else NONE, occasion_reason)
    allotment = offer.allotment
    if reasons is not NONE:
        if replacement is None:
            allotment = _source_of(offer, reasons, decision)
        if off or _brings_cover(decision):  # a release covers it from the allotment
            reasons &= ~Reason.BEYOND_SHARE
    candidacy, left = _decided(decision, reasons, is_voided=attested.seq in voids.voided and not off)
    when = at_arrival if occasion is None or occasion.when is None else occasion.when
    day = occasion.number if occasion is not None else grant.occasion
    key = RepeatKey(offer.event, bucket_of(grant.member), grant.member, offer.number, day)
    is_natural = replacement is None and day == grant.occasion and event is not None and allotment == event.allotment
    flags = _flags(facts, grant, when.guess_ms)
    if in_full != at_arrival:
        is_day = occasion.is_day if occasion is not None else is_read and Reason.DAY in reasons
        flags += _doubts(offer, (at_arrival, in_full), day if is_day else None)
    return Standing(
        attested.seq,
        attested.hash,
        grant,
        key,
        offer.points,
        allotment,
        candidacy,
        left,
        flags,
        when.guess_ms,
        when.source,
        stamp.boot,
        is_natural,
    )


def _seen(course: _Course, attested: Attested, stamp: Stamp, known: Known) -> tuple[Signed, Interval, Interval]:
    """Return an entry as far as time is concerned, with its interval as known at arrival and by all that is known."""
    signed = Signed(attested.seq, stamp, attested.arrived_ms, course.floors, course.confirmed)
    at_arrival = interval(signed, known, attested.arrived_ms)
    has_later_floor = bool(course.floors) and course.floors[-1][0] > attested.arrived_ms
    is_more_known = known.by_boot or known.answers or has_later_floor
    return signed, at_arrival, interval(signed, known, FOR_EVER_MS) if is_more_known else at_arrival


def _together(*reasons: Reason) -> Reason:
    """Return all reasons in one. Mostly there are none; adding up none five times takes as long as all else."""
    there = [one for one in reasons if one is not NONE]
    return reduce(or_, there, NONE) if there else NONE


def _offered(facts: Facts, course: _Course, grant: Grant, event: Event | None) -> Offer:
    """Return what a grant is for by the manifest in force, and why that does not hold. Grants of one kind come by the
    hundred, so it is worked out once for each.
    """
    kind = (grant.event, grant.activity, grant.quantity, grant.points)
    offer = course.offers.get(kind)
    if offer is None:
        offer = course.offers[kind] = offered_by_manifest(facts, grant, event, is_old=course.is_old)
    if offer.is_signed and course.used.get(offer.allotment, 0) > course.limit(facts, offer.allotment):
        return offer._replace(reasons=offer.reasons | Reason.BEYOND_SHARE)
    return offer


def _reason_of_member(facts: Facts, grant: Grant, arrived_ms: int) -> Reason:
    """Return why the member cannot be given points, if so. What had arrived before an account was ended stays."""
    now = facts.members.get(grant.member)
    if now is None:
        return NONE
    if now.state == "unknown":
        return Reason.MEMBER_UNKNOWN
    return Reason.MEMBER_ENDED if arrived_ms >= now.since_ms else NONE


def _decided(decision: Decision | None, reasons: Reason, *, is_voided: bool) -> tuple[Candidacy, Reason]:
    """Return the candidacy after the newest decision, with the reasons that are left."""
    kind = decision.kind if decision is not None else ""
    if kind == "dismiss":
        return Candidacy.DISMISSED, Reason.DECIDED
    if is_voided:
        return Candidacy.DISMISSED, Reason.VOIDED
    if decision is not None and kind == "release":
        reasons &= ~(decision.reasons & RELEASABLE)
    return (Candidacy.HELD, reasons) if reasons else (Candidacy.ELIGIBLE, NONE)


def _source_of(offer: Offer, reasons: Reason, decision: Decision | None) -> int:
    """Return the allotment a grant's points come out of: the released one's decision says so where no share does."""
    is_uncovered = bool(reasons & (UNCOVERED | Reason.BEYOND_SHARE))
    return decision.allotment if is_uncovered and decision is not None and _brings_cover(decision) else offer.allotment


def _brings_cover(decision: Decision | None) -> bool:
    """Tell whether a release moved the points to the kiosk, because no share covered the grant. They stay there for it,
    whatever becomes of the reason: a stop that is taken back leaves it covered.
    """
    return decision is not None and decision.kind == "release" and decision.allotment != 0


def _flags(facts: Facts, grant: Grant, occurred_ms: int) -> tuple[Flag, ...]:
    flags: tuple[Flag, ...] = ()
    if (grant.member, grant.issue) in facts.lost_cards:
        flags += (Flag.LOST_CARD,)
    if grant.expiry_day and city_day(occurred_ms) > grant.expiry_day:
        flags += (Flag.EXPIRED,)
    if grant.how == Read.TYPED:
        return (*flags, Flag.TYPED)
    if grant.issue > 1 and _is_unknown_issue(grant.issue, facts.issues.get(grant.member)):
        flags += (Flag.UNKNOWN_ISSUE,)
    if grant.kid is not None and grant.kid not in facts.keys:
        flags += (Flag.UNKNOWN_KEY,)
    return flags


def _is_unknown_issue(issue: int, given: frozenset[int] | None) -> bool:
    """Tell whether the hub never gave a card. What lies below a member's first card was in hand before the number was
    made known.
    """
    return given is None or (issue > min(given) and issue not in given)


def _doubts(offer: Offer, when: tuple[Interval, Interval], day: int | None) -> tuple[Flag, ...]:
    """Return what later knowledge says against a grant that was good when it arrived."""
    at_arrival, in_full = when
    flags: tuple[Flag, ...] = ()
    if in_full.misses(*offer.window) and not at_arrival.misses(*offer.window):
        flags += (Flag.TIME_DOUBTED,)
    if day is not None and not city_day(in_full.earliest_ms) <= day <= city_day(in_full.latest_ms):
        flags += (Flag.DAY_DOUBTED,)
    return flags


def _without_key(facts: Facts, attested: Attested, reasons: Reason) -> Standing:
    """Return the standing of what is no grant: it waits for a person, moves nothing and lies under no key."""
    decision = facts.decisions.get(attested.hash)
    candidacy = Candidacy.HELD
    if decision is not None and decision.kind == "dismiss":
        candidacy, reasons = Candidacy.DISMISSED, reasons & NOT_COUNTED | Reason.DECIDED
    boot = attested.entry.stamp.boot if attested.entry is not None else b""
    at = (attested.arrived_ms, Source.ARRIVAL, boot)
    return Standing(attested.seq, attested.hash, None, NO_KEY, 0, 0, candidacy, reasons, (), *at)


def samples_in(
    entries: Iterable[Attested], manifests: Mapping[tuple[Instance, int], Manifest], floors: Floors = ()
) -> list[Sample]:
    """Return the believed time samples of a branch, in order. `floors` are the hub-signed times before it."""
    samples = []
    for attested in entries:
        entry = attested.entry
        if entry is None:
            continue
        if isinstance(entry.body, Opened):
            manifest = _manifest_named(entry.body, attested.arrived_ms, manifests)
            floors = with_floor(floors, attested.arrived_ms, manifest.issued_ms if manifest else 0)
        elif isinstance(entry.body, Clock) and is_believed(
            entry.body, floor_known(floors, attested.arrived_ms), attested.arrived_ms
        ):
            floors = with_floor(floors, attested.arrived_ms, entry.body.hub_ms)
            samples.append(_sample(attested, entry.body, entry.stamp))
    return samples


def manifests_named(
    entries: Iterable[Attested], manifests: Mapping[tuple[Instance, int], Manifest]
) -> list[tuple[Instance, int]]:
    """Return the manifests that entries name, as far as they had been signed before."""
    found = []
    for attested in entries:
        body = attested.entry.body if attested.entry is not None else None
        if isinstance(body, Opened) and body.manifest is not None:
            found += [body.manifest] if _manifest_named(body, attested.arrived_ms, manifests) is not None else []
    return found


def _manifest_named(
    opened: Opened, arrived_ms: int, manifests: Mapping[tuple[Instance, int], Manifest]
) -> Manifest | None:
    """Return the manifest that an `opened` names, if it had been signed before the entry arrived. A number that is
    signed later was made up, and names nothing for ever.
    """
    manifest = manifests.get(opened.manifest) if opened.manifest is not None else None
    return manifest if manifest is not None and manifest.issued_ms < arrived_ms else None


def _sample(attested: Attested, clock: Clock, stamp: Stamp) -> Sample:
    return Sample(attested.seq, attested.arrived_ms, stamp.boot, clock, signed_by(clock, stamp))
