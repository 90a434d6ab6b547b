"""Under which readings of the day a kiosk's boots have granted (docs/time.md, "Which day"): looked up where a
once-a-day grant may turn on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import sqlalchemy as sa

from hub.intake.intervals import Known, Readings, floor_known, with_reading
from hub.intake.offers import replacement_of
from hub.intake.stored import entries_like
from hub.intake.values import Attested, Facts, Fold, grants_in
from sync.citytime import city_day
from sync.entry import Grant, Trust
from sync.manifest import OccasionBy


def with_readings(  # what a reading may turn on
    connection: sa.Connection, kiosk: bytes, known: Known, facts: Facts, entries: Sequence[Attested], before: Fold
) -> Known:
    """Return what is known, with what other boots read in the same place, where a once-a-day grant may turn on it. The
    entries come after the fold `before`.
    """
    unsure = grants_in(_unsure(facts, entries, floor_known(before.floors, 0)))
    if not unsure:
        return known
    others = {(one.seq, one.hash): one for one in [*entries, *entries_like(connection, kiosk, unsure)]}
    return replace(known, readings=readings_in(others.values()))


def _unsure(facts: Facts, entries: Sequence[Attested], floor_ms: int) -> list[Attested]:
    """Return the grants of a once-a-day activity that were signed by a clock that was confirmed only, and perhaps on
    one of several days of their event.
    """
    found = []
    by_day: dict[tuple[int, int], bool] = {}
    for one in entries:
        entry = one.entry
        if entry is None or entry.stamp.trust != Trust.CONFIRMED or not isinstance(entry.body, Grant):
            continue
        instead = replacement_of(facts, one, entry.body)
        where = (entry.body.event, entry.body.activity) if instead is None else (instead.event, instead.activity)
        if where not in by_day:
            by_day[where] = _may_be_by_day(facts, *where)
        if by_day[where]:
            now = facts.events[where[0]]
            if city_day(max(now.starts_ms, floor_ms)) < city_day(min(now.ends_ms, one.arrived_ms)):
                found.append(one)
    return found


def _may_be_by_day(facts: Facts, event: int, activity: int) -> bool:
    """Tell whether an activity may be had once a day, as it is now or by any manifest of the kiosk."""
    now = facts.events.get(event)
    if now is None:
        return False
    signed = [manifest.event(event) for manifest in facts.manifests.values()]
    offered = [now.activities.get(activity), *(one.activity(activity) for one in signed if one is not None)]
    return any(one is not None and one.occasion_by is OccasionBy.DAY for one in offered)


def readings_in(entries: Iterable[Attested]) -> dict[tuple[int, int, int, int], Readings]:
    """Return under which readings of an occasion boots have granted, by (event, activity, member, occasion)."""
    found: dict[tuple[int, int, int, int], Readings] = {}
    for one in entries:
        if one.entry is not None and isinstance(one.entry.body, Grant):
            grant = one.entry.body
            place = (grant.event, grant.activity, grant.member, grant.occasion)
            found[place] = with_reading(found.get(place, ()), one.entry.stamp.boot, one.arrived_ms)
    return found
