"""Events as the desk lists them. Reads only."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa

from hub.desk.base.shapes import day
from hub.store.database import rows
from sync.codec import decode
from sync.manifest import Activity, Event, OccasionBy, Slot, read_slots
from sync.rules import read_rule


class Wanted(NamedTuple):
    """Which events are looked for: a piece of the name, and an organisation (0 for all)."""

    name: str = ""
    organisation: int = 0


class EventLine(NamedTuple):
    """A version of an event, and how many kiosks serve it."""

    event: Event
    version: int
    state: str
    allotment_name: str
    organisation: int
    kiosks: int

    @property
    def is_called_off(self) -> bool:
        """Tell whether it is to go into no new settings."""
        return self.state == "called off"

    @property
    def title(self) -> str:
        """Return its name with the day it begins: what is held each year has the same name each time."""
        return f"{self.event.name}({day(self.event.starts_ms)})"


_EVENTS = """
    SELECT e.event, e.version, e.name, e.starts_ms, e.ends_ms, e.allotment, e.state, a.name AS allotment_name,
           a.organisation, coalesce(s.kiosks, 0) AS kiosks
    FROM event e JOIN allotment a ON a.allotment = e.allotment
    LEFT JOIN (SELECT event, count(*) AS kiosks FROM assignment n WHERE state = 'assigned'
                AND version = (SELECT max(version) FROM assignment newest
                               WHERE newest.kiosk = n.kiosk AND newest.event = n.event)
               GROUP BY event) s ON s.event = e.event
"""

_NEWEST = "WHERE e.version = (SELECT max(version) FROM event newest WHERE newest.event = e.event) "


def events(connection: sa.Connection) -> list[EventLine]:
    """Return the newest version of every event with its activities, the latest first."""
    found = rows(connection, _EVENTS + _NEWEST + "ORDER BY e.starts_ms DESC, e.event")
    activities = _activities(
        connection,
        """
        SELECT * FROM activity a
        WHERE version = (SELECT max(version) FROM event newest WHERE newest.event = a.event) ORDER BY event, activity
        """,
    )
    return [_line(one, tuple(activities.get(one.event, ()))) for one in found]


def by_nearness(lines: Iterable[EventLine], now_ms: int) -> list[EventLine]:
    """Return events with those first that are going on or come next, then those that are over, the latest first."""
    return sorted(lines, key=lambda one: (one.event.ends_ms < now_ms, abs(one.event.starts_ms - now_ms)))


def that_match(lines: Iterable[EventLine], wanted: Wanted) -> list[EventLine]:
    """Return the events that somebody looks for; neither width nor case of letters matters."""
    piece = _folded(wanted.name)
    return [one for one in lines if piece in _folded(one.event.name) and wanted.organisation in {0, one.organisation}]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def event_numbered(connection: sa.Connection, event: int) -> EventLine | None:
    """Return one event as it is now."""
    found = rows(connection, _EVENTS + _NEWEST + "AND e.event = :event", event=event)
    if not found:
        return None
    return _line(found[0], activities_of(connection, event, found[0].version))


def activities_of(connection: sa.Connection, event: int, version: int) -> tuple[Activity, ...]:
    """Return the activities that one version of an event has."""
    text = "SELECT * FROM activity WHERE event = :event AND version = :version ORDER BY activity"
    return tuple(_activities(connection, text, event=event, version=version).get(event, ()))


def kiosks_serving(connection: sa.Connection, event: int) -> list[tuple[bytes, str]]:
    """Return (identity, name) of the kiosks an event is assigned to."""
    found = rows(
        connection,
        """
        SELECT n.kiosk, n.name FROM assignment a JOIN kiosk_name n ON n.kiosk = a.kiosk
         AND n.version = (SELECT max(version) FROM kiosk_name newest WHERE newest.kiosk = a.kiosk)
        WHERE a.event = :event AND a.state = 'assigned'
         AND a.version = (SELECT max(version) FROM assignment newest
                          WHERE newest.kiosk = a.kiosk AND newest.event = a.event)
        ORDER BY n.name, n.kiosk
        """,
        event=event,
    )
    return [(bytes(one.kiosk), one.name) for one in found]


def slots_of(activities: tuple[Activity, ...]) -> dict[int, tuple[Slot, ...]]:
    """Return the slots of activities by their numbers."""
    return {activity.activity: activity.slots for activity in activities}


def _line(found: sa.Row[tuple[object, ...]], activities: tuple[Activity, ...]) -> EventLine:
    event = Event(found.event, found.name, found.starts_ms, found.ends_ms, found.allotment, activities)
    return EventLine(event, found.version, found.state, found.allotment_name, found.organisation, found.kiosks)


def _activities(connection: sa.Connection, text: str, **parameters: int) -> dict[int, list[Activity]]:
    activities: dict[int, list[Activity]] = {}
    for one in rows(connection, text, **parameters):
        rule = read_rule(decode(bytes(one.rule), depth=3))
        slots = read_slots(decode(bytes(one.slots), depth=2))
        activity = Activity(one.activity, one.name, rule, OccasionBy(one.occasion_by), one.daily_limit, slots)
        activities.setdefault(one.event, []).append(activity)
    return activities
