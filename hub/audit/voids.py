"""Which voids count (docs/verdicts.md, 6). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from hub.audit.decided import Decided
from hub.audit.journal import Arrived
from hub.audit.times import Times
from hub.intake.reasons import Reason
from sync.entry import Grant, Opened, Void

VOID_WITHIN_MS = 10 * 3_600_000


def look_at_voids(main: Iterable[Arrived], times: Times, decided: Decided) -> tuple[set[int], dict[int, Reason]]:
    """Return the numbers of voided grants, and the positions of voids that are held, each with its reason."""
    grants: dict[int, Arrived] = {}
    voided: set[int] = set()
    held: dict[int, Reason] = {}
    gone: set[bytes] = set()  # boots that another one has followed
    boot = b""
    for position, one in enumerate(main):
        if isinstance(one.body, Grant) or one.is_altered:
            grants[one.seq] = one
        elif isinstance(one.body, Opened) and one.stamp is not None:
            gone |= {boot} if boot and boot != one.stamp.boot else set()
            boot = one.stamp.boot
        elif isinstance(one.body, Void):
            reason = _reason_to_hold(one, grants.get(one.body.seq), times)
            if reason is None and one.stamp is not None and one.stamp.boot in gone:
                reason = Reason.VOID_DAY
            if reason is Reason.VOID_DAY and decided.set_aside((one.seq, one.hash)) & Reason.VOID_DAY:
                reason = None
            if reason is None:
                voided.add(one.body.seq)
            else:
                held[position] = reason
    return voided, held


def _reason_to_hold(void: Arrived, grant: Arrived | None, times: Times) -> Reason | None:
    if grant is None:
        return Reason.VOID_OF_NOTHING
    if grant.is_altered or grant.stamp is None or void.stamp is None:
        return None
    is_same_boot = grant.stamp.boot == void.stamp.boot
    if is_same_boot and 0 <= void.stamp.monotonic_ms - grant.stamp.monotonic_ms < VOID_WITHIN_MS:
        return None
    day = times.day_by_anchor(grant.stamp)
    return None if day is not None and day == times.day_by_anchor(void.stamp) else Reason.VOID_DAY
