"""Decisions on entries: a release sets aside what it was shown and nothing else, the newest decision counts, and no
points come out of nothing.
"""

from __future__ import annotations

import pytest
from act_samples import STRANGER, add_other_event, held_for_points, named, with_grants, with_hole
from hub_invariants import broken_invariants
from hub_world import CLERK, HELP, VISIT_POINTS, Booth, World, activities
from wire_samples import MORNING_MS

from hub.acts.decisions import dismiss, release, reopen_decision
from hub.acts.doing import kind_of, new_number, perform_within
from hub.acts.events import change_event
from hub.acts.journal import accept_hole
from hub.acts.kiosks import resume_kiosk, stop_kiosk, top_up, withdraw_kiosk
from hub.acts.members import make_known
from hub.acts.organisations import add_allotment, lower_allotment
from hub.acts.refusals import ActRefused, Refusal
from hub.intake import judging
from hub.intake.reasons import Reason
from hub.ledger.accounts import amount_of, carried_account
from hub.store.database import Store, rows
from sync.citytime import DAY_MS, city_day
from sync.entry import Clock, DayEnd, Stamp, Void

EVERYTHING = sum(Reason)


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def decisions(world: World) -> list[tuple[object, ...]]:
    with world.store.reading() as connection:
        found = rows(
            connection, "SELECT seq, version, kind, reasons, allotment, points FROM decision ORDER BY seq, version"
        )
    return [tuple(one) for one in found]


def strangers_event(world: World, people: int = 3, total: int = 100_000) -> Booth:
    """Return a booth that has granted at an event that is not its own."""
    event = add_other_event(world, points=VISIT_POINTS)
    booth = world.booth("よその受付", total=total)
    for person in range(people):
        booth.grant(person, event=event, activity=1)
    booth.send()
    return booth


# there and back


def test_a_release_a_dismissal_and_a_decision_taken_back_lead_from_each_to_each(world: World) -> None:
    booth = held_for_points(world)
    held = world.picture()
    steps = {
        "release": (release, (booth.kiosk, named(booth, 2), int(Reason.POINTS))),
        "dismiss": (dismiss, (booth.kiosk, named(booth, 2))),
        "reopen": (reopen_decision, (booth.kiosk, named(booth, 2))),
    }
    seen = []

    for step in ("release", "dismiss", "reopen", "dismiss", "reopen", "release", "reopen"):
        act, told = steps[step]
        world.do(act, *told)
        seen.append((world.balance(world.members[0]), world.reasons(booth).get(2)))
        assert broken_invariants(world) == [], step

    decided, waits = ("dismissed", Reason.DECIDED), ("held", Reason.POINTS)
    assert seen == [(60, None), (0, decided), (0, waits), (0, decided), (0, waits), (60, None), (0, waits)]
    assert world.picture()["accounts"] == held["accounts"]
    assert [one[1] for one in decisions(world)] == [1, 2, 3, 4, 5, 6, 7]


def test_a_posted_grant_is_dismissed_and_its_duplicate_takes_its_place(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    for booth in (one, other):
        booth.grant(0)
        booth.send()
    first, second = sorted((one, other), key=lambda booth: booth.kiosk)
    before = world.picture()

    moved = world.do(dismiss, first.kiosk, named(first, 2)).moved
    replaced = (world.verdicts(first), world.verdicts(second))
    world.do(reopen_decision, first.kiosk, named(first, 2))

    assert (moved.points_taken, world.balance(world.members[0])) == (0, VISIT_POINTS)
    assert replaced == ({"dismissed": (1, 50)}, {"posted": (1, 50)})
    assert world.picture() == before


def test_a_duplicate_is_dismissed_and_comes_back(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    for booth in (one, other):
        booth.grant(0)
        booth.send()
    _, second = sorted((one, other), key=lambda booth: booth.kiosk)
    before = world.picture()

    world.do(dismiss, second.kiosk, named(second, 2))
    dismissed = world.reasons(second)
    world.do(reopen_decision, second.kiosk, named(second, 2))

    assert dismissed == {2: ("dismissed", Reason.DECIDED)}
    assert world.picture() == before


def test_what_a_member_has_no_longer_is_owed_and_given_back_with_the_decision(world: World) -> None:
    booth = with_grants(world, 1)
    with world.store.transaction() as connection:
        connection.exec_driver_sql(f"UPDATE member_balance SET held = 20 WHERE member = {world.members[0]}")

    world.do(dismiss, booth.kiosk, named(booth, 2))
    taken = (world.balance(world.members[0]), world.owed(world.members[0]))
    world.do(reopen_decision, booth.kiosk, named(booth, 2))

    assert taken == (0, 30)
    assert (world.balance(world.members[0]), world.owed(world.members[0])) == (20, 0)


# what a release was shown


def test_a_release_sets_aside_what_was_shown_and_refuses_what_came_since(world: World) -> None:
    booth = held_for_points(world)
    past = (MORNING_MS - 2 * DAY_MS, MORNING_MS - DAY_MS)
    world.do(change_event, world.event, 1, "見本まつり", *past, world.allotment, activities())

    with pytest.raises(ActRefused) as refused:
        world.do(release, booth.kiosk, named(booth, 2), int(Reason.POINTS))
    world.do(release, booth.kiosk, named(booth, 2), int(Reason.POINTS | Reason.TIME))

    assert refused.value.refusal is Refusal.GROUND_CHANGED
    assert world.balance(world.members[0]) == 60


def test_of_two_clerks_who_release_the_same_entry_the_second_is_told(world: World) -> None:
    booth = held_for_points(world)
    told = (booth.kiosk, named(booth, 2), int(Reason.POINTS))

    world.do(release, *told)

    with pytest.raises(ActRefused) as refused:
        world.do(release, *told)
    assert refused.value.refusal is Refusal.NOT_HELD


def test_a_release_covers_no_reason_that_comes_later(world: World) -> None:
    booth = held_for_points(world)
    world.do(release, booth.kiosk, named(booth, 2), int(Reason.POINTS | Reason.STOPPED))

    world.do(stop_kiosk, booth.kiosk)
    world.do(withdraw_kiosk, booth.kiosk, 1)
    behind = world.reasons(booth)[2]
    world.do(resume_kiosk, booth.kiosk)

    assert behind == ("held", Reason.WITHDRAWN)
    assert world.balance(world.members[0]) == 60
    assert decisions(world) == [(2, 1, "release", int(Reason.POINTS), 0, 0)]


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({"member": STRANGER}, Reason.MEMBER_UNKNOWN),
        ({"member": STRANGER, "points": 60}, Reason.MEMBER_UNKNOWN),
        ({"member": STRANGER, "event": 99}, Reason.MEMBER_UNKNOWN),
        ({"occasion": 5}, Reason.OCCASION),
        ({"occasion": 5, "points": 60}, Reason.OCCASION),
    ],
)
def test_what_another_act_settles_is_not_released_whatever_else_holds_it(
    sqlite: Store, changes: dict[str, int], needed: Reason
) -> None:
    world = World(sqlite)
    booth = world.booth()
    booth.grant(0, **changes)
    booth.send()
    before = world.picture()

    with pytest.raises(ActRefused) as refused:
        world.do(release, booth.kiosk, named(booth, 2), EVERYTHING)

    assert (refused.value.refusal, refused.value.details["needed"]) == (Refusal.NEEDS_OTHER_ACT, needed)
    assert world.picture() == before


def test_what_a_share_does_not_cover_is_not_released_one_by_one(world: World) -> None:
    booth = world.booth(total=0)
    booth.grant(0)
    booth.send()

    with pytest.raises(ActRefused) as refused:
        world.do(release, booth.kiosk, named(booth, 2), EVERYTHING)

    assert refused.value.details["needed"] is Reason.BEYOND_SHARE


def test_what_lies_after_a_hole_is_not_released(world: World) -> None:
    booth = with_hole(world)

    with pytest.raises(ActRefused) as refused:
        world.do(release, booth.kiosk, named(booth, 5), EVERYTHING)

    assert refused.value.details["needed"] is Reason.HOLE


def test_one_entry_that_cannot_be_released_leaves_the_others_held(world: World) -> None:
    booth = held_for_points(world)
    booth.grant(3, points=60, member=STRANGER)
    booth.send()
    before = world.picture()

    with pytest.raises(ActRefused):
        world.do(release, booth.kiosk, named(booth, 2, 4), EVERYTHING)

    assert world.picture() == before
    assert decisions(world) == []


def test_an_unknown_number_that_was_made_known_may_then_be_released_for_the_rest(world: World) -> None:
    booth = world.booth()
    booth.grant(0, member=STRANGER, points=60)
    booth.send()

    world.do(make_known, STRANGER)
    left = world.reasons(booth)
    world.do(release, booth.kiosk, named(booth, 2), int(Reason.POINTS))

    assert left == {2: ("held", Reason.POINTS)}
    assert world.balance(STRANGER) == 60


# where the points come from


def test_a_release_for_an_event_that_is_not_there_is_refused(world: World) -> None:
    booth = world.booth()
    booth.grant(0, event=99)
    booth.send()

    with pytest.raises(ActRefused) as refused:
        world.do(release, booth.kiosk, named(booth, 2), EVERYTHING)

    assert refused.value.refusal is Refusal.NO_EVENT
    assert decisions(world) == []


def test_a_release_that_no_share_covers_takes_its_points_from_the_allotment_or_is_refused(world: World) -> None:
    booth = strangers_event(world, total=100)
    left = world.accounts()["allotment"]
    world.do(lower_allotment, world.allotment, left - 120)

    with pytest.raises(ActRefused) as refused:
        world.do(release, booth.kiosk, named(booth, 2, 3, 4), int(Reason.NOT_THIS_KIOSKS))
    world.do(release, booth.kiosk, named(booth, 2, 3), int(Reason.NOT_THIS_KIOSKS))

    assert (refused.value.refusal, refused.value.details["lacking"]) == (Refusal.NO_COVER, 30)
    assert world.accounts()["allotment"] == 20
    assert world.verdicts(booth) == {"posted": (2, 100), "held": (1, 50)}
    assert broken_invariants(world) == []


def test_releases_never_let_an_account_fall_below_zero(world: World) -> None:
    ours = world.booth("受付1", total=100)
    for person in range(3):
        ours.grant(person, points=60)
    ours.send()
    theirs = world.booth("受付2", has_share=False)
    theirs.grant(5, points=60)
    theirs.send()
    world.do(lower_allotment, world.allotment, world.accounts()["allotment"] - 40)

    refusals = []
    for booth, seq in ((ours, 2), (ours, 3), (ours, 4), (theirs, 2)):
        try:
            world.do(release, booth.kiosk, named(booth, seq), EVERYTHING)
        except ActRefused as refused:
            refusals.append((seq, refused.details.get("needed")))

    assert refusals == [(3, Reason.BEYOND_SHARE), (4, Reason.BEYOND_SHARE), (2, Reason.BEYOND_SHARE)]
    assert broken_invariants(world) == []


def test_the_cover_of_a_release_goes_back_where_it_came_from_with_whatever_replaces_it(world: World) -> None:
    booth = strangers_event(world)
    told = (booth.kiosk, named(booth, 2, 3), int(Reason.NOT_THIS_KIOSKS))
    before = world.picture()

    world.do(release, *told)
    released = decisions(world)
    world.do(reopen_decision, *told[:2])
    reopened = world.picture()
    world.do(release, *told)
    world.do(dismiss, *told[:2])

    assert released == [
        (2, 1, "release", int(Reason.NOT_THIS_KIOSKS), world.allotment, 50),
        (3, 1, "release", int(Reason.NOT_THIS_KIOSKS), world.allotment, 50),
    ]
    assert reopened == before
    assert world.picture()["accounts"] == before["accounts"]
    assert broken_invariants(world) == []


@pytest.mark.parametrize("order", ["release first", "change first"])
def test_what_a_share_covers_comes_out_of_the_share_whatever_the_order_of_acts(sqlite: Store, order: str) -> None:
    world = World(sqlite)
    booth = held_for_points(world)
    other = world.do(add_allotment, world.organisation, "枠2", 500).made
    window = (MORNING_MS, MORNING_MS + DAY_MS // 3)
    steps = [
        (release, (booth.kiosk, named(booth, 2), int(Reason.POINTS))),
        (change_event, (world.event, 1, "見本まつり", *window, other, activities())),
        (top_up, (booth.kiosk, world.allotment, 50)),
    ]

    for act, told in steps if order == "release first" else steps[::-1]:
        world.do(act, *told)

    with world.store.reading() as connection:
        paid = rows(connection, "SELECT DISTINCT allotment FROM transfer")
        carried = amount_of(connection, carried_account(booth.kiosk, world.allotment))
    assert [one.allotment for one in paid] == [world.allotment]
    assert carried == 100_050 - 110
    assert broken_invariants(world) == []


def test_a_stopped_kiosks_release_keeps_its_source_when_the_kiosk_is_resumed_and_stopped_again(world: World) -> None:
    booth = with_grants(world, 1)
    world.do(stop_kiosk, booth.kiosk)
    booth.grant(1)
    booth.send()
    world.do(release, booth.kiosk, named(booth, 3), int(Reason.STOPPED))

    for act in (resume_kiosk, stop_kiosk, resume_kiosk):
        world.do(act, booth.kiosk)
        assert broken_invariants(world) == []
    world.do(reopen_decision, booth.kiosk, named(booth, 3))

    assert world.verdicts() == {"posted": (2, 100)}
    assert broken_invariants(world) == []


# what is decided about


def test_nothing_is_decided_about_nothing(world: World) -> None:
    booth = with_grants(world)
    booth.add(DayEnd(3, 150, 0, 0))
    booth.send()
    missing = ((99, bytes(32)),)
    told = [
        (release, (booth.kiosk, (), EVERYTHING), Refusal.NOTHING_CHOSEN),
        (dismiss, (booth.kiosk, ()), Refusal.NOTHING_CHOSEN),
        (reopen_decision, (booth.kiosk, ()), Refusal.NOTHING_CHOSEN),
        (release, (booth.kiosk, missing, EVERYTHING), Refusal.GONE),
        (dismiss, (booth.kiosk, missing), Refusal.GONE),
        (dismiss, (bytes(8), missing), Refusal.NO_KIOSK),
        (release, (booth.kiosk, named(booth, 2), EVERYTHING), Refusal.NOT_HELD),
        (dismiss, (booth.kiosk, named(booth, 1)), Refusal.NOT_A_GRANT),
        (dismiss, (booth.kiosk, named(booth, 5)), Refusal.NOT_A_GRANT),
        (reopen_decision, (booth.kiosk, named(booth, 2)), Refusal.NOT_DECIDED),
    ]

    for act, arguments, refusal in told:
        with pytest.raises(ActRefused) as refused:
            world.do(act, *arguments)
        assert refused.value.refusal is refusal

    world.do(dismiss, booth.kiosk, named(booth, 2))
    with pytest.raises(ActRefused) as again:
        world.do(dismiss, booth.kiosk, named(booth, 2))
    assert again.value.refusal is Refusal.STANDS_SO


def test_a_released_void_counts_and_counts_no_longer_when_that_is_taken_back(world: World) -> None:
    booth = with_grants(world, 1)
    booth.boot = bytes(16)
    booth.add(booth.opened())
    booth.add(Void(2, "まちがい"))
    booth.send()
    held = world.reasons(booth)

    moved = world.do(release, booth.kiosk, named(booth, 4), int(Reason.VOID_DAY)).moved
    counted = (world.balance(world.members[0]), world.reasons(booth))
    world.do(reopen_decision, booth.kiosk, named(booth, 4))

    assert held == {4: ("held", Reason.VOID_DAY)}
    assert (moved.taken, counted) == (1, (0, {2: ("dismissed", Reason.VOIDED)}))
    assert (world.balance(world.members[0]), world.reasons(booth)) == (VISIT_POINTS, held)
    assert broken_invariants(world) == []


def test_what_is_no_grant_is_taken_off_the_list_and_put_back(world: World) -> None:
    booth = world.booth()
    booth.add(booth.opened())
    booth.add(Clock(world.now_ms + DAY_MS, 1_000, 1_020), Stamp(world.now_ms, booth.boot, 1_020, 2))
    booth.add(Void(1, "ない"))
    booth.send()
    before = world.reasons(booth)

    world.do(dismiss, booth.kiosk, named(booth, 2, 3))
    off = {verdict for verdict, _ in world.reasons(booth).values()}
    world.do(reopen_decision, booth.kiosk, named(booth, 2, 3))

    assert before == {2: ("held", Reason.CLOCK), 3: ("held", Reason.VOID_OF_NOTHING)}
    assert off == {"dismissed"}
    assert world.reasons(booth) == before
    assert world.verdicts() == {}


def test_a_void_that_was_void_of_nothing_leaves_no_row_once_its_grant_turns_up(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.add(Void(2, "まちがい"))
    booth.send(last_seq=1)
    booth.send(first_seq=3)
    world.do(accept_hole, booth.kiosk, 2, 2)
    waiting = world.reasons(booth)

    booth.send(first_seq=2, last_seq=2)

    assert waiting == {3: ("held", Reason.VOID_OF_NOTHING)}
    assert world.reasons(booth) == {2: ("dismissed", Reason.VOIDED)}
    assert broken_invariants(world) == []


def test_a_dismissal_is_done_only_as_far_as_it_was_shown(world: World) -> None:
    booth = with_grants(world, 2)
    shown = world.preview(dismiss, booth.kiosk, named(booth, 2))

    number = new_number(world.hub, CLERK, kind_of(dismiss))
    with pytest.raises(ActRefused) as refused:
        perform_within(world.hub, CLERK, number, "見本", shown, dismiss, booth.kiosk, named(booth, 2, 3))
    world.do(dismiss, booth.kiosk, named(booth, 2))

    assert (shown.taken, shown.people, shown.points_taken) == (1, 1, VISIT_POINTS)
    assert refused.value.refusal is Refusal.TAKES_MORE
    assert world.verdicts() == {"posted": (1, 50), "dismissed": (1, 50)}


def test_more_entries_than_one_transaction_judges_are_worked_off_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "RUN_LIMIT", 3)
    booth = with_grants(world, 8)
    entries = named(booth, *range(2, 10))

    foretold = world.preview(dismiss, booth.kiosk, entries)
    world.do(dismiss, booth.kiosk, entries)
    dismissed = world.verdicts()
    world.do(reopen_decision, booth.kiosk, entries)

    assert (foretold.taken, foretold.points_taken, foretold.people) == (8, 400, 8)
    assert dismissed == {"dismissed": (8, 400)}
    assert world.verdicts() == {"posted": (8, 400)}
    assert broken_invariants(world) == []


@pytest.mark.parametrize(
    ("read_days", "refused_for", "points"),
    [(0, None, 100), (1, None, 100), (-1, Refusal.CANNOT_POST, 0), (-2_000, Refusal.CANNOT_POST, 0)],
)
def test_a_release_puts_a_grant_on_the_day_its_booth_read_if_that_is_one_of_the_event(
    world: World, read_days: int, refused_for: Refusal | None, points: int
) -> None:
    window = (MORNING_MS, MORNING_MS + DAY_MS)
    world.do(change_event, world.event, 1, "見本まつり", *window, world.allotment, activities())
    booth = world.booth()
    world.now_ms = MORNING_MS + 2 * DAY_MS
    occasion = city_day(MORNING_MS) + read_days
    grant = booth.make_grant(0, activity=HELP, quantity=30, points=100, occasion=occasion)
    booth.add(grant, Stamp(0, booth.boot, 60_000, 0))
    booth.send()

    refusal = None
    try:
        world.do(release, booth.kiosk, named(booth, 2), int(Reason.DAY))
    except ActRefused as refused:
        refusal = refused.refusal

    assert refusal is refused_for
    assert world.balance(world.members[0]) == points
