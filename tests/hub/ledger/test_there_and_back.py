"""Grants that lose their place in the ledger and get it back, any number of times: each step leaves right balances, and
books that the audit agrees with.
"""

from __future__ import annotations

import pytest
from hub_held import ANY_REASON, named
from hub_invariants import broken_invariants
from hub_world import VISIT_POINTS, Booth, World, activities
from wire_samples import MORNING_MS

from hub.acts.decisions import release
from hub.acts.events import change_event
from hub.audit import audit
from hub.store.database import Store, row
from sync.citytime import DAY_MS
from sync.entry import Clock

HOUR_MS = 3_600_000
ROUNDS = 3


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def faults(world: World) -> list[object]:
    found = [finding for finding in audit(world.store, world.hub.keyring) if not finding.is_note]
    return [*broken_invariants(world), *found]


def at_a_known_time(world: World, booth: Booth) -> None:
    """Let the booth know the time, so that its grants can lie outside a window."""
    now_ms = booth.stamp().monotonic_ms
    booth.add(booth.opened())
    booth.add(Clock(world.now_ms, now_ms, now_ms + 20))


def end_the_event(world: World, ends_ms: int) -> None:
    """Give the event another end, and judge what has come."""
    world.now_ms += 60_000
    with world.store.reading() as connection:
        found = row(connection, "SELECT max(version) AS version FROM event WHERE event = :event", event=world.event)
    window = (MORNING_MS, ends_ms)
    world.do(change_event, world.event, found.version, "見本まつり", *window, world.allotment, tuple(activities()))


def test_an_event_shortened_and_lengthened_again_and_again_posts_each_grant_once(world: World) -> None:
    booth = world.booth()
    world.now_ms = MORNING_MS + HOUR_MS
    at_a_known_time(world, booth)
    booth.grant(0)
    booth.send()

    for _ in range(ROUNDS):
        end_the_event(world, MORNING_MS + 60_000)
        assert (world.balance(world.members[0]), faults(world)) == (0, [])
        end_the_event(world, MORNING_MS + DAY_MS // 3)
        assert (world.balance(world.members[0]), faults(world)) == (VISIT_POINTS, [])

    assert world.verdicts(booth) == {"posted": (1, VISIT_POINTS)}


def test_two_booths_with_the_same_people_come_through_a_changed_event_with_one_grant_each(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    world.now_ms = MORNING_MS + HOUR_MS
    for booth in (one, other):
        at_a_known_time(world, booth)
        for person in range(6):
            booth.grant(person + 2 * (booth is other))
        booth.send()
    everybody = world.members[:8]

    for _ in range(ROUNDS):
        end_the_event(world, MORNING_MS + 60_000)
        assert ([world.balance(member) for member in everybody], faults(world)) == ([0] * 8, [])
        end_the_event(world, MORNING_MS + DAY_MS // 3)
        assert ([world.balance(member) for member in everybody], faults(world)) == ([VISIT_POINTS] * 8, [])

    assert world.verdicts() == {"posted": (8, 8 * VISIT_POINTS), "duplicate": (4, 4 * VISIT_POINTS)}


def test_a_grant_taken_back_for_its_time_and_released_is_posted_once_and_stays(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    world.now_ms = MORNING_MS + HOUR_MS
    for booth in (one, other):
        at_a_known_time(world, booth)
        booth.grant(0)
        booth.grant(1)
        booth.send()
    end_the_event(world, MORNING_MS + 60_000)
    world.now_ms += 60_000

    for booth, entry in ((other, other.entries[2]), (one, one.entries[2]), (one, one.entries[3])):
        world.do(release, booth.kiosk, named(booth, entry), ANY_REASON)
        assert faults(world) == []
    for _ in range(ROUNDS):
        end_the_event(world, MORNING_MS + DAY_MS // 3)
        assert faults(world) == []
        end_the_event(world, MORNING_MS + 60_000)
        assert faults(world) == []

    assert [world.balance(member) for member in world.members[:2]] == [VISIT_POINTS, VISIT_POINTS]
    assert world.verdicts()["posted"] == (2, 2 * VISIT_POINTS)


def test_a_grant_that_comes_back_meets_one_that_has_just_arrived_and_the_better_one_is_posted(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    world.now_ms = MORNING_MS + HOUR_MS
    at_a_known_time(world, one)
    one.grant(0, activity=2, quantity=10, points=100)
    one.send()
    end_the_event(world, MORNING_MS + 60_000)
    other.grant(0, activity=2, quantity=60, points=200)

    other.send()
    assert (world.balance(world.members[0]), faults(world)) == (200, [])
    end_the_event(world, MORNING_MS + DAY_MS // 3)

    assert (world.balance(world.members[0]), faults(world)) == (200, [])
    assert world.verdicts(one) == {"duplicate": (1, 100)}
