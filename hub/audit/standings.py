"""What each arrived entry of one kiosk is worth by itself: eligible, held or dismissed, with all reasons, its key, its
points and where they come from (docs/verdicts.md). Pure.

Written from the documents and not from the hub's own judging, so that a misreading on either side shows as a
difference.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import NamedTuple

from hub.audit.decided import Decided, Replacement
from hub.audit.expected import DISMISSED, ELIGIBLE, HELD, NO_KEY, Expected, Key
from hub.audit.folds import Fold, Named, State, fold_of, named_by
from hub.audit.journal import Arrived
from hub.audit.reference import UNKNOWN, Reference
from hub.audit.shares import Carried
from hub.audit.times import FROM_ARRIVAL, Interval, Seen, Situation, Times
from hub.audit.tree import Tree
from hub.audit.voids import look_at_voids
from hub.intake.reasons import Reason
from sync.citytime import city_day
from sync.entry import Clock, Grant, Opened, Read, Stamp, Trust, Void
from sync.manifest import Activity, OccasionBy
from sync.member import bucket_of
from sync.rules import points_for

COVERED_BY_DECISION = int(Reason.NOT_THIS_KIOSKS | Reason.FORK | Reason.STOPPED | Reason.WITHDRAWN | Reason.HOLE)
"""Where no share covers a grant, so that its release says where the points come from."""

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
    """What a grant is for, by its manifest or by the replacement that covers it, and the reasons that follow. The
    natural allotment is what the manifest says, None where it says nothing or is not asked.
    """

    event: int
    activity: int
    occasion: int
    points: int
    allotment: int
    natural_allotment: int | None
    window: tuple[int, int] | None
    is_by_day: bool
    reasons: int
    is_replaced: bool = False


class When(NamedTuple):
    """When a grant was made, on which day, and the reasons and flags that follow."""

    moment: Interval
    occasion: int
    reasons: int
    flags: tuple[str, ...]


class Place(NamedTuple):
    """Where a grant lies: its key, its points, the allotment they come out of, and the one that its manifest says (None
    where that says none, or a replacement does).
    """

    key: Key
    points: int
    allotment: int
    natural_allotment: int | None


class Course(NamedTuple):
    """What a branch has come to before an entry: by its openings and grants, and about time."""

    state: State
    situation: Situation


class Judge:
    """Judges one kiosk. Once it has, `flags` are those of its grants: {place: flags}, `elsewhere` those that lie
    elsewhere than signed, `folds` what the branch had come to before the numbers asked for, and (-1) at its end, and
    `named_without_gap` the newest manifest that was named with nothing missing before it.
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
        self.named_without_gap: Named | None = None
        self.flags: dict[tuple[int, bytes], tuple[str, ...]] = {}
        self.elsewhere: dict[tuple[int, bytes], Expected] = {}
        self.folds: dict[int, Fold] = {}
        self._folds_before = folds_before
        self.limits = carried.limits_from()
        self._voided, self._voids = look_at_voids(tree.main, self.times, decided)

    def expected(self) -> Iterator[Expected]:
        """Yield what is expected of every entry that has a verdict."""
        places = self._where_runs_begin()
        begun: dict[int, Course] = {}
        for position, one in enumerate(self._tree.main):
            if one.seq in self._folds_before:
                self.folds[one.seq] = fold_of(self.state, self.times, position)
            if position in places:
                begun[position] = Course(self.state.copy(), self.times.before(position))
            standing = None if one.is_altered else self._on_main(position, one)
            if one.seq == position + 1:
                self.named_without_gap = self.state.newest
            if standing is not None:
                yield standing
        end = len(self._tree.main)
        self.folds[-1] = fold_of(self.state, self.times, end)
        begun[end] = Course(self.state.copy(), self.times.before(end))
        yield from self._off_main(begun)

    def _on_main(self, position: int, one: Arrived) -> Expected | None:
        body = one.body
        if isinstance(body, Grant):
            return self._grant(one, body, self.state, self.times.seen(position), 0)
        if body is None:
            return self._no_grant(one, Reason.NOT_UNDERSTOOD)
        if isinstance(body, Opened):
            self.state.open(named_by(one, self._carried.manifests))
        if isinstance(body, Void) and (reason := self._voids.get(position)):
            return self._no_grant(one, reason)
        if isinstance(body, Clock) and position in self.times.disbelieved:
            return self._no_grant(one, Reason.CLOCK)
        return None

    def _where_runs_begin(self) -> set[int]:
        """Return before which positions of the main branch runs beside it begin."""
        beside = {(one.seq, one.hash) for one, _ in self._tree.aside}
        numbers = [one.seq for one in self._tree.main]
        heads = (one.seq for one, _ in self._tree.aside if (one.seq - 1, one.prev) not in beside)
        return {bisect_left(numbers, seq) for seq in heads}

    def _off_main(self, begun: Mapping[int, Course]) -> Iterator[Expected]:
        """Judge what lies beside the main branch with what the entries before it on its own branch say. A run whose
        parent has not arrived goes on from the main branch before its number.
        """
        numbers = [one.seq for one in self._tree.main]
        after: dict[tuple[int, bytes], Course] = {}
        for one, reasons in sorted(self._tree.aside, key=lambda item: (item[0].seq, item[0].hash)):
            before = after.get((one.seq - 1, one.prev)) or begun[bisect_left(numbers, one.seq)]
            state = before.state
            if isinstance(one.body, Opened):
                state = state.copy()
                state.open(named_by(one, self._carried.manifests))
            after[one.seq, one.hash] = Course(state, self.times.after(before.situation, one))
            if one.is_altered:
                continue
            if one.body is None:
                yield self._no_grant(one, reasons | Reason.NOT_UNDERSTOOD)
            elif isinstance(one.body, Grant):
                yield self._grant(one, one.body, state, self.times.seen_beside(one, before.situation), reasons)

    def _grant(self, one: Arrived, grant: Grant, state: State, seen: Seen, off: int) -> Expected:
        what = self._what(one, grant, state, is_on_main=not off)
        told = self._when(one, grant, what, seen)
        reasons = what.reasons | told.reasons | self._who(grant, one.arrived_ms) | off
        brought = self._decided.cover_of((one.seq, one.hash))
        is_uncovered = reasons & (COVERED_BY_DECISION | Reason.BEYOND_SHARE)
        reasons &= ~int(Reason.BEYOND_SHARE) if brought else ~0
        flags = (*self._flags(grant, told.moment), *told.flags)
        verdict, left = self._decide(one, reasons)
        allotment = brought if brought and is_uncovered and not what.is_replaced else what.allotment
        key = (what.event, _bucket_of(grant.member), grant.member, what.activity, told.occasion)
        lies = Place(key, what.points, allotment, what.natural_allotment)
        return self._standing(one, grant, lies, told.moment, verdict, left, flags)

    def _what(self, one: Arrived, grant: Grant, state: State, *, is_on_main: bool) -> What:
        """Tell what a grant is for; on the main branch its points are taken out of the share it was signed under."""
        manifest = self._carried.manifests.get(state.manifest) if state.manifest else None
        event = manifest.event(grant.event) if manifest else None
        is_beyond = False
        if event is not None and state.manifest is not None and is_on_main:
            state.used[event.allotment] += grant.points
            limits = self.limits[state.newest] if state.newest is not None else {}
            is_beyond = state.used[event.allotment] > limits.get(event.allotment, 0)
        for replacement in self._decided.replacements:
            if _covers(replacement, one, grant):
                return self._replaced(grant, replacement)
        reasons = Reason.MANIFEST_OLD if manifest is not None and state.manifest != state.newest else Reason(0)
        activity = event.activity(grant.activity) if event else None
        now = self._reference.event_now(grant.event)
        natural = event.allotment if event else None
        if activity is None:
            reasons |= Reason.NOT_THIS_KIOSKS
            meant = now.activity(grant.activity) if now else None
            allotment = natural if natural is not None else now.allotment if now else 0
        else:
            reasons |= Reason.POINTS if points_for(activity.rule, grant.quantity) != grant.points else 0
            reasons |= Reason.BEYOND_SHARE if is_beyond else 0
            meant, allotment = activity, natural or 0
        window = now or event
        signed = (grant.event, grant.activity, grant.occasion, grant.points)
        reasons |= _wrong_occasion(meant, grant.occasion)
        times = (window.starts_ms, window.ends_ms) if window else None
        return What(*signed, allotment, natural, times, _is_by_day(meant), int(reasons))

    def _replaced(self, grant: Grant, by: Replacement) -> What:
        event, then = self._reference.event_now(by.event), self._reference.event_version(by.event, by.event_version)
        activity = then.activity(by.activity) if then else None
        points = points_for(activity.rule, grant.quantity) if activity else None
        reasons = Reason(0) if points else Reason.POINTS
        window = (event.starts_ms, event.ends_ms) if event else None
        occasion = by.slot
        if activity is None or _is_by_day(activity):
            occasion = grant.occasion
        elif activity.occasion_by is OccasionBy.SLOT and activity.slot(by.slot) is None:
            reasons, occasion = reasons | Reason.OCCASION, grant.occasion
        by_day = _is_by_day(activity)
        where = (by.event, by.activity, occasion, points or 0, by.allotment, None)
        return What(*where, window, by_day, int(reasons), is_replaced=True)

    def _when(self, one: Arrived, grant: Grant, what: What, seen: Seen) -> When:
        """Tell when a grant was made: whether that misses its event's window, and which day of it that is."""
        moment, full = seen[0][0], seen[-1][0]
        if what.window is None:
            return When(moment, what.occasion, 0, ())
        reasons = int(Reason.TIME) if moment.misses(*what.window) else 0
        flags = () if reasons or not full.misses(*what.window) else (TIME_DOUBTED,)
        if not what.is_by_day:
            return When(moment, what.occasion, reasons, flags)
        is_released = bool(self._decided.set_aside((one.seq, one.hash)) & Reason.DAY)
        first, last = map(city_day, what.window)
        told, day = moment, None
        if is_released and first <= grant.occasion <= last:  # a person has put it on the booth's reading
            day, reasons = grant.occasion, reasons | Reason.DAY
        else:
            for told, known_by_ms in seen:
                day = self._day(one, grant, told, what.window, known_by_ms)
                if day is not None:
                    break
        if day is None:
            return When(moment, grant.occasion, int(reasons | Reason.DAY), flags)
        doubts = () if full == moment or _holds(full, day) else (DAY_DOUBTED,)
        return When(told, day, reasons, (*flags, *doubts))

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

    @cached_property
    def _readings(self) -> dict[tuple[int, int, int, int], list[tuple[bytes, int]]]:
        """Under which reading of the day boots granted what to whom, and when that arrived."""
        found: dict[tuple[int, int, int, int], list[tuple[bytes, int]]] = defaultdict(list)
        for one in self._tree.main:
            if isinstance(one.body, Grant) and one.stamp is not None:
                found[_reading_of(one.body)].append((one.stamp.boot, one.arrived_ms))
        return found

    def _is_alone(self, grant: Grant, stamp: Stamp, known_by_ms: int) -> bool:
        """Tell whether no other boot granted the same person the same under the same reading of the day."""
        others = self._readings.get(_reading_of(grant), ())
        return all(boot == stamp.boot or arrived_ms > known_by_ms for boot, arrived_ms in others)

    def _who(self, grant: Grant, arrived_ms: int) -> int:
        state, since_ms = self._reference.members.get(grant.member, UNKNOWN)
        if state == "open":
            return 0
        if state == "ended":
            return int(Reason.MEMBER_ENDED) if arrived_ms >= since_ms else 0
        return int(Reason.MEMBER_UNKNOWN)

    def _decide(self, one: Arrived, reasons: int) -> tuple[str, int]:
        """Return the verdict and the reasons that are left: a dismissal outranks a void, and that a release."""
        decision = self._decided.decisions.get((one.seq, one.hash))
        if decision is not None and decision.kind == "dismiss":
            return DISMISSED, int(Reason.DECIDED)
        if one.seq in self._voided and not reasons & _OFF_MAIN:
            return DISMISSED, int(Reason.VOIDED)
        reasons &= ~self._decided.set_aside((one.seq, one.hash))
        return (HELD, int(reasons)) if reasons else (ELIGIBLE, 0)

    def _flags(self, grant: Grant, when: Interval) -> Iterator[str]:
        reference = self._reference
        if (grant.member, grant.issue) in reference.lost:
            yield LOST_CARD
        if grant.expiry_day and city_day(when.guess_ms) > grant.expiry_day:
            yield EXPIRED
        if grant.how == Read.TYPED:
            yield TYPED
        given = reference.issues.get(grant.member, {1})
        if grant.issue > min(given) and grant.issue not in given:
            yield UNKNOWN_ISSUE
        if grant.kid is not None and grant.kid not in reference.member_keys:
            yield UNKNOWN_KEY

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
        if flags:
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

    def _no_grant(self, one: Arrived, reasons: int) -> Expected:
        """Return what is expected of an entry that is held, or was dismissed, but is no grant."""
        decision = self._decided.decisions.get((one.seq, one.hash))
        is_dismissed = decision is not None and decision.kind == "dismiss"
        is_counted = bool(reasons & Reason.NOT_UNDERSTOOD)
        if is_dismissed:
            reasons = int(Reason.DECIDED) if is_counted else int(reasons | Reason.DECIDED)
        return Expected(
            *NO_KEY,
            self._kiosk,
            one.seq,
            one.hash,
            0,
            0,
            one.arrived_ms,
            FROM_ARRIVAL,
            DISMISSED if is_dismissed else HELD,
            int(reasons),
            one.stamp.boot if one.stamp else b"",
            one.arrived_ms,
            is_counted=is_counted,
            is_natural=True,
        )


_OFF_MAIN = int(Reason.HOLE | Reason.FORK | Reason.STOPPED | Reason.WITHDRAWN)


def _wrong_occasion(activity: Activity | None, occasion: int) -> Reason:
    """Return the reason where an activity cannot have an occasion."""
    if activity is None or activity.occasion_by is OccasionBy.DAY:
        return Reason(0)
    is_slot = activity.occasion_by is OccasionBy.SLOT
    is_there = activity.slot(occasion) is not None if is_slot else occasion == 0
    return Reason(0) if is_there else Reason.OCCASION


def _is_by_day(activity: Activity | None) -> bool:
    return activity is not None and activity.occasion_by is OccasionBy.DAY


def _holds(when: Interval, day: int) -> bool:
    return city_day(when.not_before_ms) <= day <= city_day(when.not_after_ms)


def _covers(replacement: Replacement, one: Arrived, grant: Grant) -> bool:
    return (
        replacement.first_seq <= one.seq <= replacement.last_seq
        and one.arrived_ms <= replacement.since_ms
        and replacement.from_event == grant.event
        and replacement.from_activity == grant.activity
    )


def _reading_of(grant: Grant) -> tuple[int, int, int, int]:
    return (grant.event, grant.activity, grant.member, grant.occasion)
