"""Turns a booth's journal and station into what its screen always shows: event, activity, points, what
waits, the clock.

Reads only, and little: it is asked once a second beside the scans. No member, no number, no balance.
"""

from __future__ import annotations

from typing import NamedTuple

from kiosk.boothtime import moment_of
from kiosk.journal_reader import JournalReader
from kiosk.lookup import Reference
from kiosk.scan import CallStaff, Station, offer_at
from kiosk.status import WARN_AT_PERCENT
from sync.entry import Stamp, Trust
from sync.keys import DEMO_LABEL

MINUTE_MS = 60_000


class Place(NamedTuple):
    """What the booth is doing; `points` is None where its settings give nothing, names are empty where unknown."""

    event: str = ""
    activity: str = ""
    points: int | None = None


class Waiting(NamedTuple):
    """How many records have not been sent, and since when the oldest one waits, to the minute (None: not known)."""

    records: int = 0
    since_ms: int | None = None


class Standing(NamedTuple):
    """What is always visible. `minute_ms` is the booth's time, cut to the minute, so that it changes once a minute."""

    place: Place
    waiting: Waiting
    trust: Trust
    minute_ms: int
    is_share_short: bool
    is_stopped: bool
    is_demo: bool


NOWHERE = Standing(Place(), Waiting(), Trust.NONE, 0, is_share_short=False, is_stopped=False, is_demo=False)


def standing_of(journal: JournalReader, reference: Reference, station: Station, stamp: Stamp) -> Standing:
    """Return how the booth stands at the moment of `stamp`."""
    return Standing(
        place=_place(reference, station, stamp),
        waiting=_waiting(journal, stamp),
        trust=Trust(stamp.trust),
        minute_ms=_to_the_minute(stamp.wall_ms),
        is_share_short=_is_share_short(journal, reference, station),
        is_stopped=bool(journal.stopped),
        is_demo=reference.label == DEMO_LABEL,
    )


def _place(reference: Reference, station: Station, stamp: Stamp) -> Place:
    offer = offer_at(station, reference.manifest, stamp)
    if not isinstance(offer, CallStaff):
        return Place(offer.event.name, offer.activity.name, offer.points)
    event = reference.manifest.event(station.event) if reference.manifest is not None else None
    activity = event.activity(station.activity) if event is not None else None
    return Place(event.name if event is not None else "", activity.name if activity is not None else "")


def _waiting(journal: JournalReader, now: Stamp) -> Waiting:
    arrived_seq = journal.uplink().cursor_seq
    count = max(0, journal.head().seq - arrived_seq)
    oldest = journal.stamp_of(arrived_seq + 1) if count else None
    return Waiting(count, _to_the_minute(moment_of(oldest, now)) if oldest is not None else None)


def _to_the_minute(wall_ms: int) -> int:
    return wall_ms - wall_ms % MINUTE_MS


def _is_share_short(journal: JournalReader, reference: Reference, station: Station) -> bool:
    event = reference.manifest.event(station.event) if reference.manifest is not None else None
    if reference.manifest is None or event is None:
        return False
    share = reference.manifest.share_of(event.allotment)
    return journal.share_used(event.allotment) * 100 >= share.total * WARN_AT_PERCENT
