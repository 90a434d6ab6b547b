"""Holes and lost tails of a journal, ranges granted for the wrong thing, and when a booth was switched on."""

from __future__ import annotations

import pytest
from act_samples import (
    OTHER_BOOT,
    WINDOW,
    add_long_event,
    add_other_event,
    named,
    with_grants,
    with_hole,
    with_tail,
    without_clock,
)
from hub_invariants import broken_invariants
from hub_world import HELP, VISIT, VISIT_POINTS, Booth, World, activities
from wire_samples import MORNING_MS

from hub.acts.decisions import dismiss, reopen_decision
from hub.acts.events import add_event, change_event
from hub.acts.journal import (
    accept_hole,
    give_up_tail,
    replace_range,
    say_boot_start,
    take_back_boot_start,
    take_back_hole,
    take_back_replacement,
    take_back_tail,
)
from hub.acts.kiosks import stop_kiosk
from hub.acts.organisations import lower_allotment
from hub.acts.refusals import ActRefused, Refusal
from hub.intake.facts import accepted_holes
from hub.intake.reasons import Reason
from hub.store.database import Store, rows
from sync.citytime import DAY_MS, city_day
from sync.entry import Clock, Stamp, Void
from sync.manifest import Activity, OccasionBy, Slot
from sync.rules import Fixed

HOUR_MS = 3_600_000


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


# holes


def test_a_hole_is_accepted_and_taken_back_and_its_entries_may_still_turn_up(world: World) -> None:
    booth = with_hole(world)
    before = world.picture()

    world.do(accept_hole, booth.kiosk, 3, 4)
    accepted = world.verdicts(booth)
    moved = world.do(take_back_hole, booth.kiosk, 3).moved
    back = world.picture()
    world.do(accept_hole, booth.kiosk, 3, 4)
    receipt = booth.send(first_seq=3, last_seq=4)

    assert accepted == {"posted": (4, 200)}
    assert (moved.taken, back) == (3, before)
    assert receipt.cursor == booth.head
    assert world.verdicts(booth) == {"posted": (6, 300)}
    assert broken_invariants(world) == []


@pytest.mark.parametrize("numbers", [(3, 3), (4, 4), (2, 4), (3, 9), (4, 3), (0, 4), (6, 7)])
def test_only_a_hole_that_is_there_is_accepted(sqlite: Store, numbers: tuple[int, int]) -> None:
    world = World(sqlite)
    booth = with_hole(world)
    before = world.picture()

    with pytest.raises(ActRefused) as refused:
        world.do(accept_hole, booth.kiosk, *numbers)

    assert refused.value.refusal is Refusal.NO_HOLE
    assert world.picture() == before


def test_of_two_clerks_at_one_hole_the_second_is_told(world: World) -> None:
    booth = with_hole(world)
    world.do(accept_hole, booth.kiosk, 3, 4)

    with pytest.raises(ActRefused) as accepted:
        world.do(accept_hole, booth.kiosk, 3, 4)
    world.do(take_back_hole, booth.kiosk, 3)
    with pytest.raises(ActRefused) as taken_back:
        world.do(take_back_hole, booth.kiosk, 3)

    assert (accepted.value.refusal, taken_back.value.refusal) == (Refusal.HOLE_ACCEPTED, Refusal.NO_HOLE)
    with world.store.reading() as connection:
        assert accepted_holes(connection, booth.kiosk) == {}


def test_a_void_behind_a_hole_takes_points_once_the_hole_is_accepted_and_that_is_foretold(world: World) -> None:
    booth = with_grants(world, 2)
    booth.grant(2)
    booth.add(Void(2, "まちがい"))
    booth.send(first_seq=5)

    foretold = world.preview(accept_hole, booth.kiosk, 4, 4)
    world.do(accept_hole, booth.kiosk, 4, 4)

    assert (foretold.taken, foretold.points_taken, foretold.people) == (1, VISIT_POINTS, 1)
    assert world.balance(world.members[0]) == 0


# lost tails


def test_a_tail_is_given_up_and_waited_for_again_and_counts_if_it_turns_up(world: World) -> None:
    booth = with_tail(world)

    world.do(give_up_tail, booth.kiosk, 3, 4)
    world.do(take_back_tail, booth.kiosk, 3)
    world.do(give_up_tail, booth.kiosk, 3, 4)
    booth.send()

    with world.store.reading() as connection:
        found = rows(connection, "SELECT first_seq, last_seq, version, state FROM lost_tail ORDER BY version")
    assert [tuple(one) for one in found] == [
        (3, 4, 1, "given up"),
        (3, 4, 2, "taken back"),
        (3, 4, 3, "given up"),
    ]
    assert world.verdicts() == {"posted": (3, 150)}


@pytest.mark.parametrize("numbers", [(1, 4), (2, 4), (3, 5), (4, 3), (5, 6)])
def test_only_what_was_signed_and_has_not_arrived_is_given_up(sqlite: Store, numbers: tuple[int, int]) -> None:
    world = World(sqlite)
    booth = with_tail(world)

    with pytest.raises(ActRefused) as refused:
        world.do(give_up_tail, booth.kiosk, *numbers)

    assert refused.value.refusal is Refusal.NO_TAIL


def test_a_tail_that_is_given_up_is_not_given_up_twice_nor_one_taken_back_that_is_not(world: World) -> None:
    booth = with_tail(world)
    world.do(give_up_tail, booth.kiosk, 3, 4)

    with pytest.raises(ActRefused) as twice:
        world.do(give_up_tail, booth.kiosk, 3, 4)
    with pytest.raises(ActRefused) as other:
        world.do(take_back_tail, booth.kiosk, 4)

    assert (twice.value.refusal, other.value.refusal) == (Refusal.STANDS_SO, Refusal.NO_TAIL)


# ranges


def test_a_range_counts_for_another_event_and_back(world: World) -> None:
    booth, other = with_grants(world, 4), add_other_event(world, points=70)
    before = world.picture()
    left = world.accounts()["allotment"]

    moved = world.do(replace_range, booth.kiosk, 2, 4, world.event, VISIT, other, 1).moved
    replaced = [world.balance(member) for member in world.members[:4]]
    allotment = world.accounts()["allotment"]
    invariants = broken_invariants(world)
    world.do(take_back_replacement, booth.kiosk, 1)

    assert (replaced, allotment) == ([70, 70, 70, 50], left - 3 * 70)
    assert (moved.points_taken, sum(moved.net.values())) == (0, 60)
    assert invariants == []
    assert world.picture() == before
    assert broken_invariants(world) == []


def test_the_newest_of_two_replacements_counts_and_the_older_gives_its_cover_back(world: World) -> None:
    booth = with_grants(world, 2)
    first, second = add_other_event(world, points=70), add_other_event(world, points=20)
    before = world.picture()

    world.do(replace_range, booth.kiosk, 2, 3, world.event, VISIT, first, 1)
    world.do(replace_range, booth.kiosk, 2, 3, world.event, VISIT, second, 1)
    balances = [world.balance(member) for member in world.members[:2]]
    with pytest.raises(ActRefused) as superseded:
        world.do(take_back_replacement, booth.kiosk, 1)
    world.do(take_back_replacement, booth.kiosk, 2)
    with pytest.raises(ActRefused) as twice:
        world.do(take_back_replacement, booth.kiosk, 2)

    assert balances == [20, 20]
    assert (superseded.value.refusal, twice.value.refusal) == (Refusal.STANDS_SO, Refusal.STANDS_SO)
    assert world.picture() == before


def test_a_replacement_puts_grants_of_a_foreign_event_right(world: World) -> None:
    booth = world.booth()
    booth.grant(0, event=99, activity=7)
    booth.send()

    world.do(replace_range, booth.kiosk, 2, 2, 99, 7, world.event, VISIT)

    assert world.verdicts() == {"posted": (1, VISIT_POINTS)}
    assert broken_invariants(world) == []


def test_a_replacement_meets_what_was_granted_there(world: World) -> None:
    other = add_other_event(world, points=VISIT_POINTS)
    one, wrong = world.booth("受付1"), world.booth("受付2", events=(world.event, other))
    one.grant(0)
    one.send()
    wrong.grant(0, event=other, activity=1)
    wrong.send()

    moved = world.do(replace_range, wrong.kiosk, 2, 2, other, 1, world.event, VISIT).moved
    met = world.balance(world.members[0])
    world.do(take_back_replacement, wrong.kiosk, 1)

    assert (moved.points_taken, met) == (VISIT_POINTS, VISIT_POINTS)
    assert world.balance(world.members[0]) == 2 * VISIT_POINTS
    assert broken_invariants(world) == []


def test_a_replacement_into_a_slot_needs_one_of_the_activitys_slots(world: World) -> None:
    lesson = Activity(0, "教室", Fixed(30), OccasionBy.SLOT, 0, (Slot(0, "午前"), Slot(0, "午後")))
    event = world.do(add_event, "教室の日", *WINDOW, world.allotment, (lesson,)).made
    booth = with_grants(world, 1)

    for slot in (0, 3):
        with pytest.raises(ActRefused) as refused:
            world.do(replace_range, booth.kiosk, 2, 2, world.event, VISIT, event, 1, slot)
        assert refused.value.refusal is Refusal.NO_ACTIVITY
    world.do(replace_range, booth.kiosk, 2, 2, world.event, VISIT, event, 1, 2)

    with world.store.reading() as connection:
        (placed,) = rows(connection, "SELECT event, activity, occasion, points FROM placed")
    assert tuple(placed) == (event, 1, 2, 30)


def test_what_cannot_be_replaced_is_said(world: World) -> None:
    booth, other = with_hole(world), add_other_event(world)
    told = [
        ((2, 5, world.event, VISIT, other, 1), Refusal.NOT_ARRIVED),
        ((5, 9, world.event, VISIT, other, 1), Refusal.NOT_ARRIVED),
        ((0, 2, world.event, VISIT, other, 1), Refusal.NOT_ARRIVED),
        ((2, 1, world.event, VISIT, other, 1), Refusal.NOT_ARRIVED),
        ((5, 10**12, world.event, VISIT, other, 1), Refusal.NOT_ARRIVED),
        ((1, 1, world.event, VISIT, other, 1), Refusal.NOT_IN_RANGE),
        ((1, 2, other, 1, world.event, VISIT), Refusal.NOT_IN_RANGE),
        ((1, 2, world.event, VISIT, 99, 1), Refusal.NO_EVENT),
        ((1, 2, world.event, VISIT, other, 9), Refusal.NO_ACTIVITY),
        ((1, 2, world.event, VISIT, world.event, VISIT), Refusal.NOTHING_CHANGES),
    ]
    before = world.picture()

    for arguments, refusal in told:
        with pytest.raises(ActRefused) as refused:
            world.do(replace_range, booth.kiosk, *arguments)
        assert refused.value.refusal is refusal, arguments
    with pytest.raises(ActRefused) as gone:
        world.do(take_back_replacement, booth.kiosk, 1)

    assert gone.value.refusal is Refusal.GONE
    assert world.picture() == before


def test_an_activity_that_gives_nothing_for_a_quantity_takes_no_range(world: World) -> None:
    booth = world.booth()
    booth.grant(0, activity=HELP, occasion=city_day(world.now_ms), points=200, quantity=60)
    booth.send()

    with pytest.raises(ActRefused) as refused:
        world.do(replace_range, booth.kiosk, 2, 2, world.event, HELP, world.event, VISIT)

    assert (refused.value.refusal, refused.value.details["what"]) == (Refusal.GIVES_NOTHING, 2)


def test_a_replacement_that_no_allotment_covers_is_refused(world: World) -> None:
    booth, other = with_grants(world, 2), add_other_event(world, points=70)
    world.do(lower_allotment, world.allotment, world.accounts()["allotment"] - 100)
    before = world.picture()

    with pytest.raises(ActRefused) as refused:
        world.do(replace_range, booth.kiosk, 2, 3, world.event, VISIT, other, 1)

    assert (refused.value.refusal, refused.value.details["lacking"]) == (Refusal.NO_COVER, 40)
    assert world.picture() == before


def test_a_replacement_stands_beside_other_acts_in_any_order(world: World) -> None:
    booth, other = with_grants(world, 3), add_other_event(world, points=70)
    before = world.picture()

    world.do(replace_range, booth.kiosk, 2, 4, world.event, VISIT, other, 1)
    world.do(dismiss, booth.kiosk, named(booth, 3))
    world.do(stop_kiosk, booth.kiosk)
    world.do(change_event, world.event, 1, "見本の日", *WINDOW, world.allotment, activities())
    balances = [world.balance(member) for member in world.members[:3]]
    world.do(take_back_replacement, booth.kiosk, 1)
    world.do(reopen_decision, booth.kiosk, named(booth, 3))

    assert balances == [70, 0, 70]
    assert world.picture() == before
    assert broken_invariants(world) == []


# boots


@pytest.mark.parametrize("day", [0, 1])
def test_an_answer_tells_the_day_of_a_boot_without_a_clock_and_may_be_taken_back(world: World, day: int) -> None:
    booth = without_clock(world)
    before = world.picture()
    held = world.reasons(booth)

    world.do(say_boot_start, booth.kiosk, booth.boot, MORNING_MS + day * DAY_MS + HOUR_MS)
    with world.store.reading() as connection:
        occasions = [one.occasion for one in rows(connection, "SELECT occasion FROM transfer")]
    moved = world.do(take_back_boot_start, booth.kiosk, booth.boot).moved

    assert held == {2: ("held", Reason.DAY)}
    assert occasions == [city_day(MORNING_MS) + day]
    assert (moved.taken, world.reasons(booth)) == (1, held)
    assert world.picture()["balances"] == before["balances"]
    assert broken_invariants(world) == []


def test_another_answer_about_a_boot_replaces_the_first(world: World) -> None:
    booth = without_clock(world)
    world.do(say_boot_start, booth.kiosk, booth.boot, MORNING_MS + HOUR_MS)

    world.do(say_boot_start, booth.kiosk, booth.boot, MORNING_MS + DAY_MS + HOUR_MS)
    with pytest.raises(ActRefused) as same:
        world.do(say_boot_start, booth.kiosk, booth.boot, MORNING_MS + DAY_MS + HOUR_MS)

    with world.store.reading() as connection:
        standing = rows(connection, "SELECT occasion FROM transfer GROUP BY occasion HAVING sum(points) > 0")
    assert [one.occasion for one in standing] == [city_day(MORNING_MS) + 1]
    assert same.value.refusal is Refusal.STANDS_SO
    assert broken_invariants(world) == []


def test_an_answer_that_contradicts_what_has_arrived_is_refused(world: World) -> None:
    booth = without_clock(world)
    told = [
        (booth.boot, world.now_ms + HOUR_MS, Refusal.TIME_CONTRADICTS),
        (booth.boot, MORNING_MS - 30 * DAY_MS, Refusal.TIME_CONTRADICTS),
        (OTHER_BOOT, MORNING_MS, Refusal.NO_BOOT),
    ]

    for boot, started_ms, refusal in told:
        with pytest.raises(ActRefused) as refused:
            world.do(say_boot_start, booth.kiosk, boot, started_ms)
        assert refused.value.refusal is refusal
    with pytest.raises(ActRefused) as nothing:
        world.do(take_back_boot_start, booth.kiosk, booth.boot)

    assert nothing.value.refusal is Refusal.GONE


def test_no_answer_is_asked_of_a_boot_that_the_hub_has_told_the_time(world: World) -> None:
    booth = world.booth()
    booth.add(booth.opened())
    booth.add(Clock(world.now_ms, 1_000, 1_020), Stamp(world.now_ms, booth.boot, 1_020, 2))
    booth.grant(0)
    booth.send()

    with pytest.raises(ActRefused) as refused:
        world.do(say_boot_start, booth.kiosk, booth.boot, MORNING_MS)

    assert refused.value.refusal is Refusal.TIME_CONTRADICTS


def test_an_answer_about_one_boot_leaves_the_others_waiting(world: World) -> None:
    event = add_long_event(world)
    booth = world.booth(events=(event,))
    for number, boot in enumerate((bytes(16), OTHER_BOOT)):
        booth.add(booth.opened(), Stamp(0, boot, 1_000, 0))
        booth.add(booth.make_grant(number, event=event, activity=1, occasion=0), Stamp(5_000, boot, 5_000, 0))
    world.now_ms = MORNING_MS + 3 * DAY_MS
    booth.send()

    world.do(say_boot_start, booth.kiosk, bytes(16), MORNING_MS + HOUR_MS)

    assert world.reasons(booth) == {4: ("held", Reason.DAY)}


def test_an_answer_makes_a_void_of_another_boot_count_and_its_end_lets_it_wait_again(world: World) -> None:
    booth = voided_from_another_boot(world)
    held = world.reasons(booth)

    world.do(say_boot_start, booth.kiosk, OTHER_BOOT, MORNING_MS + HOUR_MS)
    counted = world.reasons(booth)
    world.do(take_back_boot_start, booth.kiosk, OTHER_BOOT)

    assert held == {5: ("held", Reason.VOID_DAY)}
    assert counted == {3: ("dismissed", Reason.VOIDED)}
    assert world.reasons(booth) == held
    assert broken_invariants(world) == []


def voided_from_another_boot(world: World) -> Booth:
    """Return a booth that was told the time and granted, was switched on again without a clock and voided the grant."""
    booth = world.booth()
    booth.add(booth.opened())
    booth.add(Clock(world.now_ms, 1_000, 1_020), Stamp(world.now_ms, booth.boot, 1_020, 2))
    booth.add(booth.make_grant(0), Stamp(world.now_ms, booth.boot, 5_000, 2))
    booth.add(booth.opened(), Stamp(0, OTHER_BOOT, 1_000, 0))
    booth.add(Void(3, "まちがい"), Stamp(0, OTHER_BOOT, 60_000, 0))
    world.now_ms += 6 * HOUR_MS
    booth.send()
    return booth


def test_a_void_of_another_start_counts_as_long_as_an_answer_puts_both_on_one_day(world: World) -> None:
    booth, other = without_clock(world), b"o" * 16
    second_day_ms = MORNING_MS + DAY_MS
    booth.add(booth.opened(), Stamp(0, other, 1_000, 0))
    booth.add(Void(2, "まちがい"), Stamp(0, other, 2_000, 0))
    booth.add(Clock(second_day_ms + 2 * HOUR_MS, 3_000, 3_020), Stamp(0, other, 3_020, 2))
    booth.send()
    unsettled = world.reasons(booth)

    world.do(say_boot_start, booth.kiosk, booth.boot, second_day_ms + HOUR_MS)
    counts = world.reasons(booth)
    world.do(take_back_boot_start, booth.kiosk, booth.boot)

    assert unsettled == {2: ("held", Reason.DAY), 4: ("held", Reason.VOID_DAY)}
    assert counts == {2: ("dismissed", Reason.VOIDED)}
    assert world.reasons(booth) == unsettled
    assert broken_invariants(world) == []
