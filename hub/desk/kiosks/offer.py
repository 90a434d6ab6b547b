"""What the selects of a kiosk's page offer of events and their activities: the nearest to now first, those of the
kiosk's own organisation before all others. A kiosk is put with what goes on now, not with what was first added.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from wtforms import SelectChoice

from hub.desk.events.queries import EventLine

if TYPE_CHECKING:
    from hub.desk.kiosks.page import Told

OWN, OTHERS = "この端末の団体", "ほかの団体"


def events(told: Told, *, is_assigned: bool) -> list[Any]:
    """Return the events that may be removed from the kiosk, or assigned to it."""
    offered = [
        one
        for one in told.events
        if (one.event.event in told.assigned) == is_assigned and (is_assigned or not one.is_called_off)
    ]
    return _grouped(told, ((one, one.event.event, one.title) for one in offered))


def signed(told: Told) -> list[Any]:
    """Return the activities that the kiosk may have granted: of events that it serves or has served, and of what its
    records name that had to be looked at.
    """
    named = {event for event, _ in told.named}
    lines = [one for one in told.events if one.event.event in told.ever_served | named]
    known = [(one.event.event, activity.activity) for one in lines for activity in one.event.activities]
    unknown = sorted(told.named - set(known))
    return [SelectChoice(_value(*one), told.activity_name(*one)) for one in (*known, *unknown)]


def meant(told: Told) -> list[Any]:
    """Return the activities, and slots of them, that may have been meant."""
    found = [
        (line, activity.activity, slot)
        for line in told.events
        for activity in line.event.activities
        for slot in ([one.slot for one in activity.slots] or [0])
    ]
    return _grouped(
        told,
        ((line, _value(line.event.event, *rest), told.activity_name(line.event.event, *rest)) for line, *rest in found),
    )


def _grouped(told: Told, offered: Iterable[tuple[EventLine, int | str, str]]) -> list[Any]:
    """Return choices with the kiosk's own organisation first; without groups where there is no other."""
    all_of_them = list(offered)
    own = [one for one in all_of_them if one[0].organisation == told.line.organisation]
    others = [one for one in all_of_them if one[0].organisation != told.line.organisation]
    if not others:
        return [SelectChoice(value, label) for _, value, label in own]
    return [
        SelectChoice(value, label, optgroup=group)
        for group, lines in ((OWN, own), (OTHERS, others))
        for _, value, label in lines
    ]


def _value(*numbers: int) -> str:
    return ".".join(map(str, numbers))
