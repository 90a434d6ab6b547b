"""Events: a changed event is a new version, and what has arrived is worth what the new one says, there and back."""

from __future__ import annotations

from typing import Any

import pytest
from act_samples import WINDOW, add_other_event, with_grants
from hub_invariants import broken_invariants
from hub_world import CLERK, VISIT_POINTS, World, activities, as_new
from wire_samples import MORNING_MS

from hub.acts.doing import kind_of, new_number, perform_within
from hub.acts.events import END_MS, FIRST_MS, add_event, call_off_event, change_event, take_up_event
from hub.acts.kiosks import renew_settings
from hub.acts.organisations import add_allotment
from hub.acts.refusals import ActRefused, Refusal
from hub.intake.reasons import Reason
from hub.register.events import activities_of, load_events, newest_event
from hub.store.database import Store
from sync.citytime import DAY_MS
from sync.entry import Clock, Stamp
from sync.manifest import Activity, OccasionBy, Slot
from sync.rules import ByHours, Fixed

PAST = (MORNING_MS - 2 * DAY_MS, MORNING_MS - DAY_MS)
IN_SLOTS = Activity(0, "教室", Fixed(30), OccasionBy.SLOT, 0, (Slot(0, "午前"), Slot(0, "午後")))
PLAIN = Activity(0, "清掃", Fixed(20), OccasionBy.NONE, 0)


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def change(world: World, version: int, window: tuple[int, int] = WINDOW, name: str = "見本まつり") -> tuple[Any, ...]:
    return (world.event, version, name, *window, world.allotment, activities())


def stored(world: World, event: int) -> tuple[Activity, ...]:
    with world.store.reading() as connection:
        newest = newest_event(connection, event)
        assert newest is not None
        return activities_of(connection, newest)


def test_an_event_that_moves_away_and_back_leaves_everybody_with_what_they_had(world: World) -> None:
    booths = [world.booth("受付1"), world.booth("受付2")]
    for person in range(6):
        booths[person % 2].grant(person)
    booths[1].grant(0)
    for booth in booths:
        booth.send()
    before = world.picture()

    away = world.do(change_event, *change(world, 1, PAST))
    held = world.verdicts()
    again = [world.do(change_event, *change(world, 2)), world.do(change_event, *change(world, 3, name="別の名前"))]

    assert (away.moved.taken, away.moved.people, away.moved.points_taken) == (6, 6, 6 * VISIT_POINTS)
    assert held == {"held": (7, 7 * VISIT_POINTS)}
    assert [(one.moved.given, sum(one.moved.net.values())) for one in again] == [(6, 6 * VISIT_POINTS), (0, 0)]
    assert world.picture() == before
    assert broken_invariants(world) == []


def test_a_change_that_takes_points_is_done_only_as_far_as_it_was_shown(world: World) -> None:
    booth = with_grants(world, 3)
    shown = world.preview(change_event, *change(world, 1, PAST))
    booth.grant(3)
    booth.send()

    number = new_number(world.hub, CLERK, kind_of(change_event))
    with pytest.raises(ActRefused) as refused:
        perform_within(world.hub, CLERK, number, "見本", shown, change_event, *change(world, 1, PAST))
    between = world.verdicts()
    again = world.preview(change_event, *change(world, 1, PAST))
    done = perform_within(world.hub, CLERK, number, "見本", again, change_event, *change(world, 1, PAST))

    assert (shown.taken, shown.people) == (3, 3)
    assert refused.value.refusal is Refusal.TAKES_MORE
    assert between == {"posted": (4, 200)}
    assert (done.moved.taken, world.verdicts()) == (4, {"held": (4, 200)})


def test_other_events_are_not_touched_by_a_change(world: World) -> None:
    other = add_other_event(world, points=VISIT_POINTS)
    booth = world.booth(events=(world.event, other))
    booth.grant(0)
    booth.grant(0, event=other, activity=1)
    booth.send()

    world.do(change_event, *change(world, 1, PAST))

    assert world.reasons(booth) == {2: ("held", Reason.TIME)}
    assert world.balance(world.members[0]) == VISIT_POINTS


def test_of_two_clerks_who_change_the_same_event_the_second_is_told(world: World) -> None:
    world.do(change_event, *change(world, 1, name="一人目"))
    before = world.picture()

    for act, told in ((change_event, change(world, 1)), (call_off_event, (world.event, 1))):
        with pytest.raises(ActRefused) as refused:
            world.do(act, *told)
        assert refused.value.refusal is Refusal.GROUND_CHANGED

    assert world.picture() == before


def test_a_called_off_event_goes_into_no_new_settings_and_its_grants_stay(world: World) -> None:
    booth = with_grants(world)

    world.do(call_off_event, world.event, 1)
    world.do(renew_settings, booth.kiosk)
    with world.store.reading() as connection:
        off = load_events(connection, booth.kiosk)
    booth.grant(3)
    booth.send()
    world.do(take_up_event, world.event, 2)
    with world.store.reading() as connection:
        on = load_events(connection, booth.kiosk)

    assert (off, [one.event for one in on]) == ((), [world.event])
    assert world.verdicts() == {"posted": (4, 4 * VISIT_POINTS)}
    with pytest.raises(ActRefused) as refused:
        world.do(take_up_event, world.event, 3)
    assert refused.value.refusal is Refusal.STANDS_SO


@pytest.mark.parametrize(
    "window",
    [
        (-61_000_000_000_000, MORNING_MS),
        (FIRST_MS - 1, MORNING_MS),
        (MORNING_MS, END_MS),
        (MORNING_MS, 253_370_764_800_000),
        (MORNING_MS, MORNING_MS),
        (MORNING_MS, MORNING_MS - 1),
    ],
)
def test_dates_that_are_a_slip_are_refused(sqlite: Store, window: tuple[int, int]) -> None:
    world = World(sqlite)

    for act, told in (
        (add_event, ("見本", *window, world.allotment, (PLAIN,))),
        (change_event, change(world, 1, window)),
    ):
        with pytest.raises(ActRefused) as refused:
            world.do(act, *told)
        assert refused.value.refusal is Refusal.OUT_OF_BOUNDS


def test_the_first_and_the_last_moment_of_our_time_are_taken(sqlite: Store) -> None:
    world = World(sqlite)

    event = world.do(add_event, "いつも", FIRST_MS, END_MS - 1, world.allotment, (PLAIN,)).made
    booth = world.booth(events=(event,))

    assert [one.event for one in booth.manifest.events] == [event]


@pytest.mark.parametrize(
    "activity",
    [
        PLAIN._replace(rule=Fixed(0)),
        PLAIN._replace(rule=Fixed(10**9)),
        PLAIN._replace(rule=ByHours(())),
        PLAIN._replace(rule=ByHours(((60, 100), (60, 200)))),
        PLAIN._replace(daily_limit=-1),
        PLAIN._replace(daily_limit=2**31),
        PLAIN._replace(slots=(Slot(0, "午前"),)),
        IN_SLOTS._replace(slots=()),
        IN_SLOTS._replace(slots=tuple(Slot(0, f"{number}") for number in range(51))),
    ],
)
def test_an_activity_that_no_kiosk_could_read_is_refused(sqlite: Store, activity: Activity) -> None:
    world = World(sqlite)

    with pytest.raises(ActRefused) as refused:
        world.do(add_event, "見本", *WINDOW, world.allotment, (activity,))

    assert refused.value.refusal is Refusal.NOT_READABLE


@pytest.mark.parametrize("told", [(), tuple(PLAIN for _ in range(51))])
def test_an_event_has_from_one_to_fifty_activities(sqlite: Store, told: tuple[Activity, ...]) -> None:
    world = World(sqlite)

    with pytest.raises(ActRefused) as refused:
        world.do(add_event, "見本", *WINDOW, world.allotment, told)

    assert refused.value.refusal is Refusal.NO_ACTIVITIES


def test_an_event_needs_an_allotment_that_is_there(sqlite: Store) -> None:
    world = World(sqlite)

    with pytest.raises(ActRefused) as refused:
        world.do(add_event, "見本", *WINDOW, 99, (PLAIN,))

    assert refused.value.refusal is Refusal.NO_ALLOTMENT


def test_a_number_of_an_activity_is_never_used_for_another_one(sqlite: Store) -> None:
    world = World(sqlite)
    event = world.do(add_event, "見本", *WINDOW, world.allotment, (PLAIN, IN_SLOTS)).made
    first = stored(world, event)

    world.do(change_event, event, 1, "見本", *WINDOW, world.allotment, first[:1])
    world.do(change_event, event, 2, "見本", *WINDOW, world.allotment, (first[0], PLAIN._replace(name="別の活動")))
    world.do(change_event, event, 3, "見本", *WINDOW, world.allotment, (first[0], first[1]))

    assert [one.activity for one in first] == [1, 2]
    assert stored(world, event) == first
    with world.store.reading() as connection:
        newest = newest_event(connection, event)
        assert newest is not None
        third = activities_of(connection, newest._replace(version=3))
    assert [(one.activity, one.name) for one in third] == [(1, "清掃"), (3, "別の活動")]


def test_a_number_of_a_slot_is_never_used_for_another_one(sqlite: Store) -> None:
    world = World(sqlite)
    event = world.do(add_event, "見本", *WINDOW, world.allotment, (IN_SLOTS,)).made
    (first,) = stored(world, event)

    morning = first._replace(slots=first.slots[:1])
    evening = first._replace(slots=(first.slots[0], Slot(0, "夜")))
    world.do(change_event, event, 1, "見本", *WINDOW, world.allotment, (morning,))
    world.do(change_event, event, 2, "見本", *WINDOW, world.allotment, (evening,))

    assert first.slots == (Slot(1, "午前"), Slot(2, "午後"))
    assert stored(world, event)[0].slots == (Slot(1, "午前"), Slot(3, "夜"))


@pytest.mark.parametrize("number", [7, 2**31])
def test_a_number_that_the_event_never_had_is_nobodys_to_choose(sqlite: Store, number: int) -> None:
    world = World(sqlite)
    event = world.do(add_event, "見本", *WINDOW, world.allotment, (IN_SLOTS,)).made
    (known,) = stored(world, event)

    for strange in (known._replace(activity=number), known._replace(slots=(Slot(number, "夜"),))):
        with pytest.raises(ActRefused) as refused:
            world.do(change_event, event, 1, "見本", *WINDOW, world.allotment, (strange,))
        assert refused.value.refusal is Refusal.NO_ACTIVITY


def test_after_a_restore_events_activities_and_slots_go_on_above_all_that_can_have_been_given(sqlite: Store) -> None:
    world = World(sqlite)
    event = world.do(add_event, "見本", *WINDOW, world.allotment, (IN_SLOTS,)).made
    (known,) = stored(world, event)
    world.now_ms += 1_000

    instance = world.open_instance()
    fresh = world.do(add_event, "新しい", *WINDOW, world.allotment, (PLAIN, PLAIN)).made
    slots = known._replace(slots=(*known.slots, Slot(0, "夜")))
    world.do(change_event, event, 1, "見本", *WINDOW, world.allotment, (slots, PLAIN))

    floor = (instance.opened_ms - 1_577_836_800_000) // 1_000
    assert fresh == floor
    assert [one.activity for one in stored(world, fresh)] == [floor, floor + 1]
    assert [one.activity for one in stored(world, event)] == [1, floor]
    assert [one.slot for one in stored(world, event)[0].slots] == [1, 2, floor]


def test_an_entry_for_an_event_of_a_lost_future_never_meets_another_event(world: World) -> None:
    booth = world.booth()
    booth.grant(0, event=world.event + 1)
    booth.send()
    world.now_ms += 1_000

    world.open_instance()
    world.do(add_event, "新しい", *WINDOW, world.allotment, as_new(activities()))

    assert world.reasons(booth) == {2: ("held", Reason.NOT_THIS_KIOSKS)}
    assert world.balance(world.members[0]) == 0


def test_another_allotment_changes_nothing_of_what_a_share_has_paid(world: World) -> None:
    with_grants(world)
    other = world.do(add_allotment, world.organisation, "枠2", 500).made
    before = world.picture()

    world.do(change_event, world.event, 1, "見本まつり", *WINDOW, other, activities())

    assert world.picture() == before
    assert broken_invariants(world) == []


def test_a_longer_event_posts_what_was_held_for_its_time_and_takes_nothing(world: World) -> None:
    booth = with_grants(world, 1)
    world.now_ms = MORNING_MS + 2 * DAY_MS
    booth.boot, booth.started_ms = bytes(16), world.now_ms - 60_000
    booth.add(booth.opened())
    booth.add(Clock(world.now_ms, 60_000, 60_020), Stamp(world.now_ms, booth.boot, 60_020, 2))
    booth.grant(1)
    booth.send()
    before = world.reasons(booth)

    moved = world.do(change_event, *change(world, 1, (MORNING_MS, MORNING_MS + 4 * DAY_MS))).moved

    assert before == {5: ("held", Reason.TIME)}
    assert (moved.taken, moved.given, world.verdicts()) == (0, 1, {"posted": (2, 2 * VISIT_POINTS)})


def test_a_changed_daily_limit_flags_what_is_over_it_and_takes_the_flags_away_again(world: World) -> None:
    limited = IN_SLOTS._replace(daily_limit=1)
    event = world.do(add_event, "教室の日", *WINDOW, world.allotment, (limited,)).made
    (known,) = stored(world, event)
    booth = world.booth(events=(event,))
    for slot in (1, 2):
        booth.grant(0, event=event, activity=1, occasion=slot, points=30)
        world.now_ms += 60_000
    booth.send()
    seen = [world.flags(booth)]

    for version, limit in enumerate((0, 1, 2, 1), start=1):
        world.do(
            change_event, event, version, "教室の日", *WINDOW, world.allotment, (known._replace(daily_limit=limit),)
        )
        seen.append(world.flags(booth))

    over: dict[int, tuple[str, ...]] = {3: ("over daily limit",)}
    assert seen == [over, {}, over, {}, over]


def test_an_activity_and_a_slot_that_were_taken_out_by_a_slip_come_back_under_their_numbers(world: World) -> None:
    slots = (Slot(0, "午前"), Slot(0, "午後"))
    visit = activities()[0]
    lesson = Activity(0, "教室", Fixed(30), OccasionBy.SLOT, 0, slots)
    window = (MORNING_MS, MORNING_MS + DAY_MS // 3)

    def change(version: int, *offered: Activity) -> tuple[Activity, ...]:
        world.do(change_event, world.event, version, "見本まつり", *window, world.allotment, offered)
        with world.store.reading() as connection:
            newest = newest_event(connection, world.event)
            assert newest is not None
            return activities_of(connection, newest)

    first = change(1, visit, lesson)
    change(2, first[0], first[1]._replace(slots=first[1].slots[:1]))
    change(3, first[1]._replace(slots=first[1].slots[:1]))
    back = change(4, visit._replace(activity=0), first[1]._replace(slots=(first[1].slots[0], Slot(0, "午後"))))

    assert back == first


def test_an_activity_that_was_taken_out_comes_back_under_its_name_and_its_number_under_no_other(world: World) -> None:
    visit, help_ = activities()
    window = (MORNING_MS, MORNING_MS + DAY_MS // 3)

    def change(version: int, *offered: Activity) -> None:
        world.do(change_event, world.event, version, "見本まつり", *window, world.allotment, offered)

    change(1, visit)
    with pytest.raises(ActRefused) as refused:
        change(2, visit, help_._replace(name="別の活動"))
    change(2, visit, help_)

    assert refused.value.refusal is Refusal.NO_ACTIVITY
