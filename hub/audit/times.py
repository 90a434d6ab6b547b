"""When an entry of a main branch was signed, and on which of the city's days (docs/time.md). Pure.

Knowledge has a moment of arrival: the interval *as known at arrival* uses what was known when the entry itself arrived,
the *full* one uses everything.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from hub.audit.decided import Answer
from hub.audit.journal import Arrived
from sync.citytime import city_day
from sync.entry import Clock, Opened, Stamp
from sync.keys import Instance
from sync.manifest import Manifest

DRIFT_PPM = 200
"""How far a kiosk's crystal may stray from the hub's time."""
SAMPLE_SLACK_MS = 1_000
"""Added to the round trip of a sample."""
ANSWER_SLACK_MS = 30 * 60_000
"""How well a person remembers when a booth was switched on."""
BELIEVED_WITHIN_MS = 5 * 60_000
"""How far a sample may contradict what is known."""
ROUND_TRIP_MS = 10_000
"""How long the answer may take that a sample is out of."""
FOR_EVER = 2**63

FROM_ARRIVAL, FROM_WALL, FROM_CONFIRMED, FROM_ANSWER, FROM_HUB = range(5)
"""Where the best guess of a moment comes from, as the tables keep it."""


class Interval(NamedTuple):
    """Neither before nor after, and the best guess between the two with its source."""

    not_before_ms: int
    not_after_ms: int
    guess_ms: int
    source: int

    def misses(self, starts_ms: int, ends_ms: int) -> bool:
        """Tell whether no moment of it lies in a window."""
        return self.not_after_ms < starts_ms or self.not_before_ms > ends_ms


class Sample(NamedTuple):
    """A believed time sample and where it stands; it was signed at `signed_by_ms` at the latest."""

    position: int
    seq: int
    arrived_ms: int
    boot: bytes
    clock: Clock
    signed_by_ms: int


Seen = tuple[tuple[Interval, int], ...]
"""An entry's interval as it was seen, each with the moment by which that was known: at its arrival, once a person had
said when its boot began (where that was later), and by everything that is known.
"""

Floors = tuple[tuple[int, int], ...]
"""Moments that the hub had signed before an entry, each with when that arrived: (arrival, moment). Those that tell no
more than one that was there before them are left out.
"""


class Situation(NamedTuple):
    """What the entries before one say: the floors, the boot they end in, and what a volunteer confirmed in it."""

    floors: Floors
    boot: bytes
    confirmed: tuple[int, int] | None

    def floor_ms(self, by_ms: int) -> int:
        """Return the newest moment that was known by a moment."""
        if self.floors and self.floors[-1][0] <= by_ms:
            return self.floors[-1][1]
        return max((told_ms for arrived_ms, told_ms in self.floors if arrived_ms <= by_ms), default=0)

    def raised(self, arrived_ms: int, told_ms: int) -> Floors:
        """Return the floors with one more, without those that tell no more than it."""
        if self.floors and self.floors[-1][0] < arrived_ms and self.floors[-1][1] < told_ms:
            return (*self.floors, (arrived_ms, told_ms))
        if any(known <= arrived_ms and told >= told_ms for known, told in self.floors):
            return self.floors
        others = [one for one in self.floors if one[0] < arrived_ms or one[1] > told_ms]
        return (
            *(one for one in others if one[0] < arrived_ms),
            (arrived_ms, told_ms),
            *(o for o in others if o[0] >= arrived_ms),
        )


NOTHING_BEFORE = Situation((), b"", None)


class Times:
    """The intervals along one main branch. `disbelieved` are the positions of samples that contradict what is known."""

    def __init__(
        self,
        main: list[Arrived],
        manifests: Mapping[tuple[Instance, int], Manifest],
        answers: Mapping[bytes, Answer],
    ) -> None:
        self._main = main
        self._manifests = manifests
        self._answers = answers
        self.samples: list[Sample] = []
        self.disbelieved: set[int] = set()
        self._situations: list[Situation] = []
        self._walk()
        self._positions = [one.position for one in self.samples]
        self._lowest_after = _running_min_from_the_end([one.signed_by_ms for one in self.samples])
        self._of_boot: dict[bytes, list[Sample]] = {}
        for one in self.samples:
            self._of_boot.setdefault(one.boot, []).append(one)
        self._lowest_arrival: list[int] | None = None
        self._is_in_order = all(before.arrived_ms <= after.arrived_ms for before, after in pairwise(main))

    def seen(self, position: int) -> Seen:
        """Return the intervals of an understood entry of the main branch."""
        one = self._main[position]
        if not self._learnt_more(one):
            only = self._interval(position, one.arrived_ms)
            return ((only, one.arrived_ms), (only, FOR_EVER))
        return tuple((self._interval(position, known_by), known_by) for known_by in self._moments(one))

    def seen_beside(self, one: Arrived, before: Situation) -> Seen:
        """Return the intervals of an entry off the main branch: after it comes nothing that is known."""
        return tuple((self._narrowed(one, before, one.arrived_ms, moment), moment) for moment in self._moments(one))

    def _moments(self, one: Arrived) -> tuple[int, ...]:
        answer = self._answers.get(one.stamp.boot if one.stamp else b"")
        is_later = answer is not None and answer.since_ms > one.arrived_ms
        return (one.arrived_ms, answer.since_ms, FOR_EVER) if answer and is_later else (one.arrived_ms, FOR_EVER)

    def _learnt_more(self, one: Arrived) -> bool:
        """Tell whether anything that may bear on an entry became known after it had arrived."""
        boot = one.stamp.boot if one.stamp else b""
        answer = self._answers.get(boot)
        if answer is not None and answer.since_ms > one.arrived_ms:
            return True
        if not self._is_in_order:
            return True
        return bool(self.samples) and self.samples[-1].arrived_ms > one.arrived_ms

    def before(self, position: int) -> Situation:
        """Return what the entries before a position say; all of them, where it is the length of the branch."""
        return self._situations[position]

    def settled_floors(self, position: int) -> Floors:
        """Return the floors before a position as the entries from there on ask for them: what all know is one."""
        if self._lowest_arrival is None:
            self._lowest_arrival = [*_running_min_from_the_end([one.arrived_ms for one in self._main]), FOR_EVER]
        known_by_all = self._lowest_arrival[position]
        situation = self.before(position)
        base_ms = situation.floor_ms(known_by_all)
        later = tuple(one for one in situation.floors if one[0] > known_by_all)
        return ((0, base_ms), *later) if base_ms else later

    def first_sample(self, boot: bytes, position: int) -> Sample | None:
        """Return the first believed sample of a boot, if it stands before a position."""
        first = self._of_boot.get(boot)
        return first[0] if first and first[0].position < position else None

    def day_by_anchor(self, stamp: Stamp) -> int | None:
        """Return the city day of a stamp where a sample or an answer of its boot puts it within one."""
        anchor = self._anchor(stamp, FOR_EVER)
        if anchor is None:
            return None
        guess, slack, _ = anchor
        return city_day(guess) if city_day(guess - slack) == city_day(guess + slack) else None

    def _walk(self) -> None:
        """Go along the branch once: floors, what was confirmed, and which samples are believed."""
        situation = NOTHING_BEFORE
        for position, one in enumerate(self._main):
            self._situations.append(situation)
            if isinstance(one.body, Clock) and one.stamp is not None:
                if is_believed(one.body, situation.floor_ms(one.arrived_ms), one.arrived_ms):
                    signed_by_ms = _signed_by_ms(one.body, one.stamp)
                    at = (position, one.seq, one.arrived_ms, one.stamp.boot)
                    self.samples.append(Sample(*at, one.body, signed_by_ms))
                else:
                    self.disbelieved.add(position)
            situation = self.after(situation, one)
        self._situations.append(situation)

    def after(self, before: Situation, one: Arrived) -> Situation:
        """Return what is known after an entry from what was known before it on its branch."""
        if one.stamp is None:
            return before
        floors, boot, confirmed = before
        if one.stamp.boot != boot:
            boot, confirmed = one.stamp.boot, None
        if isinstance(one.body, Clock):
            if is_believed(one.body, before.floor_ms(one.arrived_ms), one.arrived_ms):
                floors = before.raised(one.arrived_ms, one.body.hub_ms)
        elif isinstance(one.body, Opened):
            manifest = self._manifests.get(one.body.manifest) if one.body.manifest else None
            if manifest is not None and manifest.issued_ms < one.arrived_ms:
                floors = before.raised(one.arrived_ms, manifest.issued_ms)
            if one.body.confirmed_ms is not None:
                confirmed = (one.body.confirmed_ms, one.stamp.monotonic_ms)
        return Situation(floors, boot, confirmed)

    def _interval(self, position: int, known_by_ms: int) -> Interval:
        one = self._main[position]
        ceiling_ms = min(one.arrived_ms, self._ceiling(position, known_by_ms))
        return self._narrowed(one, self._situations[position], ceiling_ms, known_by_ms)

    def _narrowed(self, one: Arrived, before: Situation, ceiling_ms: int, known_by_ms: int) -> Interval:
        not_after = ceiling_ms
        not_before = min(before.floor_ms(known_by_ms), not_after)
        if one.stamp is None:
            return Interval(not_before, not_after, one.arrived_ms, FROM_ARRIVAL)
        anchor = self._anchor(one.stamp, known_by_ms)
        if anchor is not None:
            guess, slack, source = anchor
            narrowed = max(not_before, min(guess - slack, not_after))
            not_after = min(not_after, max(guess + slack, not_before))
            not_before = narrowed
        else:
            guess, source = one.stamp.wall_ms, FROM_WALL
            confirmed = before.confirmed if before.boot == one.stamp.boot else None
            if confirmed is not None:
                guess, source = confirmed[0] + one.stamp.monotonic_ms - confirmed[1], FROM_CONFIRMED
        return Interval(not_before, not_after, min(max(guess, not_before), not_after), source)

    def _ceiling(self, position: int, known_by_ms: int) -> int:
        """Return by when the samples after an entry had been signed, the earliest of them."""
        later = bisect_right(self._positions, position)
        if later == len(self.samples):
            return FOR_EVER
        if known_by_ms == FOR_EVER:
            return self._lowest_after[later]
        lowest = FOR_EVER
        for place in range(later, len(self.samples)):
            sample = self.samples[place]
            if sample.arrived_ms <= known_by_ms:
                lowest = min(lowest, sample.signed_by_ms)
            elif self._is_in_order:
                break
        return lowest

    def _anchor(self, stamp: Stamp, known_by_ms: int) -> tuple[int, int, int] | None:
        """Return (guess, slack, source) by the boot's first believed sample, else by a person's answer."""
        for sample in self._of_boot.get(stamp.boot, ()):
            if sample.arrived_ms <= known_by_ms:
                clock, apart = sample.clock, stamp.monotonic_ms - sample.clock.received_ms
                slack = clock.received_ms - clock.sent_ms + _drift(abs(apart)) + SAMPLE_SLACK_MS
                return clock.hub_ms + apart, slack, FROM_HUB
        answer = self._answers.get(stamp.boot)
        if answer is None or answer.since_ms > known_by_ms:
            return None
        slack = ANSWER_SLACK_MS + _drift(stamp.monotonic_ms)
        return answer.started_ms + stamp.monotonic_ms, slack, FROM_ANSWER


def is_believed(clock: Clock, floor_ms: int, arrived_ms: int) -> bool:
    """Tell whether a sample took no longer than an answer may, and fits what is known: not before the floor, not after
    its own arrival.
    """
    if clock.received_ms - clock.sent_ms > ROUND_TRIP_MS:
        return False
    return floor_ms - BELIEVED_WITHIN_MS <= clock.hub_ms <= arrived_ms + BELIEVED_WITHIN_MS


def _signed_by_ms(clock: Clock, stamp: Stamp) -> int:
    """A `clock` is signed some time after the hub told its time; how long at most, the kiosk's own clock says."""
    since_sent_ms = max(0, stamp.monotonic_ms - clock.sent_ms)
    return clock.hub_ms + since_sent_ms + _drift(since_sent_ms)


def _drift(apart_ms: int) -> int:
    return apart_ms * DRIFT_PPM // 1_000_000


def _running_min_from_the_end(moments: list[int]) -> list[int]:
    lowest: list[int] = []
    for moment in reversed(moments):
        lowest.append(min(moment, lowest[-1]) if lowest else moment)
    return lowest[::-1]
