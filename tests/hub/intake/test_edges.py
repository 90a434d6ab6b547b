"""Corners where holes, forks, voids, clocks and decisions meet. After each, the audit's own reading must agree."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hub_held import ANY_REASON, named
from hub_statements import counted
from hub_world import Booth, World, activities
from wire_samples import MORNING_MS

from hub.acts.decisions import dismiss, release
from hub.acts.events import change_event
from hub.acts.journal import accept_hole
from hub.acts.kiosks import withdraw_kiosk
from hub.acts.members import end_account
from hub.acts.refusals import ActRefused, Refusal
from hub.audit import audit
from hub.intake.chain import Link
from hub.intake.intervals import Source
from hub.intake.judging import Cause, judge_kiosk, runs_aside
from hub.intake.reasons import Reason
from hub.intake.stored import Stored
from hub.intake.values import Attested
from hub.store.database import Store, rows
from sync.citytime import DAY_MS
from sync.entry import Clock, Stamp, Void, first_prev
from sync.head import Head, write_head
from sync.member import with_check_digits

STRANGER = with_check_digits(123_456_789_012)


@pytest.fixture
def world(sqlite: Store) -> World:
    return World(sqlite)


def defects(world: World) -> list[object]:
    return [finding for finding in audit(world.store, world.hub.keyring) if not finding.is_note]


def with_accepted_hole(world: World, first_seq: int, last_seq: int) -> Booth:
    """Return a booth of eight grants whose entries `first_seq` … `last_seq` were given up."""
    booth = world.booth()
    for person in range(8):
        booth.grant(person)
    booth.send(last_seq=first_seq - 1)
    world.now_ms += 60_000
    booth.send(first_seq=last_seq + 1)
    world.now_ms += 60_000
    world.do(accept_hole, booth.kiosk, first_seq, last_seq)
    world.now_ms += 60_000
    return booth


def test_a_fork_just_below_an_accepted_hole_takes_nothing_back(world: World) -> None:
    booth = with_accepted_hole(world, 4, 6)
    before = world.verdicts(booth)
    clone = booth.clone(after_seq=2)
    clone.grant(20)

    clone.send()

    assert world.verdicts(booth) == {**before, "held": (1, 50)}
    assert defects(world) == []


def test_a_foreign_entry_in_an_accepted_hole_is_held_and_not_taken_for_the_missing_one(world: World) -> None:
    booth = with_accepted_hole(world, 4, 5)
    before = world.verdicts(booth)
    clone = booth.clone(after_seq=3)
    clone.grant(20)
    clone.grant(21)

    clone.send(first_seq=5, last_seq=5)

    assert world.verdicts(booth) == {**before, "held": (1, 50)}
    assert defects(world) == []


def test_a_grant_of_an_unknown_member_cannot_be_released_whatever_else_holds_it(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.grant(1)
    clone = booth.clone(after_seq=2)
    booth.send()
    world.now_ms += 60_000
    clone.grant(0, member=STRANGER)
    clone.send()
    world.now_ms += 60_000

    with pytest.raises(ActRefused) as refused:
        world.do(release, booth.kiosk, named(clone, clone.entries[2]), ANY_REASON)

    assert refused.value.refusal is Refusal.NEEDS_OTHER_ACT
    assert world.balance(STRANGER) == 0
    assert world.reasons(booth)[3] == ("held", Reason.MEMBER_UNKNOWN | Reason.FORK)
    assert defects(world) == []


def test_a_void_of_a_later_number_is_held_although_a_later_void_is_right(world: World) -> None:
    booth = world.booth()
    booth.add(booth.opened())
    booth.add(Void(3, "先に書いた"))
    booth.grant(0)
    booth.add(Void(3, "まちがい"))

    booth.send()

    assert world.reasons(booth) == {
        2: ("held", Reason.VOID_OF_NOTHING),
        3: ("dismissed", Reason.VOIDED),
    }
    assert defects(world) == []


def test_a_dismissed_void_of_nothing_is_never_counted_as_a_grant(world: World) -> None:
    booth = world.booth()
    booth.add(booth.opened())
    booth.add(Void(1, "番号ちがい"))
    booth.grant(0)
    booth.send()
    world.now_ms += 60_000

    world.do(dismiss, booth.kiosk, named(booth, booth.entries[1]))

    assert world.verdicts(booth) == {"posted": (1, 50)}
    assert defects(world) == []


def test_a_grant_signed_while_an_answer_was_under_way_is_not_held_for_time(world: World) -> None:
    booth = world.booth()
    start_ms = booth.started_ms

    def at(wall_ms: int, trust: int = 1) -> Stamp:
        return Stamp(wall_ms, booth.boot, wall_ms - start_ms, trust)

    booth.add(booth.opened(), at(MORNING_MS - 60_000))
    booth.add(booth.make_grant(0), at(MORNING_MS + 30_000))
    sample = Clock(MORNING_MS - 10_000, MORNING_MS - 20_000 - start_ms, MORNING_MS + 40_000 - start_ms)
    booth.add(sample, at(MORNING_MS + 40_000, 2))
    world.now_ms = MORNING_MS + 120_000

    booth.send()

    assert world.verdicts(booth) == {"posted": (1, 50)}
    assert defects(world) == []


def test_a_kiosk_revoked_before_its_first_contact_gets_a_readable_receipt(world: World) -> None:
    booth = world.booth()
    for person in range(4):
        booth.grant(person)
    world.do(withdraw_kiosk, booth.kiosk)
    world.now_ms += 60_000

    beyond = booth.send(first_seq=3)

    assert beyond.cursor.seq == 0
    assert world.verdicts(booth) == {"held": (3, 150)}
    assert defects(world) == []


def test_a_narrowed_event_is_judged_at_once(world: World) -> None:
    booth = world.booth()
    world.now_ms = MORNING_MS + 3_600_000
    now_ms = booth.stamp().monotonic_ms
    booth.add(booth.opened())
    booth.add(Clock(world.now_ms, now_ms, now_ms + 20))
    booth.grant(0)
    booth.send()
    world.now_ms += 60_000

    window = (MORNING_MS, MORNING_MS + 60_000)
    world.do(change_event, world.event, 1, "見本まつり", *window, world.allotment, tuple(activities()))

    assert world.reasons(booth) == {3: ("held", Reason.TIME)}
    assert world.balance(world.members[0]) == 0


def test_what_had_arrived_before_an_account_was_ended_stays_when_the_kiosk_is_judged_again(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    world.now_ms += 60_000
    world.do(end_account, world.members[0])
    world.now_ms += 60_000

    now_ms = booth.stamp().monotonic_ms
    booth.add(Clock(world.now_ms, now_ms, now_ms + 20))
    booth.grant(0, activity=2, occasion=9, quantity=10, points=100)
    booth.send()

    assert world.verdicts(booth) == {"posted": (1, 50), "held": (1, 100)}
    assert defects(world) == []


def test_a_boot_that_comes_back_is_judged_the_same_at_once_and_again(world: World) -> None:
    booth = world.booth()
    first_boot, now_ms = booth.boot, booth.stamp().monotonic_ms
    booth.add(booth.opened())
    booth.add(Clock(world.now_ms, now_ms, now_ms + 20))
    booth.send()
    booth.add(booth.opened(), Stamp(0, bytes(16), 5, 0))
    booth.send()
    world.now_ms += DAY_MS
    booth.add(booth.make_grant(0), Stamp(0, first_boot, now_ms + 60_000, 0))
    booth.send()
    before = world.picture()

    world.store.run(lambda connection: judge_kiosk(world.hub, connection, booth.kiosk, Cause(world.now_ms)))

    assert world.picture() == before
    assert defects(world) == []


def test_deciding_about_nothing_is_refused(world: World) -> None:
    booth = world.booth()

    with pytest.raises(ActRefused) as refused:
        world.do(release, booth.kiosk, (), ANY_REASON)

    assert refused.value.refusal is Refusal.NOTHING_CHOSEN


def test_a_void_behind_an_accepted_hole_counts_once_its_grant_turns_up_and_leaves_no_case(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.add(Void(2, "まちがい"))
    booth.send(last_seq=1)
    booth.send(first_seq=3)
    world.do(accept_hole, booth.kiosk, 2, 2)
    before = world.reasons(booth)

    booth.send(first_seq=2, last_seq=2)

    assert before == {3: ("held", Reason.VOID_OF_NOTHING)}
    assert world.reasons(booth) == {2: ("dismissed", Reason.VOIDED)}
    assert defects(world) == []


@pytest.mark.parametrize(
    ("parts", "posted"),
    [([(1, 6)], 3), ([(4, 6), (1, 3)], 3), ([(5, 6), (1, 4)], 3), ([(1, 3), (4, 6)], 4)],
    ids=["in one", "the fork first", "the fork alone first", "what completes the other branch first"],
)
def test_of_a_fork_behind_a_hole_the_whole_chain_before_it_counts(
    world: World, parts: list[tuple[int, int]], posted: int
) -> None:
    booth = world.booth()
    for person in range(5):
        booth.grant(person)
    clone = booth.clone(after_seq=4)
    clone.grant(20)
    clone.grant(21)
    booth.send(first_seq=3, last_seq=5)

    for first_seq, last_seq in parts:
        world.now_ms += 60_000
        clone.send(first_seq=first_seq, last_seq=last_seq)

    assert world.verdicts(booth) == {"posted": (posted, posted * 50), "held": (6 - posted, (6 - posted) * 50)}
    assert defects(world) == []


def test_a_sample_of_a_later_boot_tells_the_day_of_what_waits_from_an_earlier_one(world: World) -> None:
    window = (MORNING_MS, MORNING_MS + DAY_MS + DAY_MS // 3)
    world.do(change_event, world.event, 1, "見本まつり", *window, world.allotment, tuple(activities()))
    booth = world.booth()
    booth.grant(0, activity=2, occasion=0, quantity=10, points=100)
    evening_ms = MORNING_MS + DAY_MS // 3
    booth.boot = bytes([9] * 16)
    booth.add(booth.opened(), Stamp(0, booth.boot, 1_000, 0))
    booth.add(Clock(evening_ms, 1_000, 1_020), Stamp(0, booth.boot, 1_020, 2))
    world.now_ms = MORNING_MS + DAY_MS + 3_600_000
    booth.send(last_seq=2)
    before = world.reasons(booth)

    booth.send()

    assert before == {2: ("held", Reason.DAY)}
    assert world.verdicts(booth) == {"posted": (1, 100)}
    assert defects(world) == []


def test_a_sample_looks_at_nothing_that_had_arrived_from_other_boots_before_it_was_signed(
    world: World,
) -> None:
    window = (MORNING_MS, MORNING_MS + 2 * DAY_MS)
    world.do(change_event, world.event, 1, "見本まつり", *window, world.allotment, tuple(activities()))
    asked = []
    for waiting in (1, 30):
        booth = world.booth(f"受付{waiting}")
        booth.add(booth.opened())
        for boot in range(waiting):
            daily = booth.make_grant(boot, activity=2, occasion=0, quantity=10, points=100)
            booth.add(daily, Stamp(0, bytes([boot + 1] * 16), 1_000, 0))
        world.now_ms = max(world.now_ms, MORNING_MS + 2 * DAY_MS)
        booth.send()
        assert len(world.reasons(booth)) == waiting
        world.now_ms += 1_000
        now_ms = booth.stamp().monotonic_ms
        booth.add(Clock(world.now_ms, now_ms, now_ms + 20))

        with counted(world.store) as statements:
            booth.send()

        asked.append(len(statements))

    assert asked[0] == asked[1]


def test_a_sample_counts_for_what_comes_in_later_batches_of_its_boot(world: World) -> None:
    booth = world.booth()
    now_ms = booth.stamp().monotonic_ms
    booth.add(booth.opened())
    booth.add(Clock(world.now_ms, now_ms, now_ms + 20))
    booth.send()
    world.now_ms += 60_000
    booth.add(booth.make_grant(0), booth.stamp(wall_ms=0))

    booth.send()

    with world.store.reading() as connection:
        (found,) = rows(connection, "SELECT occurred_from FROM transfer")
    assert Source(found.occurred_from) is Source.HUB
    assert defects(world) == []


def test_the_first_sample_of_a_boot_that_has_come_back_tells_the_time_of_what_it_signed_before(world: World) -> None:
    booth, first, second = world.booth(), b"a" * 16, b"b" * 16
    world.now_ms = MORNING_MS + 2 * DAY_MS
    booth.add(booth.opened(), Stamp(0, first, 1_000, 0))
    booth.add(booth.make_grant(0), Stamp(0, first, 2_000, 0))
    booth.send()
    booth.add(booth.opened(), Stamp(0, second, 1_000, 0))
    booth.send()

    late_ms = DAY_MS + 2_000
    booth.add(Clock(world.now_ms, late_ms - 20, late_ms), Stamp(0, first, late_ms, 2))
    booth.send()

    assert world.flags(booth) == {2: ("time doubted",)}
    assert defects(world) == []


def test_a_sample_tells_what_arrived_later_than_the_cursor_in_a_hole_that_was_filled(world: World) -> None:
    window = (MORNING_MS + 2_000, MORNING_MS + DAY_MS)
    world.do(change_event, world.event, 1, "見本まつり", *window, world.allotment, tuple(activities()))
    booth = world.booth()
    booth.add(booth.opened(), Stamp(0, b"a" * 16, 1_000, 0))
    booth.add(booth.make_grant(0), Stamp(0, b"a" * 16, 2_000, 0))
    booth.add(booth.opened(), Stamp(0, b"b" * 16, 1_000, 0))
    booth.send(last_seq=1)
    booth.send(first_seq=3)
    world.now_ms += 4_000
    booth.send(first_seq=2, last_seq=2)

    booth.add(Clock(MORNING_MS + 1_000, 10_000, 10_020), Stamp(0, b"b" * 16, 10_020, 2))
    booth.send()

    assert world.flags(booth) == {2: ("time doubted",)}
    assert defects(world) == []


def test_a_head_behind_what_is_sent_is_no_head(world: World) -> None:
    booth = world.booth()
    booth.grant(0)

    booth.take(booth.batch()._replace(head=write_head(booth.key, Head(0, first_prev(booth.key.public)), None)))

    assert defects(world) == []


def test_each_entry_beside_the_main_branch_is_in_one_run_however_many_follow_one_another() -> None:
    root = [Stored(Link(4, b"0", b"?"), Attested(4, b"0", 0, None, "")) for _ in range(1)]
    ladder = [(seq, b"%d" % (seq - 4), b"%d" % (seq - 5)) for seq in range(5, 60)]
    twins = [(seq, b"x%d" % seq, b"%d" % (seq - 5)) for seq in range(5, 60)]
    rest = [Stored(Link(*one), Attested(one[0], one[1], 0, None, "")) for one in sorted([*ladder, *twins])]

    runs = runs_aside([*root, *rest])

    assert sorted(one.link.hash for run in runs for one in run) == sorted(one.link.hash for one in [*root, *rest])
    assert all(later.link.prev == earlier.link.hash for run in runs for earlier, later in pairwise(run))


def test_a_sample_that_turns_up_in_an_accepted_hole_takes_nothing_back(world: World) -> None:
    booth = world.booth()
    booth.add(booth.opened(), Stamp(0, b"a" * 16, 1_000, 0))
    booth.add(Clock(MORNING_MS + 2 * DAY_MS, 10_000, 10_020), Stamp(0, b"b" * 16, 10_020, 2))
    booth.add(booth.make_grant(0), Stamp(0, b"c" * 16, 2_000, 0))
    world.now_ms = MORNING_MS + 3 * DAY_MS
    booth.send(last_seq=1)
    booth.send(first_seq=3)
    world.now_ms += 60_000
    world.do(accept_hole, booth.kiosk, 2, 2)
    world.now_ms += 60_000

    booth.send(first_seq=2, last_seq=2)

    assert world.verdicts(booth) == {"posted": (1, 50)}
    assert world.flags(booth) == {3: ("time doubted",)}
    assert defects(world) == []
