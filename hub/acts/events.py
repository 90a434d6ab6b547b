"""Acts on events and their activities. A changed event is a new version; what has arrived is judged by it anew."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from hub.acts.checks import want_allotment, want_event, want_name, want_open
from hub.acts.doing import Doing, Outcome, act
from hub.acts.flags import flag_anew
from hub.acts.judged import entries_at, judge_by_kiosk, lock_all_kiosks
from hub.acts.refusals import ActRefused, Refusal
from hub.register.events import (
    CALLED_OFF,
    OPEN,
    EventVersion,
    SlotsBefore,
    activities_of,
    names_out_of_use,
    numbers_of_names,
    slots_before,
    write_event,
)
from hub.register.numbers import next_after, next_event
from sync.codec import WireError
from sync.manifest import ID_LIMIT, Activity, OccasionBy, Slot, read_slots, slots_as_value
from sync.rules import read_rule, rule_as_value

FIRST_MS = 1_577_804_400_000
"""2020-01-01 00:00 in the city."""
END_MS = 4_102_412_400_000
"""2100-01-01 00:00 in the city."""
ACTIVITIES_MAX = 50


@act("add event", counter="call off event", makes="event", text=lambda **told: told["name"])
def add_event(
    doing: Doing, name: str, starts_ms: int, ends_ms: int, allotment: int, activities: tuple[Activity, ...]
) -> Outcome[int]:
    """Add an event with its activities; return its number. New activities and slots bear the number 0."""
    number = next_event(doing.connection)
    version = _version(doing, EventVersion(number, 1, name, starts_ms, ends_ms, allotment, OPEN))
    want_open(doing.connection, want_allotment(doing.connection, allotment).organisation)
    write_event(doing.connection, version, _numbered(doing, activities, {}, {}), doing.number)
    return Outcome(number)


@act("change event", counter="change event", takes_points=True, text=lambda **told: told["name"])
def change_event(  # an event's own columns
    doing: Doing,
    event: int,
    version: int,
    name: str,
    starts_ms: int,
    ends_ms: int,
    allotment: int,
    activities: tuple[Activity, ...],
) -> Outcome[None]:
    """Make a new version of an event, and judge everything at it."""
    newest = _ground(doing, event, version)
    changed = _version(doing, EventVersion(event, version + 1, name, starts_ms, ends_ms, allotment, newest.state))
    lock_all_kiosks(doing)
    known = slots_before(doing.connection, event)
    before = _limits(activities_of(doing.connection, newest))
    numbered = _numbered(doing, activities, known, numbers_of_names(doing.connection, event))
    if (changed[2:], numbered) == (newest[2:], activities_of(doing.connection, newest)):
        raise ActRefused(Refusal.NOTHING_CHANGES, what=newest.name)
    _refuse_changed_hands(names_out_of_use(doing.connection, newest), numbered)
    write_event(doing.connection, changed, numbered, doing.number)
    moved = judge_by_kiosk(doing, entries_at(doing.connection, event))
    after = _limits(numbered)
    for activity in sorted(before.keys() | after.keys()):
        if before.get(activity, 0) != after.get(activity, 0):
            flag_anew(doing.connection, event, activity)
    return Outcome(None, moved)


@act("call off event", counter="take up event")
def call_off_event(doing: Doing, event: int, version: int) -> Outcome[None]:
    """Call an event off: it goes into no new manifest. Grants are judged as before."""
    return _turn(doing, event, version, CALLED_OFF)


@act("take up event", counter="call off event")
def take_up_event(doing: Doing, event: int, version: int) -> Outcome[None]:
    """Take an event up again that was called off."""
    return _turn(doing, event, version, OPEN)


def _limits(activities: Iterable[Activity]) -> dict[int, int]:
    return {one.activity: one.daily_limit for one in activities}


def _turn(doing: Doing, event: int, version: int, state: str) -> Outcome[None]:
    newest = _ground(doing, event, version)
    if newest.state == state:
        raise ActRefused(Refusal.STANDS_SO, what=newest.name)
    activities = activities_of(doing.connection, newest)
    changed = newest._replace(version=version + 1, state=state)
    write_event(doing.connection, changed, activities, doing.number)
    return Outcome(None)


def _ground(doing: Doing, event: int, version: int) -> EventVersion:
    newest = want_event(doing.connection, event)
    if newest.version != version:
        raise ActRefused(Refusal.GROUND_CHANGED, what=newest.name)
    return newest


def _version(doing: Doing, event: EventVersion) -> EventVersion:
    """Return a version as it may be kept. Raises ActRefused."""
    if not FIRST_MS <= event.starts_ms < event.ends_ms < END_MS:
        raise ActRefused(Refusal.OUT_OF_BOUNDS)
    want_allotment(doing.connection, event.allotment)
    return event._replace(name=want_name(event.name))


def _numbered(
    doing: Doing, activities: tuple[Activity, ...], known: Mapping[int, SlotsBefore], names: Mapping[str, int]
) -> tuple[Activity, ...]:
    """Return activities with numbers: those that have one keep it, and one that comes back under its name, taken out by
    a slip and typed anew, has its number of before. New ones get one that the event never had.
    """
    if not 0 < len(activities) <= ACTIVITIES_MAX:
        raise ActRefused(Refusal.NO_ACTIVITIES)
    kept = [one.activity for one in activities if one.activity]
    if len(set(kept)) < len(kept) or not set(kept) <= known.keys():
        raise ActRefused(Refusal.NO_ACTIVITY, what=", ".join(map(str, kept)))
    highest = max(known, default=0)
    old = {name: number for name, number in names.items() if number not in kept}
    numbered = []
    for one in activities:
        number = one.activity or old.get(one.name.strip(), 0)
        if not number:
            number = highest = next_after(doing.connection, highest)
        slots = _numbered_slots(doing, one.slots, known.get(number))
        numbered.append(_readable(one._replace(activity=number, name=want_name(one.name), slots=slots)))
    return tuple(sorted(numbered, key=lambda one: one.activity))


def _refuse_changed_hands(out_of_use: Mapping[int, str], activities: Iterable[Activity]) -> None:
    """Refuse a number that stood for another activity before; what was taken out may come back under its name."""
    for one in activities:
        if out_of_use.get(one.activity, one.name) != one.name:
            raise ActRefused(Refusal.NO_ACTIVITY, what=one.activity)


def _numbered_slots(doing: Doing, slots: Collection[Slot], known: SlotsBefore | None) -> tuple[Slot, ...]:
    """Return slots with numbers, in the order of these. One that comes back under its name has its number of before; a
    new one gets one that the activity never had.
    """
    highest = known.highest if known is not None else 0
    before = highest
    kept = {one.slot for one in slots}
    old = {name: number for name, number in (known.numbers if known else {}).items() if number not in kept}
    numbered = []
    for one in slots:
        number = one.slot or old.get(one.name.strip(), 0)
        if not number:
            number = highest = next_after(doing.connection, highest)
        elif number > before:
            raise ActRefused(Refusal.NO_ACTIVITY, what=one.name)
        numbered.append(Slot(number, want_name(one.name)))
    return tuple(sorted(numbered))


def _readable(activity: Activity) -> Activity:
    """Return an activity that a kiosk can read. Raises ActRefused."""
    try:
        read_rule(rule_as_value(activity.rule))
        read_slots(slots_as_value(activity.slots))
    except WireError as error:
        raise ActRefused(Refusal.NOT_READABLE, what=activity.name) from error
    has_slots = activity.occasion_by is OccasionBy.SLOT
    if has_slots != bool(activity.slots) or not 0 <= activity.daily_limit < ID_LIMIT:
        raise ActRefused(Refusal.NOT_READABLE, what=activity.name)
    return activity
