"""What tests of the desk ask the hub beside its pages, and how they fill in its longest form."""

from __future__ import annotations

from typing import NamedTuple

from desk_browser import Desk, Page
from hub_world import Booth, World

from hub.desk.acts.queries import acts
from hub.desk.events.queries import EventLine, event_numbered
from hub.desk.kiosks.settings import settings_of
from hub.store.database import row, rows
from sync.manifest import Manifest


class Newest(NamedTuple):
    """The newest act: its kind, its reason and who did it."""

    kind: str
    reason: str
    done_by: str


def kiosk_path(booth: Booth) -> str:
    """Where a booth's page is."""
    return f"/desk/kiosks/{booth.kiosk.hex()}"


def held(world: World, booth: Booth, reason: int = -1) -> int:
    """How many records of a booth are held, for a reason if one is given."""
    with world.store.reading() as connection:
        text = "SELECT count(*) AS held FROM aside WHERE kiosk = :kiosk AND verdict = 'held' AND reasons & :reason <> 0"
        return int(row(connection, text, kiosk=booth.kiosk, reason=int(reason)).held)


def newest_act(world: World) -> Newest:
    """The act that was done last at the desk."""
    with world.store.reading() as connection:
        act = next(one for one in acts(connection, 100) if one.done_by.startswith("担当"))
    return Newest(act.kind, act.reason, act.done_by)


def act_count(world: World, kind: str = "") -> int:
    """How many acts were done at the desk, of a kind if one is given."""
    with world.store.reading() as connection:
        found = rows(connection, "SELECT kind FROM act WHERE done_by LIKE '担当%'")
    return sum(not kind or one.kind == kind for one in found)


def manifest_of(world: World, kiosk: bytes) -> Manifest:
    """What was last signed for a kiosk."""
    with world.store.reading() as connection:
        manifest = settings_of(world.hub, connection, kiosk).manifest
    assert manifest is not None
    return manifest


def event_line(world: World, event: int) -> EventLine:
    """An event as it is now."""
    with world.store.reading() as connection:
        line = event_numbered(connection, event)
    assert line is not None
    return line


def type_event(desk: Desk, **typed: str) -> Page:
    """Add an event by the desk's form; what is typed differs from the usual."""
    usual = {
        "name": "見本の清掃",
        "starts": "2026-11-20T09:00",
        "ends": "2026-11-20T12:00",
        "activities-0-name": "そうじ",
        "activities-0-how": "by_hours",
        "activities-0-points": "30 5\n60 10\n",
        "activities-0-occasion_by": "1",
        "activities-0-daily_limit": "1",
        "activities-2-name": "来場",
        "activities-2-points": "50",
    }
    return desk.submit(desk.get("/desk/events/new"), "/events/new", **{**usual, **typed})
