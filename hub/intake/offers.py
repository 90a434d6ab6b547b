"""Pure: what a grant is for: by the manifest in force, or by a person's replacement (docs/verdicts.md, 2)."""

from __future__ import annotations

from typing import NamedTuple

from hub.intake.intervals import FOR_EVER_MS
from hub.intake.reasons import NONE, Reason
from hub.intake.values import Attested, Facts, Replacement
from sync.entry import Grant
from sync.manifest import Activity, Event
from sync.rules import points_for


class Offer(NamedTuple):
    """What a grant is for, as the hub reads it: out of its manifest, or out of a replacement. `activity` is None where
    there is none with that number; `slot` is None where the occasion of the signed grant counts; `is_signed` tells that
    the manifest holds both event and activity.
    """

    event: int
    number: int
    activity: Activity | None
    window: tuple[int, int]
    points: int
    allotment: int
    slot: int | None
    reasons: Reason
    is_signed: bool = False


def replacement_of(facts: Facts, attested: Attested, grant: Grant) -> Replacement | None:
    """Return the newest replacement that is about a grant, if any: one that arrived later is not meant."""
    for one in facts.replacements:
        is_meant = (one.from_event, one.from_activity) == (grant.event, grant.activity)
        is_there = one.first_seq <= attested.seq <= one.last_seq and attested.arrived_ms <= one.since_ms
        if is_meant and is_there:
            return one
    return None


def offered_by_manifest(facts: Facts, grant: Grant, event: Event | None, *, is_old: bool) -> Offer:
    """Return what a grant is for by its event in the manifest in force. `is_old`: it was named again after a newer
    one.
    """
    now = facts.events.get(grant.event)
    reasons = Reason.MANIFEST_OLD if is_old else NONE
    activity = event.activity(grant.activity) if event else None
    if event is None or activity is None:
        window = (now.starts_ms, now.ends_ms) if now else (0, FOR_EVER_MS)
        meant = now.activities.get(grant.activity) if now else None
        allotment = event.allotment if event else (now.allotment if now else 0)
        reasons |= Reason.NOT_THIS_KIOSKS
        return Offer(grant.event, grant.activity, meant, window, grant.points, allotment, slot=None, reasons=reasons)
    if points_for(activity.rule, grant.quantity) != grant.points:
        reasons |= Reason.POINTS
    window = (now.starts_ms, now.ends_ms) if now else (event.starts_ms, event.ends_ms)
    return Offer(
        event=grant.event,
        number=grant.activity,
        activity=activity,
        window=window,
        points=grant.points,
        allotment=event.allotment,
        slot=None,
        reasons=reasons,
        is_signed=True,
    )


def replaced(facts: Facts, grant: Grant, replacement: Replacement) -> Offer:
    """Return what a grant is for by a person's word: the rule as it was when that was said gives the points, because so
    many were moved to the kiosk for it. The window is the event's of now.
    """
    now, activity = facts.events.get(replacement.event), replacement.offered
    points = points_for(activity.rule, grant.quantity) if activity else None
    window = (now.starts_ms, now.ends_ms) if now else (0, FOR_EVER_MS)
    reasons = NONE if points else Reason.POINTS
    where = (points or 0, replacement.allotment, replacement.slot, reasons)
    return Offer(replacement.event, replacement.activity, activity, window, *where)
