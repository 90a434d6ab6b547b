"""Acts that put another event or activity in the place of what a range of grants was signed for: the booth was set to
the wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from hub.acts.checks import want_event, want_kiosk
from hub.acts.decisions import newest_decisions
from hub.acts.doing import Doing, Outcome, act
from hub.acts.judged import judge_entries, lock_kiosk
from hub.acts.money import hand_out, take_back
from hub.acts.named import arrived_between
from hub.acts.refusals import ActRefused, Refusal
from hub.intake.stored import Name, entries_between
from hub.ledger.accounts import Movement
from hub.register.events import EventVersion, activities_of
from hub.store.database import insert, row
from sync.entry import Grant
from sync.manifest import Activity, OccasionBy
from sync.rules import points_for

IN_FORCE, TAKEN_BACK = "in force", "taken back"


class Range(NamedTuple):
    """Which grants of a kiosk are meant: those of one activity of one event between two numbers."""

    kiosk: bytes
    first_seq: int
    last_seq: int
    from_event: int
    from_activity: int


class Instead(NamedTuple):
    """What they are for instead, by the event as it is when that is said, and the points that were moved to the kiosk
    for them.
    """

    event: int
    event_version: int
    activity: int
    slot: int
    allotment: int
    points: int


@act(
    "replace range",
    counter="take back replacement",
    takes_points=True,
    text=lambda **told: (
        f"{told['first_seq']}-{told['last_seq']}: {told['from_event']}/{told['from_activity']} → "
        f"{told['event']}/{told['activity']}/{told['slot']}"
    ),
)
def replace_range(
    doing: Doing,
    kiosk: bytes,
    first_seq: int,
    last_seq: int,
    from_event: int,
    from_activity: int,
    event: int,
    activity: int,
    slot: int = 0,
) -> Outcome[None]:
    """Let the grants of one activity in a range of numbers count for another one, by its rule as it is now."""
    want_kiosk(doing.connection, kiosk)
    _, now_ms = lock_kiosk(doing, kiosk)
    meant = Range(kiosk, first_seq, last_seq, from_event, from_activity)
    grants = _grants(doing, meant)
    if (event, activity) == (from_event, from_activity) and not slot:
        raise ActRefused(Refusal.NOTHING_CHANGES)
    found = want_event(doing.connection, event)
    offered = _offered(doing, found, activity, slot)
    points = sum(_points(offered, name, grant) for name, grant in grants.items())
    before = _standing(doing.connection, meant)
    _write(doing, meant, Instead(event, found.version, activity, slot, found.allotment, points), IN_FORCE, now_ms)
    movements = [*hand_out(doing, "cover", kiosk, found.allotment, points), *_given_back(doing, kiosk, before)]
    return Outcome(None, judge_entries(doing, kiosk, set(grants), movements, may_wait=before is None))


@act("take back replacement", counter="replace range", takes_points=True)
def take_back_replacement(doing: Doing, kiosk: bytes, version: int) -> Outcome[None]:
    """Let a range of grants count again for what it was signed for."""
    want_kiosk(doing.connection, kiosk)
    _, now_ms = lock_kiosk(doing, kiosk)
    found = row(
        doing.connection,
        "SELECT * FROM replacement WHERE kiosk = :kiosk AND version = :version",
        kiosk=kiosk,
        version=version,
    )
    if found is None:
        raise ActRefused(Refusal.GONE)
    meant = Range(kiosk, found.first_seq, found.last_seq, found.from_event, found.from_activity)
    before = _standing(doing.connection, meant)
    if before is None or before[0] != version:
        raise ActRefused(Refusal.STANDS_SO)
    _write(doing, meant, before[1], TAKEN_BACK, now_ms)
    grants = _grants(doing, meant)
    _refuse_short_release(doing, kiosk, grants)
    names = set(grants)
    return Outcome(None, judge_entries(doing, kiosk, names, _given_back(doing, kiosk, before), may_wait=False))


def _refuse_short_release(doing: Doing, kiosk: bytes, grants: Mapping[Name, Grant]) -> None:
    """Refuse where a grant was released meanwhile with fewer points than it would have again: so many were moved to the
    kiosk for it.
    """
    for name, decided in newest_decisions(doing.connection, kiosk, grants).items():
        if decided.kind == "release" and 0 < decided.points < grants[name].points:
            raise ActRefused(Refusal.RELEASED_FOR_LESS, what=name[0])


def _grants(doing: Doing, meant: Range) -> dict[Name, Grant]:
    """Return the grants that are meant. Raises ActRefused where not all of the range has arrived, or none is meant."""
    length = meant.last_seq - meant.first_seq + 1
    numbers = (meant.kiosk, meant.first_seq, meant.last_seq)
    if meant.first_seq < 1 or length < 1 or arrived_between(doing.connection, *numbers) != length:
        raise ActRefused(Refusal.NOT_ARRIVED)
    grants = {}
    for one in entries_between(doing.connection, *numbers):
        body = one.entry.body if one.entry is not None else None
        if isinstance(body, Grant) and (body.event, body.activity) == meant[3:]:
            grants[one.seq, one.hash] = body
    if not grants:
        raise ActRefused(Refusal.NOT_IN_RANGE)
    return grants


def _offered(doing: Doing, found: EventVersion, activity: int, slot: int) -> Activity:
    """Return one of an event's activities, as it is now. Raises ActRefused."""
    offered = next((one for one in activities_of(doing.connection, found) if one.activity == activity), None)
    if offered is None:
        raise ActRefused(Refusal.NO_ACTIVITY, what=activity)
    has_slot = offered.slot(slot) is not None if offered.occasion_by is OccasionBy.SLOT else slot == 0
    if not has_slot:
        raise ActRefused(Refusal.NO_ACTIVITY, what=slot)
    return offered


def _points(offered: Activity, name: Name, grant: Grant) -> int:
    points = points_for(offered.rule, grant.quantity)
    if not points:
        raise ActRefused(Refusal.GIVES_NOTHING, what=name[0])
    return points


def _standing(connection: sa.Connection, meant: Range) -> tuple[int, Instead] | None:
    """Return the replacement in force for exactly these grants, and its version."""
    found = row(
        connection,
        """
        SELECT * FROM replacement WHERE kiosk = :kiosk AND first_seq = :first_seq AND last_seq = :last_seq
           AND from_event = :from_event AND from_activity = :from_activity ORDER BY version DESC LIMIT 1
        """,
        **meant._asdict(),
    )
    if found is None or found.state != IN_FORCE:
        return None
    instead = (found.event, found.event_version, found.activity, found.slot, found.allotment, found.points)
    return found.version, Instead(*instead)


def _write(doing: Doing, meant: Range, instead: Instead, state: str, since_ms: int) -> None:
    newest = row(
        doing.connection, "SELECT max(version) AS version FROM replacement WHERE kiosk = :kiosk", kiosk=meant.kiosk
    )
    insert(
        doing.connection,
        "replacement",
        **meant._asdict(),
        **instead._asdict(),
        version=(newest.version or 0) + 1,
        state=state,
        since_ms=since_ms,
        act=doing.number,
    )


def _given_back(doing: Doing, kiosk: bytes, before: tuple[int, Instead] | None) -> list[Movement]:
    """Return what gives back the points that were moved for a replacement that counts no longer. What is to be given
    back must have come back first, so that nothing of it may wait.
    """
    return [] if before is None else take_back(doing, "cover back", kiosk, before[1].allotment, before[1].points)
