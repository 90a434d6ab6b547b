"""Daily limits across booths: what goes over one is flagged, grant by grant, and nothing else is."""

from __future__ import annotations

import pytest
from hub_world import HELP, VISIT, Booth, World, activities
from wire_samples import MORNING_MS

from hub.register.reference import add_event
from hub.store.database import Store, rows
from sync.citytime import DAY_MS
from sync.entry import Void

ONE_TOO_MANY = "over daily limit"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def flagged(world: World) -> set[tuple[bytes, int]]:
    with world.store.reading() as connection:
        found = rows(connection, "SELECT kiosk, seq, flag FROM flag")
    assert {one.flag for one in found} <= {ONE_TOO_MANY}
    return {(bytes(one.kiosk), one.seq) for one in found}


def helped(booth: Booth, person: int, slot: int, points: int = 100, minutes: int = 10) -> int:
    """Let a member help at a slot of the day; return the entry's number."""
    booth.grant(person, activity=HELP, occasion=slot, quantity=minutes, points=points)
    return booth.head.seq


def test_two_slots_of_a_day_in_one_batch_are_both_flagged(world: World) -> None:
    booth = world.booth()
    first, second = helped(booth, 0, slot=1), helped(booth, 0, slot=2)
    helped(booth, 1, slot=1)

    booth.send()

    assert flagged(world) == {(booth.kiosk, first), (booth.kiosk, second)}


def test_each_day_is_counted_by_itself(world: World) -> None:
    two_days = (MORNING_MS, MORNING_MS + 2 * DAY_MS)
    world.store.run(
        lambda connection: add_event(
            connection, "見本まつり", *two_days, world.allotment, activities(), event=world.event
        )
    )
    booth = world.booth()
    helped(booth, 0, slot=1)
    booth.send()

    world.now_ms += DAY_MS
    helped(booth, 0, slot=2)
    helped(booth, 1, slot=2)
    booth.send()
    third = helped(booth, 0, slot=3)
    booth.send()

    assert flagged(world) == {(booth.kiosk, third)}


def test_an_activity_without_a_limit_is_never_flagged(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    one.grant(0, activity=VISIT, occasion=1)
    one.grant(0, activity=VISIT, occasion=2)
    other.grant(0, activity=VISIT, occasion=2)

    one.send()
    other.send()

    assert flagged(world) == set()


def test_a_slot_that_was_taken_back_does_not_count(world: World) -> None:
    booth = world.booth()
    mistake = helped(booth, 0, slot=1)
    booth.send()
    booth.add(Void(mistake, "まちがい"))
    booth.send()

    helped(booth, 0, slot=2)
    booth.send()

    assert flagged(world) == set()


def test_the_better_grant_of_another_booth_is_counted_where_it_wins_its_slot(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    helped(one, 0, slot=1)
    one.send()
    second = helped(one, 0, slot=2)
    one.send()

    better = helped(other, 0, slot=2, points=200, minutes=60)
    other.send()

    assert flagged(world) == {(one.kiosk, second), (other.kiosk, better)}
