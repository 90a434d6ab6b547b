"""When a grant may have been made: for every entry of a main branch, what samples, floors, neighbours and arrival allow
(DESIGN §6), and the moment the hub writes down as `occurred`. Pure.

A time sample that arrives later narrows the interval of earlier entries, but a posted row keeps the moment it was
posted with. So there is one interval that the verdict stands on, and a few moments that may stand in a row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hub.audit.journal import Arrived
from sync.entry import Clock, Opened, Stamp
from sync.keys import Instance
from sync.manifest import Manifest

DRIFT_PPM = 200
"""How far a kiosk's crystal may stray from the hub's time."""
SAMPLE_SLACK_MS = 1_000
"""Added to the round trip of a sample."""


class Interval(NamedTuple):
    """Neither before nor after, and the best guess between the two, in milliseconds."""

    not_before_ms: int
    not_after_ms: int
    occurred_ms: int


class _Situation(NamedTuple):
    """What was known at an entry from the entries before it: the floor, and what a volunteer confirmed in this boot."""

    floor_ms: int
    confirmed: tuple[int, int] | None


class Times:
    """The intervals along one main branch."""

    def __init__(self, main: list[Arrived], manifests: Mapping[tuple[Instance, int], Manifest]) -> None:
        self._main = main
        self._situations = list(_situations(main, manifests))
        self._clocks = [
            (position, one.stamp.boot, one.body, _signed_by_ms(one.body, one.stamp))
            for position, one in enumerate(main)
            if isinstance(one.body, Clock) and one.stamp is not None
        ]
        self._positions = [position for position, _, _, _ in self._clocks]
        self._first_of_boot: dict[bytes, tuple[int, Clock]] = {}
        for position, boot, clock, _ in self._clocks:
            self._first_of_boot.setdefault(boot, (position, clock))
        self._lowest_after = _running_min_from_the_end([signed_by_ms for _, _, _, signed_by_ms in self._clocks])
        self.floor_at_end_ms, self.confirmed_at_end = self._situations[-1] if main else _Situation(0, None)
        self.boot_at_end = next((one.stamp.boot for one in reversed(main) if one.stamp is not None), b"")

    def sample_at_end(self) -> Clock | None:
        """Return the time sample of the last boot."""
        found = self._first_of_boot.get(self.boot_at_end)
        return found[1] if found else None

    def interval(self, position: int) -> Interval:
        """Return the interval of an understood entry, by everything that has arrived."""
        stamp = self._main[position].stamp
        sample = self._first_of_boot.get(stamp.boot) if stamp else None
        later = bisect_left(self._positions, position)
        ceiling_ms = self._lowest_after[later] if later < len(self._clocks) else None
        return self._interval(position, sample[1] if sample else None, ceiling_ms)

    def moments(self, position: int) -> set[int]:
        """Return every moment that may have been written down for an entry, as the samples after it arrived."""
        stamp = self._main[position].stamp
        boot = stamp.boot if stamp else b""
        first = self._first_of_boot.get(boot)
        sample = first[1] if first and first[0] < position else None
        ceiling_ms: int | None = None
        found = {self._interval(position, sample, ceiling_ms).occurred_ms}
        later = bisect_left(self._positions, position)
        for index in range(later, len(self._clocks)):
            _, whose, clock, signed_by_ms = self._clocks[index]
            sample = clock if sample is None and whose == boot else sample
            ceiling_ms = signed_by_ms if ceiling_ms is None else min(ceiling_ms, signed_by_ms)
            found.add(self._interval(position, sample, ceiling_ms).occurred_ms)
            if ceiling_ms == self._lowest_after[later] and (first is None or sample is not None):
                break
        return found

    def _interval(self, position: int, sample: Clock | None, ceiling_ms: int | None) -> Interval:
        one, situation = self._main[position], self._situations[position]
        not_after = one.arrived_ms if ceiling_ms is None else min(one.arrived_ms, ceiling_ms)
        not_before = min(situation.floor_ms, not_after)
        if one.stamp is None:
            return Interval(not_before, not_after, not_after)
        guess = one.stamp.wall_ms
        if sample is not None:
            since_sample_ms = one.stamp.monotonic_ms - sample.received_ms
            guess = sample.hub_ms + since_sample_ms
            drift_ms = abs(since_sample_ms) * DRIFT_PPM // 1_000_000
            slack = sample.received_ms - sample.sent_ms + drift_ms + SAMPLE_SLACK_MS
            earliest = max(not_before, min(guess - slack, not_after))
            not_after = min(not_after, max(guess + slack, not_before))
            not_before = earliest
        elif situation.confirmed is not None:
            confirmed_ms, monotonic_ms = situation.confirmed
            guess = confirmed_ms + one.stamp.monotonic_ms - monotonic_ms
        return Interval(not_before, not_after, min(max(guess, not_before), not_after))


def _situations(main: Iterable[Arrived], manifests: Mapping[tuple[Instance, int], Manifest]) -> Iterable[_Situation]:
    floor_ms, boot = 0, b""
    confirmed: tuple[int, int] | None = None
    for one in main:
        if one.stamp is not None and one.stamp.boot != boot:
            boot, confirmed = one.stamp.boot, None
        if isinstance(one.body, Clock):
            floor_ms = max(floor_ms, one.body.hub_ms)
        if isinstance(one.body, Opened) and one.stamp is not None:
            manifest = manifests.get(one.body.manifest) if one.body.manifest else None
            floor_ms = max(floor_ms, manifest.issued_ms if manifest else 0)
            if one.body.confirmed_ms is not None:
                confirmed = (one.body.confirmed_ms, one.stamp.monotonic_ms)
        yield _Situation(floor_ms, confirmed)


def _signed_by_ms(clock: Clock, stamp: Stamp) -> int:
    """A `clock` is signed some time after the hub told its time; how long at most, the kiosk's own clock says."""
    since_sent_ms = max(0, stamp.monotonic_ms - clock.sent_ms)
    return clock.hub_ms + since_sent_ms + since_sent_ms * DRIFT_PPM // 1_000_000


def _running_min_from_the_end(moments: list[int]) -> list[int]:
    lowest: list[int] = []
    for moment in reversed(moments):
        lowest.append(min(moment, lowest[-1]) if lowest else moment)
    return lowest[::-1]
