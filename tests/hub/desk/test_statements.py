"""A page of the desk asks the database as often for forty kiosks as for two."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk_browser import Desk
from hub_statements import counted
from hub_stores import sqlite_store
from hub_world import Booth, World

from hub.acts.decisions import dismiss
from hub.acts.events import add_event
from hub.acts.journal import accept_hole
from hub.acts.members import end_account, lose_card
from sync.citytime import DAY_MS

PAGES = (
    "/desk/",
    "/desk/kiosks/",
    "/desk/events/",
    "/desk/held/",
    "/desk/acts/",
    "/desk/organisations/",
    "/desk/members/",
)


def a_city(world: World, kiosks: int) -> Booth:
    """So many kiosks at as many events, each with something held for two reasons, a gap, a hole and a decision."""
    booths = []
    for number in range(kiosks):
        window = (world.now_ms, world.now_ms + DAY_MS)
        event = world.do(add_event, f"見本{number}", *window, world.allotment, as_new_visit()).made
        booth = world.booth(f"受付{number}", total=100, events=(world.event, event))
        for person in range(10):
            booth.grant((person + number) % 30, event=event, points=70 if person == 1 else 50)
        booth.send(1, 3)
        booth.send(5, 6)
        booth.send(8, 9)
        world.do(accept_hole, booth.kiosk, 4, 4)
        world.do(dismiss, booth.kiosk, ((2, booth.entries[1].hash),))
        booths.append(booth)
    world.do(lose_card, world.members[0], 1)
    world.do(end_account, world.members[1])
    return booths[0]


def as_new_visit() -> tuple[object, ...]:
    from hub_world import activities, as_new

    return as_new(activities())


def asked(folder: Path, template: Path, kiosks: int) -> dict[str, int]:
    """Return how many statements each page takes in such a city."""
    with sqlite_store(template, folder) as store:
        world = World(store, allotted=10_000_000)
        booth = a_city(world, kiosks)
        desk = Desk(world.hub)
        found = {}
        for path in (*PAGES, f"/desk/kiosks/{booth.kiosk.hex()}", f"/desk/held/{booth.kiosk.hex()}/points"):
            with counted(store) as heard:
                assert desk.get(path).status == 200
            found[path] = len(heard)
        return found


@pytest.fixture
def two_and_forty(sqlite_template: Path, tmp_path: Path) -> tuple[dict[str, int], dict[str, int]]:
    return asked(tmp_path, sqlite_template, 2), asked(tmp_path, sqlite_template, 40)


def test_no_page_asks_more_often_for_more_kiosks(two_and_forty: tuple[dict[str, int], dict[str, int]]) -> None:
    few, many = two_and_forty

    assert many == few
    assert max(few.values()) <= 45
