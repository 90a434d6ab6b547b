"""Corners where holes, forks, voids, clocks and decisions meet. After each, the audit's own reading must agree."""

from __future__ import annotations

import pytest
from hub_world import Booth, World, activities
from wire_samples import MORNING_MS

from hub.acts import decisions
from hub.acts.accounts import end_account
from hub.audit import audit
from hub.intake.arrival import judge_again
from hub.register.reference import add_event
from hub.store.database import Store
from sync.citytime import DAY_MS
from sync.entry import Clock, Stamp, Void
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
    decisions.accept_hole(world.hub, booth.kiosk, first_seq, last_seq, "読めない", "見本1")
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


def test_a_released_grant_of_an_unknown_member_stays_held(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.grant(1)
    clone = booth.clone(after_seq=2)
    booth.send()
    world.now_ms += 60_000
    clone.grant(0, member=STRANGER)
    clone.send()
    world.now_ms += 60_000

    decisions.release(world.hub, booth.kiosk, [clone.entries[2].hash], "本人に確かめた", "見本1")

    assert world.balance(STRANGER) == 0
    assert world.reasons(booth)[3] == ("held", "member unknown")
    assert defects(world) == []


def test_a_void_of_a_later_number_is_held_although_a_later_void_is_right(world: World) -> None:
    booth = world.booth()
    booth.add(booth.opened())
    booth.add(Void(3, "先に書いた"))
    booth.grant(0)
    booth.add(Void(3, "まちがい"))

    booth.send()

    assert world.reasons(booth) == {2: ("held", "void of nothing"), 3: ("dismissed", "voided")}
    assert defects(world) == []


def test_a_dismissed_void_of_nothing_is_never_counted_as_a_grant(world: World) -> None:
    booth = world.booth()
    booth.add(booth.opened())
    booth.add(Void(1, "番号ちがい"))
    booth.grant(0)
    booth.send()
    world.now_ms += 60_000

    decisions.dismiss(world.hub, booth.kiosk, [booth.entries[1].hash], "確かめた", "見本1")

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
    decisions.revoke(world.hub, booth.kiosk, "届く前になくした", "見本1")
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
    world.store.run(
        lambda connection: add_event(
            connection, "見本まつり", *window, world.allotment, activities(), event=world.event
        )
    )

    decisions.judge_kiosks_at(world.hub, world.event)

    assert world.reasons(booth) == {3: ("held", "time")}
    assert world.balance(world.members[0]) == 0


def test_what_had_arrived_before_an_account_was_ended_stays_when_the_kiosk_is_judged_again(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    world.now_ms += 60_000
    end_account(world.hub, world.members[0], "本人の申し出", "見本1")
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

    world.store.run(lambda connection: judge_again(world.hub, connection, booth.kiosk))

    assert world.picture() == before
    assert defects(world) == []


def test_deciding_about_nothing_is_refused(world: World) -> None:
    booth = world.booth()

    with pytest.raises(decisions.ActRefused):
        decisions.release(world.hub, booth.kiosk, [], "なにも選んでいない", "見本1")
