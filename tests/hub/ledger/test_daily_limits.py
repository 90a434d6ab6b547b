"""Daily limits across booths: what goes over one is flagged, grant by grant, and nothing else is – however the entries
were split into batches.
"""

from __future__ import annotations

import pytest
from hub_world import HELP, VISIT, Booth, World, activities
from wire_samples import MORNING_MS

from hub.acts.events import change_event
from hub.acts.journal import say_boot_start
from hub.audit import audit
from hub.ledger.daily_limits import Posted, over_limit
from hub.store.database import Store, rows
from sync.citytime import DAY_MS, city_day
from sync.entry import Clock, Stamp, Void
from sync.manifest import Activity, OccasionBy, Slot
from sync.rules import ByHours

LESSON = 3
ONE_TOO_MANY = "over daily limit"
SLOTS = tuple(Slot(0, f"第{number}回") for number in (1, 2, 3))
LESSON_ACTIVITY = Activity(0, "教室", ByHours(((1, 100), (60, 200))), OccasionBy.SLOT, 1, SLOTS)


@pytest.fixture
def world(store: Store) -> World:
    """A hub with an event of two days whose lessons may be had once a day."""
    world = World(store)
    two_days = (MORNING_MS, MORNING_MS + 2 * DAY_MS)
    world.do(change_event, world.event, 1, "見本まつり", *two_days, world.allotment, (*activities(), LESSON_ACTIVITY))
    return world


def flagged(world: World) -> set[tuple[bytes, int]]:
    with world.store.reading() as connection:
        found = rows(connection, "SELECT kiosk, seq, flag FROM flag")
    assert {one.flag for one in found} <= {ONE_TOO_MANY}
    return {(bytes(one.kiosk), one.seq) for one in found}


def taught(booth: Booth, person: int, slot: int, points: int = 100, minutes: int = 10) -> int:
    """Let a member have a lesson in a slot of the day; return the entry's number."""
    booth.world.now_ms += 60_000
    booth.grant(person, activity=LESSON, occasion=slot, quantity=minutes, points=points)
    return booth.head.seq


@pytest.mark.parametrize("batches", [1, 2])
def test_the_second_slot_of_a_day_is_flagged_in_one_batch_or_two(world: World, batches: int) -> None:
    booth = world.booth()
    taught(booth, 0, slot=1)
    second = taught(booth, 0, slot=2)
    taught(booth, 1, slot=1)

    for last_seq in (2, None) if batches > 1 else (None,):
        booth.send(last_seq=last_seq)

    assert flagged(world) == {(booth.kiosk, second)}


def test_each_day_is_counted_by_itself(world: World) -> None:
    booth = world.booth()
    taught(booth, 0, slot=1)
    booth.send()

    world.now_ms += DAY_MS
    taught(booth, 0, slot=2)
    taught(booth, 1, slot=2)
    booth.send()
    third = taught(booth, 0, slot=3)
    booth.send()

    assert flagged(world) == {(booth.kiosk, third)}


def test_an_activity_without_a_limit_is_never_flagged(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    for booth in (one, other):
        booth.grant(0, activity=VISIT)
        booth.send()

    assert flagged(world) == set()


@pytest.mark.parametrize("batches", [1, 3])
def test_a_slot_that_was_taken_back_does_not_count(world: World, batches: int) -> None:
    booth = world.booth()
    mistake = taught(booth, 0, slot=1)
    booth.add(Void(mistake, "まちがい"))
    taught(booth, 0, slot=2)

    for last_seq in (2, 3, None) if batches > 1 else (None,):
        booth.send(last_seq=last_seq)

    assert flagged(world) == set()


def test_a_flag_goes_when_the_grant_that_was_one_too_few_before_it_is_taken_back(world: World) -> None:
    booth = world.booth()
    first = taught(booth, 0, slot=1)
    second = taught(booth, 0, slot=2)
    booth.send()
    before = flagged(world)

    booth.add(Void(first, "まちがい"))
    booth.send()

    assert before == {(booth.kiosk, second)}
    assert flagged(world) == set()


def test_the_better_grant_of_another_booth_is_counted_where_it_wins_its_slot(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    taught(one, 0, slot=1)
    taught(one, 0, slot=2)
    one.send()

    better = taught(other, 0, slot=2, points=200, minutes=60)
    other.send()

    assert flagged(world) == {(other.kiosk, better)}


def test_a_grant_that_has_come_to_another_day_counts_on_that_day_alone(world: World) -> None:
    unsure, sure = world.booth("受付1"), world.booth("受付2")
    helped = {"activity": HELP, "quantity": 30, "points": 100}
    world.now_ms = MORNING_MS + 2 * DAY_MS
    unsure.started_ms = world.now_ms
    unsure.add(unsure.make_grant(0, occasion=city_day(0), **helped), Stamp(0, unsure.boot, 60_000, 0))
    unsure.send()

    for days in (2, 1):  # first the wrong answer, then the right one
        world.do(say_boot_start, unsure.kiosk, unsure.boot, MORNING_MS + days * DAY_MS - 60_000)
    sure.add(sure.make_grant(0, occasion=city_day(world.now_ms), **helped), sure.stamp(trust=2))
    sure.add(Clock(world.now_ms, sure.stamp().monotonic_ms, sure.stamp().monotonic_ms + 20), sure.stamp(trust=2))
    sure.send()

    assert world.balance(world.members[0]) == 200
    assert flagged(world) == set()
    assert [one for one in audit(world.store, world.hub.keyring) if not one.is_note] == []


def test_a_day_is_counted_in_order_of_occurrence() -> None:
    posted = [
        Posted(MORNING_MS + 3, b"a", 3, b"3"),
        Posted(MORNING_MS + 2, b"b", 2, b"2"),
        Posted(MORNING_MS + DAY_MS, b"a", 4, b"4"),
    ]

    assert [one.seq for one in over_limit(posted, 1)] == [3]
