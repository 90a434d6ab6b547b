"""Pure: which voids of a branch count (docs/verdicts.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hub.intake.intervals import (
    Known,
    anchored_day,
)
from hub.intake.reasons import Reason
from hub.intake.values import Attested, Decision, Voids, is_released
from sync.entry import Grant, Stamp, Void

VOID_WITHIN_MS = 10 * 3_600_000


def voids_among(
    voids: Iterable[Attested], grants: Mapping[int, Attested], known: Known, decisions: Mapping[bytes, Decision]
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
        elif _counts(entry.stamp, target.entry.stamp, known) or is_released(decisions.get(one.hash), Reason.VOID_DAY):
            voided.add(target.seq)
        else:
            held[one.seq] = Reason.VOID_DAY
    return Voids(frozenset(voided), held)


def _counts(void: Stamp, grant: Stamp, known: Known) -> bool:
    """Tell whether a void belongs to the grant's own day: in its own boot, or where both days are known."""
    if void.boot == grant.boot and 0 <= void.monotonic_ms - grant.monotonic_ms < VOID_WITHIN_MS:
        return True
    day = anchored_day(void, known)
    return day is not None and day == anchored_day(grant, known)


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
