"""Pure: which voids of a branch count (docs/verdicts.md)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

from hub.intake.intervals import (
    Known,
    anchored_day,
)
from hub.intake.reasons import Reason
from hub.intake.values import Attested, Decision, Voids, is_released
from sync.entry import Grant, Opened, Void

VOID_WITHIN_MS = 10 * 3_600_000


def voids_among(
    voids: Iterable[Attested],
    grants: Mapping[int, Attested],
    starts: Starts,
    known: Known,
    decisions: Mapping[bytes, Decision],
) -> Voids:
    """Return which voids of a branch count. `grants` holds the grants they may name, by number."""
    voided: set[int] = set()
    held: dict[int, Reason] = {}
    for one in voids:
        entry = one.entry
        if entry is None or not isinstance(entry.body, Void):
            continue
        target = grants.get(entry.body.seq)
        if target is None or target.seq >= one.seq or target.entry is None:
            held[one.seq] = Reason.VOID_OF_NOTHING
        elif _counts(one, target, starts, known) or is_released(decisions.get(one.hash), Reason.VOID_DAY):
            voided.add(target.seq)
        else:
            held[one.seq] = Reason.VOID_DAY
    return Voids(frozenset(voided), held)


def _counts(one: Attested, target: Attested, starts: Starts, known: Known) -> bool:
    """Tell whether a void belongs to the grant's own day: in its own boot, or where both days are known. In a boot that
    comes back it has been made up.
    """
    if one.entry is None or target.entry is None or starts.comes_back(one.entry.stamp.boot, one.seq):
        return False
    void, grant = one.entry.stamp, target.entry.stamp
    if void.boot == grant.boot and 0 <= void.monotonic_ms - grant.monotonic_ms < VOID_WITHIN_MS:
        return True
    day = anchored_day(void, known)
    return day is not None and day == anchored_day(grant, known)


class Starts:
    """Where a branch was opened, and in which boot. A machine that was started anew never comes back to a boot."""

    def __init__(self, entries: Iterable[Attested]) -> None:
        self._numbers: list[int] = []
        self._boots: list[bytes] = []
        self._last_other: list[int] = []  # for each opening, the last one before it that is of another boot; 0 for none
        self._first: dict[bytes, int] = {}
        for one in entries:
            if one.entry is not None and isinstance(one.entry.body, Opened):
                self._add(one.seq, one.entry.stamp.boot)

    def comes_back(self, boot: bytes, seq: int) -> bool:
        """Tell whether the branch was opened in another boot between the first opening of a boot and a number."""
        place, first = bisect_left(self._numbers, seq) - 1, self._first.get(boot, seq)
        if first >= seq:
            return False
        last = self._last_other[place] if self._boots[place] == boot else self._numbers[place]
        return last > first

    def _add(self, seq: int, boot: bytes) -> None:
        is_same = bool(self._boots) and self._boots[-1] == boot
        last_other = self._last_other[-1] if is_same else self._numbers[-1] if self._numbers else 0
        self._numbers.append(seq)
        self._boots.append(boot)
        self._last_other.append(last_other)
        self._first.setdefault(boot, seq)


def voids_in(entries: Iterable[Attested]) -> list[Attested]:
    """Return those entries that are voids."""
    return [one for one in entries if one.entry is not None and isinstance(one.entry.body, Void)]


def grants_by_number(entries: Iterable[Attested]) -> dict[int, Attested]:
    """Return those entries that are grants, by number."""
    return {one.seq: one for one in entries if one.entry is not None and isinstance(one.entry.body, Grant)}


def named_by(voids: Iterable[Attested]) -> set[int]:
    """Return the numbers that voids name."""
    bodies = (one.entry.body for one in voids if one.entry is not None)
    return {body.seq for body in bodies if isinstance(body, Void)}
