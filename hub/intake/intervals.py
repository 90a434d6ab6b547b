"""Pure: when an entry was signed, and on which of the city's days (docs/time.md).

Knowledge has a moment of arrival of its own, so that the interval *as known at arrival* stays the same for ever: what
is learnt later may settle what was open, and takes nothing back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from itertools import accumulate, islice, pairwise, takewhile
from typing import NamedTuple

from sync.citytime import city_day
from sync.entry import SAMPLE_WITHIN_MS, Clock, Stamp, Trust

SAMPLE_DRIFT_PPM = 200
"""How far a crystal may stray from the hub's time after a sample; twice the worst Pi we have read of."""
SAMPLE_SLACK_MS = 1_000
ANSWER_SLACK_MS = 30 * 60_000
"""How well a person remembers when a booth was switched on."""
BELIEVED_WITHIN_MS = 5 * 60_000
FOR_EVER_MS = 2**62


class Source(IntEnum):
    """Where the best guess of a moment comes from."""

    ARRIVAL = 0
    WALL = 1
    CONFIRMED = 2
    ANSWER = 3
    HUB = 4


class Sample(NamedTuple):
    """A believed time sample: where it stands in the chain, when it arrived, and by when it had been signed."""

    seq: int
    arrived_ms: int
    boot: bytes
    clock: Clock
    signed_by_ms: int


class Answer(NamedTuple):
    """A person's word about a boot: its monotonic clock stood at 0 at `started_ms`. Known since `done_ms`."""

    started_ms: int
    done_ms: int


class Interval(NamedTuple):
    """Neither before nor after, and the best guess between the two with its source."""

    earliest_ms: int
    latest_ms: int
    guess_ms: int
    source: Source

    def misses(self, starts_ms: int, ends_ms: int) -> bool:
        """Tell whether no moment of the interval lies in a window."""
        return self.latest_ms < starts_ms or self.earliest_ms > ends_ms


Readings = tuple[tuple[bytes, int], ...]
"""The boots that granted under one reading of the day, each with the moment its first such grant arrived."""


Floors = tuple[tuple[int, int], ...]
"""The newest hub-signed time before an entry, as it became known: (moment of arrival, time), both rising. One pair, but
where a hole was filled later.
"""


@dataclass(frozen=True)
class Known:
    """What is known about time beside an entry's own past: samples by boot and in order of the chain, answers by boot,
    and under which readings of the day other boots have granted (`readings`, by event, activity, member, occasion).
    """

    by_boot: Mapping[bytes, tuple[Sample, ...]] = field(default_factory=dict)
    in_order: tuple[Sample, ...] = ()
    answers: Mapping[bytes, Answer] = field(default_factory=dict)
    readings: Mapping[tuple[int, int, int, int], Readings] = field(default_factory=dict)
    _ceilings: dict[int, list[int]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _firsts: dict[tuple[bytes, int], Sample | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def ceiling_after(self, seq: int, known_by_ms: int) -> int:
        """Return by when the samples after an entry had been signed, of those known by a moment: the earliest. Samples
        that arrived in the order of the chain end at that moment; else it is worked out once for each moment, because
        entries and samples come by the thousand.
        """
        if known_by_ms < FOR_EVER_MS and self._arrive_in_order:
            place = bisect_right(self.in_order, seq, key=lambda one: one.seq)
            after = takewhile(lambda one: one.arrived_ms <= known_by_ms, islice(self.in_order, place, None))
            return min((one.signed_by_ms for one in after), default=FOR_EVER_MS)
        lows = self._ceilings.get(known_by_ms)
        if lows is None:
            known = [one.signed_by_ms if one.arrived_ms <= known_by_ms else FOR_EVER_MS for one in self.in_order]
            lows = self._ceilings[known_by_ms] = [*accumulate(reversed(known), min)][::-1]
        place = bisect_right(self.in_order, seq, key=lambda one: one.seq)
        return lows[place] if place < len(lows) else FOR_EVER_MS

    @cached_property
    def _arrive_in_order(self) -> bool:
        return all(earlier.arrived_ms <= later.arrived_ms for earlier, later in pairwise(self.in_order))

    def first_sample(self, boot: bytes, known_by_ms: int) -> Sample | None:
        """Return a boot's first sample of those known by a moment."""
        if boot not in self.by_boot:
            return None
        if (boot, known_by_ms) not in self._firsts:
            known = (one for one in self.by_boot[boot] if one.arrived_ms <= known_by_ms)
            self._firsts[boot, known_by_ms] = next(known, None)
        return self._firsts[boot, known_by_ms]


NOTHING_KNOWN = Known()


def signed_by(sample: Clock, stamp: Stamp) -> int:
    """Return the latest moment at which a `clock` entry can have been signed: grants may have been signed while the
    answer was under way, after the hub had told its time.
    """
    apart = max(0, stamp.monotonic_ms - sample.sent_ms)
    return sample.hub_ms + apart + apart * SAMPLE_DRIFT_PPM // 1_000_000


def is_believed(clock: Clock, floor_ms: int, arrived_ms: int) -> bool:
    """Tell whether a sample came quickly and fits what is known: not before the floor, not after its own arrival."""
    is_quick = clock.received_ms - clock.sent_ms <= SAMPLE_WITHIN_MS
    return is_quick and floor_ms - BELIEVED_WITHIN_MS <= clock.hub_ms <= arrived_ms + BELIEVED_WITHIN_MS


def floor_known(floors: Floors, by_ms: int) -> int:
    """Return the newest hub-signed time that was known by a moment."""
    if floors and floors[-1][0] <= by_ms:
        return floors[-1][1]
    return max((floor_ms for arrived_ms, floor_ms in floors if arrived_ms <= by_ms), default=0)


def with_floor(floors: Floors, arrived_ms: int, floor_ms: int) -> Floors:
    """Return floors with a time that became known at a moment, without those that tell no more than it."""
    if floors and arrived_ms > floors[-1][0] and floor_ms > floors[-1][1]:
        return (*floors, (arrived_ms, floor_ms))
    if floor_known(floors, arrived_ms) >= floor_ms:
        return floors
    others = (one for one in floors if one[0] < arrived_ms or one[1] > floor_ms)
    return tuple(sorted((*others, (arrived_ms, floor_ms))))


def settled(floors: Floors, by_ms: int) -> Floors:
    """Return floors as entries ask for them that arrive at a moment or later: what was known by then is one."""
    base_ms = floor_known(floors, by_ms)
    later = tuple(one for one in floors if one[0] > by_ms)
    return ((0, base_ms), *later) if base_ms else later


def know(samples: Iterable[Sample], answers: Mapping[bytes, Answer]) -> Known:
    """Return samples, in the order of the chain, as they are asked for."""
    in_order = tuple(samples)
    by_boot: dict[bytes, tuple[Sample, ...]] = {}
    for sample in in_order:
        by_boot[sample.boot] = (*by_boot.get(sample.boot, ()), sample)
    return Known(by_boot, in_order, answers)


class Signed(NamedTuple):
    """An entry as far as time is concerned: its place, its stamp, its arrival, the floors before it, and what was
    confirmed in its boot (moment, monotonic).
    """

    seq: int
    stamp: Stamp
    arrived_ms: int
    floors: Floors
    confirmed: tuple[int, int] | None


def interval(signed: Signed, known: Known, known_by_ms: int) -> Interval:
    """Return the interval of an entry by what was known at a moment."""
    stamp = signed.stamp
    latest = signed.arrived_ms
    if known.in_order:
        latest = min(latest, known.ceiling_after(signed.seq, known_by_ms))
    earliest = min(floor_known(signed.floors, known_by_ms), latest)
    anchor = _anchor(stamp, known, known_by_ms)
    if anchor is None:
        guess, source = stamp.wall_ms, Source.WALL
        if signed.confirmed is not None:
            guess, source = signed.confirmed[0] + stamp.monotonic_ms - signed.confirmed[1], Source.CONFIRMED
    else:
        guess, slack, source = anchor
        earliest, latest = max(earliest, min(guess - slack, latest)), min(latest, max(guess + slack, earliest))
    return Interval(earliest, latest, min(max(guess, earliest), latest), source)


def _anchor(stamp: Stamp, known: Known, known_by_ms: int) -> tuple[int, int, Source] | None:
    """Return (guess, slack, source) by the boot's first sample, else by a person's answer."""
    sample = known.first_sample(stamp.boot, known_by_ms)
    if sample is not None:
        clock = sample.clock
        apart = abs(stamp.monotonic_ms - clock.received_ms)
        slack = clock.received_ms - clock.sent_ms + apart * SAMPLE_DRIFT_PPM // 1_000_000 + SAMPLE_SLACK_MS
        return clock.hub_ms + stamp.monotonic_ms - clock.received_ms, slack, Source.HUB
    answer = known.answers.get(stamp.boot)
    if answer is not None and answer.done_ms <= known_by_ms:
        slack = ANSWER_SLACK_MS + stamp.monotonic_ms * SAMPLE_DRIFT_PPM // 1_000_000
        return answer.started_ms + stamp.monotonic_ms, slack, Source.ANSWER
    return None


def anchored_day(stamp: Stamp, known: Known) -> int | None:
    """Return the city day of a stamp where a sample or an answer of its boot puts it within one."""
    anchor = _anchor(stamp, known, FOR_EVER_MS)
    if anchor is None:
        return None
    guess, slack, _ = anchor
    first, last = city_day(guess - slack), city_day(guess + slack)
    return first if first == last else None


class Reading(NamedTuple):
    """What a booth read in a once-a-day grant: for whom and what, which day, and how far its clock may be believed."""

    event: int
    activity: int
    member: int
    day: int
    boot: bytes
    trust: int


def day_of(reading: Reading, when: Interval, window: tuple[int, int], known: Known, known_by_ms: int) -> int | None:
    """Return the city day a once-a-day grant belongs to; None where nobody can tell."""
    first = max(city_day(when.earliest_ms), city_day(window[0]))
    last = min(city_day(when.latest_ms), city_day(window[1]))
    if first > last:
        return city_day(when.guess_ms)
    if first == last:
        return first
    if not first <= reading.day <= last:
        return None
    if reading.trust == Trust.HUB or (reading.trust == Trust.CONFIRMED and _is_alone(reading, known, known_by_ms)):
        return reading.day
    return None


def _is_alone(reading: Reading, known: Known, known_by_ms: int) -> bool:
    """Tell whether no other boot has granted the same person the same under the same reading of the day."""
    others = known.readings.get((reading.event, reading.activity, reading.member, reading.day), ())
    return not any(boot != reading.boot and arrived_ms <= known_by_ms for boot, arrived_ms in others)


def with_reading(readings: Readings, boot: bytes, arrived_ms: int) -> Readings:
    """Return readings with one more: of each boot the first that arrived, and of all boots the first two; whether one
    is alone turns on no other.
    """
    first = dict(readings)
    first[boot] = min(arrived_ms, first.get(boot, arrived_ms))
    return tuple(sorted(first.items(), key=lambda one: (one[1], one[0]))[:2])
