"""Events with their activities, as the city has entered them. An event has versions; the newest counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.facts import read_activities
from hub.store.database import execute_many, insert, row, rows
from sync.codec import decode, encode
from sync.manifest import Activity, Event, Slot, read_slots, slots_as_value
from sync.rules import rule_as_value

OPEN, CALLED_OFF = "open", "called off"


class EventVersion(NamedTuple):
    """A version of an event, without its activities. `state` is open or called off."""

    event: int
    version: int
    name: str
    starts_ms: int
    ends_ms: int
    allotment: int
    state: str


class SlotsBefore(NamedTuple):
    """The slots an activity has in the newest version of its event, and the highest number it had in any: what stands
    under a number in the ledger is never called by another name.
    """

    now: tuple[Slot, ...]
    highest: int
    numbers: Mapping[str, int] = {}
    """The last number of each name it ever had."""


NO_SLOTS = SlotsBefore((), 0)


def newest_event(connection: sa.Connection, event: int) -> EventVersion | None:
    """Return an event as it stands, None where there is none with that number."""
    found = row(
        connection,
        """
        SELECT event, version, name, starts_ms, ends_ms, allotment, state FROM event
        WHERE event = :event ORDER BY version DESC LIMIT 1
        """,
        event=event,
    )
    return None if found is None else EventVersion(*found)


def write_event(connection: sa.Connection, event: EventVersion, activities: Iterable[Activity], act: bytes) -> None:
    """Keep a version of an event with its activities."""
    insert(connection, "event", **event._asdict(), act=act)
    execute_many(
        connection,
        """
        INSERT INTO activity (event, version, activity, name, rule, occasion_by, daily_limit, slots)
        VALUES (:event, :version, :activity, :name, :rule, :occasion_by, :daily_limit, :slots)
        """,
        [
            {
                "event": event.event,
                "version": event.version,
                "activity": activity.activity,
                "name": activity.name,
                "rule": encode(rule_as_value(activity.rule)),
                "occasion_by": int(activity.occasion_by),
                "daily_limit": activity.daily_limit,
                "slots": encode(slots_as_value(activity.slots)),
            }
            for activity in activities
        ],
    )


def activities_of(connection: sa.Connection, event: EventVersion) -> tuple[Activity, ...]:
    """Return the activities of a version of an event."""
    return read_activities(connection, event.event, event.version)


def numbers_of_names(connection: sa.Connection, event: int) -> dict[str, int]:
    """Return under which number each name of an activity stood last at an event, over all versions."""
    found = rows(connection, "SELECT name, activity FROM activity WHERE event = :event ORDER BY version", event=event)
    return {one.name: one.activity for one in found}


def names_out_of_use(connection: sa.Connection, event: EventVersion) -> dict[int, str]:
    """Return the activities that an event had in earlier versions and has no more: {number: its last name}."""
    found = rows(
        connection, "SELECT activity, name FROM activity WHERE event = :event ORDER BY version", event=event.event
    )
    in_use = {one.activity for one in activities_of(connection, event)}
    return {one.activity: one.name for one in found if one.activity not in in_use}


def load_events(connection: sa.Connection, kiosk: bytes) -> tuple[Event, ...]:
    """Return the newest version of each event a kiosk serves, as a manifest holds it; one called off is left out."""
    found = rows(
        connection,
        """
        SELECT e.event, e.version, e.name, e.starts_ms, e.ends_ms, e.allotment FROM event e
        JOIN assignment a ON a.event = e.event AND a.kiosk = :kiosk
        WHERE a.version = (SELECT max(version) FROM assignment n WHERE n.kiosk = a.kiosk AND n.event = a.event)
          AND a.state = 'assigned'
          AND e.version = (SELECT max(version) FROM event newest WHERE newest.event = e.event)
          AND e.state = 'open'
        ORDER BY e.event
        """,
        kiosk=kiosk,
    )
    return tuple(
        Event(
            one.event,
            one.name,
            one.starts_ms,
            one.ends_ms,
            one.allotment,
            read_activities(connection, one.event, one.version),
        )
        for one in found
    )


def slots_before(connection: sa.Connection, event: int) -> dict[int, SlotsBefore]:
    """Return what is known of the slots of an event's activities by number, over all versions of the event. Every
    activity that it ever had is there, also one without slots.
    """
    found = rows(
        connection,
        """
        SELECT activity, slots, version = (SELECT max(version) FROM event WHERE event = :event) AS is_newest
        FROM activity WHERE event = :event ORDER BY version, activity
        """,
        event=event,
    )
    known: dict[int, SlotsBefore] = {}
    for one in found:
        slots = read_slots(decode(bytes(one.slots), depth=2))
        highest = max(known.get(one.activity, NO_SLOTS).highest, *(slot.slot for slot in slots), 0)
        numbers = {**known.get(one.activity, NO_SLOTS).numbers, **{slot.name: slot.slot for slot in slots}}
        known[one.activity] = SlotsBefore(slots if one.is_newest else (), highest, numbers)
    return known
