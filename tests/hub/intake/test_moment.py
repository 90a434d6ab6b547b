"""What is written at the hub has its moment from when it was written: however long a batch has waited for its turn, and
also when the hub's clock is set back. The audit agrees afterwards.
"""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hub_held import ANY_REASON, held
from hub_invariants import broken_invariants
from hub_world import Booth, World
from wire_samples import MORNING_MS

from hub.acts.decisions import dismiss, release
from hub.acts.journal import accept_hole, say_boot_start
from hub.acts.kiosks import top_up, withdraw_kiosk
from hub.audit import audit
from hub.intake.arrival import take_batch
from hub.store.database import Store, rows

MINUTE_MS = 60_000


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def faults(world: World) -> list[object]:
    found = [finding for finding in audit(world.store, world.hub.keyring) if not finding.is_note]
    return [*broken_invariants(world), *found]


def arrivals(world: World, booth: Booth) -> list[int]:
    """Return when a booth's entries arrived, in their order."""
    with world.store.reading() as connection:
        found = rows(connection, "SELECT arrived_ms FROM entry WHERE kiosk = :kiosk ORDER BY seq", kiosk=booth.kiosk)
    return [one.arrived_ms for one in found]


def with_the_same_people(world: World) -> tuple[Booth, Booth]:
    """Return two booths that have granted to the same people, the second more to each."""
    one, other = world.booth("受付1"), world.booth("受付2")
    for person in range(5):
        one.grant(person, activity=2, quantity=10, points=100)
        other.grant(person, activity=2, quantity=60, points=200)
    return one, other


def test_a_batch_that_waits_for_its_turn_arrives_when_its_turn_has_come(world: World) -> None:
    one, other = with_the_same_people(world)
    asked, done = threading.Event(), threading.Event()
    ticks = iter(range(MORNING_MS, MORNING_MS + 1_000_000, 1_000))
    quick = replace(world.hub, wall_ms=lambda: next(ticks))

    def first_at_the_clock() -> int:
        now_ms = next(ticks)
        asked.set()
        done.wait(0.5)  # until the other one is through, or has to wait for this one's turn to end
        return now_ms

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(take_batch, replace(world.hub, wall_ms=first_at_the_clock), other.batch())
        asked.wait(30)
        through = pool.submit(take_batch, quick, one.batch())
        through.add_done_callback(lambda _: done.set())
        waiting.result(), through.result()

    world.now_ms = MORNING_MS + 1_000_000
    assert faults(world) == []
    assert [world.balance(member) for member in world.members[:5]] == [200] * 5


def test_many_booths_that_send_at_once_leave_books_that_the_audit_agrees_with(world: World) -> None:
    booths = [world.booth(f"受付{number}") for number in range(6)]
    ticking = threading.Lock()

    def tick() -> int:
        with ticking:
            world.now_ms += 1
            return world.now_ms

    hub = replace(world.hub, wall_ms=tick)
    for _ in range(4):
        for place, booth in enumerate(booths):
            for person in range(8):
                booth.grant(
                    person,
                    activity=2,
                    quantity=10 + 50 * (place % 2),
                    points=100 + 100 * (place % 2),
                )
    batches = [booth.batch(first, first + 7) for first in (1, 9, 17, 25, 33) for booth in booths]

    with ThreadPoolExecutor(len(booths)) as pool:
        list(pool.map(lambda batch: take_batch(hub, batch), batches))
    world.now_ms += MINUTE_MS
    for booth in booths:
        booth.send()

    assert faults(world) == []
    assert [world.balance(member) for member in world.members[:8]] == [200] * 8


def test_a_clock_that_is_set_back_makes_every_arrival_later_than_the_one_before(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    world.now_ms -= 30 * MINUTE_MS
    booth.grant(1)
    booth.send()
    world.now_ms += 45 * MINUTE_MS
    booth.grant(2)

    receipt = booth.send()

    opened, first, second, third = arrivals(world, booth)
    assert opened == first < second < third == MORNING_MS + 15 * MINUTE_MS
    assert receipt.hub_ms == MORNING_MS + 15 * MINUTE_MS
    assert faults(world) == []


def test_a_receipt_tells_the_clock_as_it_is_also_after_it_was_set_back(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    world.now_ms -= 30 * MINUTE_MS
    booth.grant(1)

    receipt = booth.send()

    assert receipt.hub_ms == MORNING_MS - 30 * MINUTE_MS
    assert faults(world) == []


def test_a_better_claim_after_the_clock_was_set_back_is_posted_no_earlier_than_the_one_it_replaces(
    world: World,
) -> None:
    one, other = with_the_same_people(world)
    one.send()
    world.now_ms -= 30 * MINUTE_MS

    other.send()

    assert faults(world) == []
    assert [world.balance(member) for member in world.members[:5]] == [200] * 5


def test_acts_on_a_kiosk_after_the_clock_was_set_back_come_after_what_they_decide_about(world: World) -> None:
    booth, small = world.booth("受付1"), world.booth("受付2", total=0)
    for person in range(6):
        booth.grant(person, points=60)
        small.grant(person)
    small.send()
    booth.send(last_seq=2)
    booth.send(first_seq=5)

    world.now_ms -= 30 * MINUTE_MS
    world.do(accept_hole, booth.kiosk, 3, 4)
    world.now_ms -= MINUTE_MS
    world.do(release, booth.kiosk, held(world, booth)[:1], ANY_REASON)
    world.do(top_up, small.kiosk, world.allotment, 500)
    world.now_ms -= MINUTE_MS
    world.do(top_up, small.kiosk, world.allotment, 500)
    world.do(withdraw_kiosk, booth.kiosk)
    world.now_ms -= MINUTE_MS
    booth.send(first_seq=3, last_seq=4)

    assert faults(world) == []


@pytest.mark.parametrize("set_back_ms", [0, 30 * MINUTE_MS])
def test_an_answer_about_a_boot_is_later_than_what_had_arrived_before_it_and_before_what_comes_then(
    world: World, set_back_ms: int
) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    booth.grant(1)

    world.now_ms -= set_back_ms
    world.do(say_boot_start, booth.kiosk, booth.boot, booth.started_ms)
    booth.send()

    _, before, after = arrivals(world, booth)
    with world.store.reading() as connection:
        (said_ms,) = [one.since_ms for one in rows(connection, "SELECT since_ms FROM boot_start")]
    assert before < said_ms < after


@pytest.mark.parametrize("set_back_ms", [0, 30 * MINUTE_MS])
def test_a_gap_that_is_accepted_after_a_fork_came_to_light_is_none_that_was_accepted_before(
    world: World, set_back_ms: int
) -> None:
    booth = world.booth()
    for person in range(4):
        booth.grant(person)
    copy = booth.clone(4)
    copy.grant(7)
    booth.send(last_seq=2)
    booth.send(first_seq=4)
    copy.send(first_seq=5)

    world.now_ms -= set_back_ms
    world.do(accept_hole, booth.kiosk, 3, 3)

    assert faults(world) == []


@pytest.mark.parametrize("set_back_ms", [0, 30 * MINUTE_MS])
def test_a_gap_that_was_accepted_before_a_fork_came_to_light_was_accepted_then(world: World, set_back_ms: int) -> None:
    booth = world.booth()
    for person in range(4):
        booth.grant(person)
    copy = booth.clone(4)
    copy.grant(7)
    booth.send(last_seq=2)
    booth.send(first_seq=4)
    world.now_ms += MINUTE_MS

    world.do(accept_hole, booth.kiosk, 3, 3)
    world.now_ms -= set_back_ms
    copy.send(first_seq=5)

    assert faults(world) == []


@pytest.mark.parametrize("seed", range(6))
def test_any_story_with_a_clock_that_jumps_is_one_the_audit_agrees_with(sqlite: Store, seed: int) -> None:
    chance = random.Random(seed)  # repeatable, not secret
    world = World(sqlite)
    booths = [world.booth(f"受付{number}") for number in range(3)]

    for _ in range(40):
        world.now_ms += chance.choice((1, MINUTE_MS, -20 * MINUTE_MS, 15 * MINUTE_MS))
        booth = chance.choice(booths)
        what = chance.randrange(8)
        points, quantity = chance.choice(((100, 10), (200, 60), (300, 120), (77, 10)))
        booth.grant(chance.randrange(6), activity=2, quantity=quantity, points=points)
        if what < 6:
            booth.send()
        elif names := held(world, booth)[:1]:
            if what == 6:
                world.do(release, booth.kiosk, names, ANY_REASON)
            else:
                world.do(dismiss, booth.kiosk, names)
    for booth in booths:
        booth.send()

    assert faults(world) == []
