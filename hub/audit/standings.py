"""What each arrived entry of one kiosk is worth by itself: eligible, held or dismissed, with all reasons, its key, its
points and where they come from (docs/verdicts.md). Pure.

Written from the documents and not from the hub's own judging, so that a misreading on either side shows as a
difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator
from functools import lru_cache
from typing import NamedTuple

from hub.audit.decided import Decided, Decision, Replacement
from hub.audit.expected import DISMISSED, ELIGIBLE, HELD, NO_KEY, Expected, Key
from hub.audit.folds import Fold, State, fold_of
from hub.audit.journal import Arrived
from hub.audit.reference import UNKNOWN, Reference
from hub.audit.shares import Carried
from hub.audit.times import FROM_ARRIVAL, Interval, Times
from hub.audit.tree import Tree
from hub.intake.reasons import Reason
from sync.citytime import city_day
from sync.entry import Clock, Grant, Opened, Read, Stamp, Trust, Void
from sync.keys import Instance
from sync.manifest import Activity, OccasionBy
from sync.member import bucket_of
from sync.rules import points_for

NEVER_SET_ASIDE = int(
    Reason.NOT_UNDERSTOOD
    | Reason.OCCASION
    | Reason.MEMBER_UNKNOWN
    | Reason.BEYOND_SHARE
    | Reason.HOLE
    | Reason.VOID_OF_NOTHING
    | Reason.CLOCK
)
"""What no release sets aside: each has an act of its own, or none."""
COVERED_BY_DECISION = int(Reason.NOT_THIS_KIOSKS | Reason.FORK | Reason.STOPPED | Reason.WITHDRAWN | Reason.HOLE)
"""Where no share covers a grant, so that its release says where the points come from."""
VOID_WITHIN_MS = 10 * 3_600_000

LOST_CARD, EXPIRED, TYPED, UNKNOWN_ISSUE, UNKNOWN_KEY, TIME_DOUBTED, DAY_DOUBTED = (
    "lost card",
    "expired token",
    "typed",
    "unknown issue",
    "unknown key",
    "time doubted",
    "day doubted",
)

_bucket_of = lru_cache(maxsize=65_536)(bucket_of)


class What(NamedTuple):
    """What a grant is for, by its manifest or by the replacement that covers it, and the reasons that follow."""

    event: int
    activity: int
    occasion: int
    points: int
    allotment: int
    natural_allotment: int
    window: tuple[int, int] | None
    is_by_day: bool
    reasons: int


class When(NamedTuple):
    """When a grant was made, on which day, and the reasons and flags that follow."""

    moment: Interval
    occasion: int
    reasons: int
    flags: tuple[str, ...]


class Place(NamedTuple):
    """Where a grant lies: its key, its points, the allotment they come out of, and the one that its manifest says."""

    key: Key
    points: int
    allotment: int
    natural_allotment: int


class Judge:
    """Judges one kiosk. Once it has, `flags` are those of its grants: {place: flags}, `elsewhere` those that lie
    elsewhere than signed, and `folds` what the branch had come to before the numbers asked for, and (-1) at its end.
    """

    def __init__(
        self,
        kiosk: bytes,
        tree: Tree,
        carried: Carried,
        decided: Decided,
        reference: Reference,
        folds_before: Container[int] = (),
    ) -> None:
        self._kiosk = kiosk
        self._tree = tree
        self._carried = carried
        self._decided = decided
        self._reference = reference
        self.times = Times(tree.main, carried.manifests, decided.answers)
        self.state = State()
        self.flags: dict[tuple[int, bytes], tuple[str, ...]] = {}
        self.elsewhere: dict[tuple[int, bytes], Expected] = {}
        self.folds: dict[int, Fold] = {}
        self._folds_before = folds_before
        self._limits = _limits_from(carried)
        self._readings = _readings(tree.main)
        self._voided, self._voids = self._look_at_voids()

    def expected(self) -> Iterator[Expected]:
        """Yield what is expected of every entry that has a verdict."""
        for position, one in enumerate(self._tree.main):
            if one.seq in self._folds_before:
                self.folds[one.seq] = fold_of(self.state, self.times, position)
            standing = None if one.is_altered else self._on_main(position, one)
            if standing is not None:
                yield standing
        self.folds[-1] = fold_of(self.state, self.times, len(self._tree.main))
        for one, reasons in self._tree.aside:
            if one.is_altered:
                continue
            if one.body is None:
                yield self._no_grant(one, reasons | Reason.NOT_UNDERSTOOD, None)
            elif isinstance(one.body, Grant):
                yield self._off_main(one, one.body, reasons)

    def _on_main(self, position: int, one: Arrived) -> Expected | None:
        body = one.body
        if isinstance(body, Grant):
            return self._grant(position, one, body)
        if body is None:
            return self._no_grant(one, Reason.NOT_UNDERSTOOD, None)
        if isinstance(body, Opened):
            self.state.open(body)
        if isinstance(body, Void) and (reason := self._voids.get(position)):
            return self._no_grant(one, reason, self.times.at_arrival(position))
        if isinstance(body, Clock) and position in self.times.disbelieved:
            return self._no_grant(one, Reason.CLOCK, self.times.at_arrival(position))
        return None

    def _grant(self, position: int, one: Arrived, grant: Grant) -> Expected:
        what = self._what(one, grant)
        decision = self._decided.decisions.get((one.seq, one.hash))
        when = self._when(position, one, grant, what)
        reasons = what.reasons | when.reasons | self._who(grant, one.arrived_ms)
        flags = (*self._flags(grant, when.moment), *when.flags)
        verdict, left = self._decide(one, reasons, decision)
        allotment = what.allotment
        if verdict == ELIGIBLE and decision is not None and reasons & COVERED_BY_DECISION:
            allotment = decision.allotment
        key = (what.event, _bucket_of(grant.member), grant.member, what.activity, when.occasion)
        place = Place(key, what.points, allotment, what.natural_allotment)
        return self._standing(one, grant, place, when.moment, verdict, left, flags)

    def _what(self, one: Arrived, grant: Grant) -> What:
        """Tell what a grant is for, and take its points out of the share it was signed under."""
        state = self.state
        manifest = self._carried.manifests.get(state.manifest) if state.manifest else None
        event = manifest.event(grant.event) if manifest else None
        is_beyond = False
        if event is not None and state.manifest is not None:
            state.used[event.allotment] += grant.points
            is_beyond = state.used[event.allotment] > self._limits[state.manifest].get(event.allotment, 0)
        for replacement in self._decided.replacements:
            if _covers(replacement, one.seq, grant):
                return self._replaced(grant, replacement, event.allotment if event else 0)
        reasons = Reason.BEYOND_SHARE if is_beyond else 0
        activity = event.activity(grant.activity) if event else None
        if state.is_old():
            reasons |= Reason.MANIFEST_OLD
        if activity is None:
            reasons |= Reason.NOT_THIS_KIOSKS
        else:
            reasons |= _misfits(activity, grant)
        now = self._reference.event_now(grant.event) or event
        window = (now.starts_ms, now.ends_ms) if now else None
        by_day = activity is not None and activity.occasion_by is OccasionBy.DAY
        allotment = event.allotment if event else 0
        signed = (grant.event, grant.activity, grant.occasion, grant.points)
        return What(*signed, allotment, allotment, window, by_day, int(reasons))

    def _replaced(self, grant: Grant, by: Replacement, natural: int) -> What:
        event = self._reference.event_now(by.event)
        activity = event.activity(by.activity) if event else None
        points = points_for(activity.rule, grant.quantity) if activity else None
        reasons = 0 if points is not None else int(Reason.POINTS)
        if activity is not None and activity.occasion_by is OccasionBy.SLOT and activity.slot(by.slot) is None:
            reasons |= Reason.OCCASION
        window = (event.starts_ms, event.ends_ms) if event else None
        is_by_day = activity is not None and activity.occasion_by is OccasionBy.DAY
        occasion = grant.occasion if is_by_day else by.slot
        given = grant.points if points is None else points
        return What(by.event, by.activity, occasion, given, by.allotment, natural, window, is_by_day, reasons)

    def _when(self, position: int, one: Arrived, grant: Grant, what: What) -> When:
        """Tell when a grant was made: whether that misses its event's window, and which day of it that is."""
        moment = self.times.at_arrival(position)
        full = self.times.in_full(position) if self.times.learnt_more(position) else moment
        if what.window is None:
            return When(moment, what.occasion, 0, ())
        reasons, flags = 0, []
        if moment.misses(*what.window):
            reasons |= Reason.TIME
        elif full.misses(*what.window):
            flags.append(TIME_DOUBTED)
        if not what.is_by_day:
            return When(moment, what.occasion, int(reasons), tuple(flags))
        day = self._day(one, grant, moment, what.window, one.arrived_ms)
        if day is not None:
            if not city_day(full.not_before_ms) <= day <= city_day(full.not_after_ms):
                flags.append(DAY_DOUBTED)
            return When(moment, day, int(reasons), tuple(flags))
        if self._set_aside(one) & Reason.DAY:
            return When(moment, grant.occasion, int(reasons), tuple(flags))
        day = self._day(one, grant, full, what.window, 2**63) if full != moment else None
        if day is not None:
            return When(full, day, int(reasons), tuple(flags))
        return When(moment, grant.occasion, int(reasons | Reason.DAY), tuple(flags))

    def _day(self, one: Arrived, grant: Grant, when: Interval, window: tuple[int, int], known_by_ms: int) -> int | None:
        """Return the city day of a once-a-day grant, None where an interval does not tell."""
        first = max(city_day(when.not_before_ms), city_day(window[0]))
        last = min(city_day(when.not_after_ms), city_day(window[1]))
        if first > last:
            return city_day(when.guess_ms)
        if first == last:
            return first
        stamp = one.stamp
        if stamp is None or not first <= grant.occasion <= last or stamp.trust == Trust.NONE:
            return None
        if stamp.trust == Trust.HUB or self._is_alone(grant, stamp, known_by_ms):
            return grant.occasion
        return None

    def _is_alone(self, grant: Grant, stamp: Stamp, known_by_ms: int) -> bool:
        """Tell whether no other boot granted the same person the same under the same reading of the day."""
        others = self._readings[_reading_of(grant)]
        return all(boot == stamp.boot or arrived_ms > known_by_ms for boot, arrived_ms in others)

    def _who(self, grant: Grant, arrived_ms: int) -> int:
        state, since_ms = self._reference.members.get(grant.member, UNKNOWN)
        if state == "open":
            return 0
        if state == "ended":
            return int(Reason.MEMBER_ENDED) if arrived_ms >= since_ms else 0
        return int(Reason.MEMBER_UNKNOWN)

    def _decide(self, one: Arrived, reasons: int, decision: Decision | None) -> tuple[str, int]:
        """Return the verdict and the reasons that are left: a dismissal outranks a void, and that a release."""
        if decision is not None and decision.kind == "dismiss":
            return DISMISSED, int(Reason.DECIDED)
        if one.seq in self._voided and not reasons & _OFF_MAIN:
            return DISMISSED, int(Reason.VOIDED)
        reasons &= ~self._set_aside(one)
        return (HELD, int(reasons)) if reasons else (ELIGIBLE, 0)

    def _flags(self, grant: Grant, when: Interval) -> Iterator[str]:
        reference = self._reference
        if (grant.member, grant.issue) in reference.lost:
            yield LOST_CARD
        if grant.expiry_day and city_day(when.guess_ms) > grant.expiry_day:
            yield EXPIRED
        if grant.how == Read.TYPED:
            yield TYPED
        if grant.issue > reference.issues.get(grant.member, 1):
            yield UNKNOWN_ISSUE
        if grant.kid is not None and grant.kid not in reference.member_keys:
            yield UNKNOWN_KEY

    def _off_main(self, one: Arrived, grant: Grant, reasons: int) -> Expected:
        """Beside the main branch nothing is known of a grant but who it is for; a release says what covers it."""
        decision = self._decided.decisions.get((one.seq, one.hash))
        reasons |= self._who(grant, one.arrived_ms)
        verdict, left = self._decide(one, reasons, decision)
        moment = Interval(0, one.arrived_ms, one.arrived_ms, FROM_ARRIVAL)
        allotment = decision.allotment if verdict == ELIGIBLE and decision is not None else 0
        key = (grant.event, _bucket_of(grant.member), grant.member, grant.activity, grant.occasion)
        flags = tuple(self._flags(grant, moment))
        return self._standing(one, grant, Place(key, grant.points, allotment, 0), moment, verdict, left, flags)

    def _standing(
        self,
        one: Arrived,
        grant: Grant,
        place: Place,
        when: Interval,
        verdict: str,
        reasons: int,
        flags: tuple[str, ...],
    ) -> Expected:
        if flags and verdict == ELIGIBLE:
            self.flags[one.seq, one.hash] = flags
        event, _, member, activity, occasion = place.key
        natural = (event, member, activity, occasion, place.points, place.allotment)
        signed = (grant.event, grant.member, grant.activity, grant.occasion, grant.points, place.natural_allotment)
        expected = Expected(
            *place.key,
            self._kiosk,
            one.seq,
            one.hash,
            place.points,
            place.allotment,
            when.guess_ms,
            when.source,
            verdict,
            reasons,
            one.stamp.boot if one.stamp else b"",
            one.arrived_ms,
            is_counted=True,
            is_natural=natural == signed,
        )
        if natural != signed:
            self.elsewhere[one.seq, one.hash] = expected
        return expected

    def _no_grant(self, one: Arrived, reasons: int, when: Interval | None) -> Expected:
        """An entry that is held, or was dismissed, but is no grant."""
        decision = self._decided.decisions.get((one.seq, one.hash))
        is_dismissed = decision is not None and decision.kind == "dismiss"
        is_counted = bool(reasons & Reason.NOT_UNDERSTOOD)
        if is_dismissed:
            reasons = int(Reason.DECIDED) if is_counted else int(reasons | Reason.DECIDED)
        moment, source = (one.arrived_ms, FROM_ARRIVAL) if when is None else (when.guess_ms, when.source)
        return Expected(
            *NO_KEY,
            self._kiosk,
            one.seq,
            one.hash,
            0,
            0,
            moment,
            source,
            DISMISSED if is_dismissed else HELD,
            int(reasons),
            one.stamp.boot if one.stamp else b"",
            one.arrived_ms,
            is_counted=is_counted,
            is_natural=True,
        )

    def _look_at_voids(self) -> tuple[set[int], dict[int, Reason]]:
        """Return the numbers of voided grants, and the positions of voids that are held, each with its reason."""
        grants: dict[int, Arrived] = {}
        voided: set[int] = set()
        held: dict[int, Reason] = {}
        for position, one in enumerate(self._tree.main):
            if isinstance(one.body, Grant) or one.is_altered:
                grants[one.seq] = one
            elif isinstance(one.body, Void):
                reason = self._reason_to_hold_a_void(one, grants.get(one.body.seq))
                if reason is Reason.VOID_DAY and self._set_aside(one) & Reason.VOID_DAY:
                    reason = None
                if reason is None:
                    voided.add(one.body.seq)
                else:
                    held[position] = reason
        return voided, held

    def _set_aside(self, one: Arrived) -> int:
        """Return the reasons that a release sets aside, where it may."""
        decision = self._decided.decisions.get((one.seq, one.hash))
        if decision is None or decision.kind != "release":
            return 0
        return decision.reasons & ~NEVER_SET_ASIDE

    def _reason_to_hold_a_void(self, void: Arrived, grant: Arrived | None) -> Reason | None:
        if grant is None:
            return Reason.VOID_OF_NOTHING
        if grant.is_altered or grant.stamp is None or void.stamp is None:
            return None
        is_same_boot = grant.stamp.boot == void.stamp.boot
        if is_same_boot and abs(void.stamp.monotonic_ms - grant.stamp.monotonic_ms) < VOID_WITHIN_MS:
            return None
        day = self.times.day_by_anchor(grant.stamp)
        return None if day is not None and day == self.times.day_by_anchor(void.stamp) else Reason.VOID_DAY


_OFF_MAIN = int(Reason.HOLE | Reason.FORK | Reason.STOPPED | Reason.WITHDRAWN)


def _misfits(activity: Activity, grant: Grant) -> int:
    """Return what is wrong with a grant by its own activity: its points, its occasion."""
    reasons = 0
    if points_for(activity.rule, grant.quantity) != grant.points:
        reasons |= Reason.POINTS
    if activity.occasion_by is OccasionBy.NONE and grant.occasion != 0:
        reasons |= Reason.OCCASION
    if activity.occasion_by is OccasionBy.SLOT and activity.slot(grant.occasion) is None:
        reasons |= Reason.OCCASION
    return int(reasons)


def _covers(replacement: Replacement, seq: int, grant: Grant) -> bool:
    return (
        replacement.first_seq <= seq <= replacement.last_seq
        and replacement.from_event == grant.event
        and replacement.from_activity == grant.activity
    )


def _limits_from(carried: Carried) -> dict[tuple[Instance, int], dict[int, int]]:
    """Return for each manifest the most that it or a later one lets a kiosk carry of each allotment."""
    highest: dict[int, int] = {}
    found = {}
    for named in sorted(carried.manifests, reverse=True):
        for allotment, total, reserve in carried.manifests[named].shares:
            highest[allotment] = max(total + reserve, highest.get(allotment, 0))
        found[named] = dict(highest)
    return found


def _reading_of(grant: Grant) -> tuple[int, int, int, int]:
    return (grant.event, grant.activity, grant.member, grant.occasion)


def _readings(main: list[Arrived]) -> dict[tuple[int, int, int, int], list[tuple[bytes, int]]]:
    """Return which boots granted what to whom under which reading of the day, and when that arrived."""
    found: dict[tuple[int, int, int, int], list[tuple[bytes, int]]] = defaultdict(list)
    for one in main:
        if isinstance(one.body, Grant) and one.stamp is not None:
            found[_reading_of(one.body)].append((one.stamp.boot, one.arrived_ms))
    return found
