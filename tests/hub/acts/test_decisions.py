"""What a person decides: release, dismiss, accept a hole, top up, fence, revoke. Each with a reason, each judged
again.
"""

from __future__ import annotations

import pytest
from hub_world import VISIT_POINTS, World
from wire_samples import MORNING_MS

from hub.acts import decisions
from hub.audit import audit
from hub.store.database import Store, execute, rows
from sync.citytime import DAY_MS
from sync.entry import Clock, Stamp
from sync.member import with_check_digits
from sync.receipt import Status


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def held_hashes(world: World, booth_kiosk: bytes) -> list[bytes]:
    with world.store.reading() as connection:
        found = rows(
            connection,
            "SELECT hash FROM aside WHERE kiosk = :kiosk AND verdict = 'held' ORDER BY seq",
            kiosk=booth_kiosk,
        )
    return [bytes(one.hash) for one in found]


def test_a_share_used_up_holds_the_rest_and_one_top_up_releases_all(world: World) -> None:
    booth = world.booth(total=100, reserve=50)
    for person in range(6):
        booth.grant(person)
    booth.send()
    before = world.verdicts(booth)

    decisions.top_up(world.hub, booth.kiosk, world.allotment, 1_000, "思ったより人が来た", "見本1")

    assert before == {"posted": (3, 150), "held": (3, 150)}
    assert world.verdicts(booth) == {"posted": (6, 300)}
    assert world.shares(booth) == {world.allotment: 1_150}
    assert sum(world.accounts().values()) - 2 * world.accounts()["owed"] == 0


def test_a_top_up_beyond_the_allotment_is_refused_and_leaves_nothing(world: World) -> None:
    booth = world.booth()
    before = world.picture()

    with pytest.raises(decisions.ActRefused):
        decisions.top_up(world.hub, booth.kiosk, world.allotment, 10_000_000, "多すぎ", "見本1")

    assert world.picture() == before


def test_a_duplicate_consumes_the_share_although_no_points_flow(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2", total=100)
    one.grant(0)
    one.grant(1)
    one.send()
    for person in range(3):
        other.grant(person)

    other.send()

    assert world.reasons(other)[4] == ("held", "beyond share")


def test_an_unknown_member_is_held_until_the_number_is_known(world: World) -> None:
    booth = world.booth()
    stranger = with_check_digits(123_456_789_012)
    booth.grant(0, member=stranger)
    booth.send()
    before = world.reasons(booth)

    with world.store.transaction() as connection:
        from sync.member import bucket_of

        execute(
            connection,
            "INSERT INTO member (bucket, member, state, since_ms) VALUES (:bucket, :member, 'open', 0)",
            bucket=bucket_of(stranger),
            member=stranger,
        )
    decisions.judge_kiosks_holding(world.hub, "member unknown")

    assert before == {2: ("held", "member unknown")}
    assert world.balance(stranger) == VISIT_POINTS


def test_a_wrong_sum_of_points_is_held_and_a_person_may_release_or_dismiss_it(world: World) -> None:
    booth = world.booth()
    booth.grant(0, points=60)
    booth.grant(1, points=70)
    booth.send()
    first, second = held_hashes(world, booth.kiosk)

    decisions.release(world.hub, booth.kiosk, [first], "主催者に確認した", "見本1")
    decisions.dismiss(world.hub, booth.kiosk, [second], "主催者に確認した", "見本1")

    assert world.verdicts(booth) == {"posted": (1, 60), "dismissed": (1, 70)}
    assert world.reasons(booth) == {3: ("dismissed", "decided")}


def test_an_act_needs_a_reason_and_something_held(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()

    with pytest.raises(decisions.ActRefused):
        decisions.revoke(world.hub, booth.kiosk, "  ", "見本1")
    with pytest.raises(decisions.ActRefused):
        decisions.release(world.hub, booth.kiosk, [booth.entries[1].hash], "もう反映済み", "見本1")

    assert world.verdicts(booth) == {"posted": (1, 50)}


def test_what_a_share_does_not_cover_cannot_be_released_one_by_one(world: World) -> None:
    booth = world.booth(total=0)
    booth.grant(0)
    booth.send()

    with pytest.raises(decisions.ActRefused):
        decisions.release(world.hub, booth.kiosk, held_hashes(world, booth.kiosk), "枠を増やすべき", "見本1")


def test_an_accepted_hole_lets_what_came_after_count_and_its_entries_may_still_turn_up(world: World) -> None:
    booth = world.booth()
    for person in range(6):
        booth.grant(person)
    booth.send(last_seq=2)
    booth.send(first_seq=5)

    decisions.accept_hole(world.hub, booth.kiosk, 3, 4, "SDカードの一部が読めない", "見本1")
    accepted = world.verdicts(booth)
    receipt = booth.send(first_seq=3, last_seq=4)

    assert accepted == {"posted": (4, 200)}
    assert receipt.cursor == booth.head
    assert world.verdicts(booth) == {"posted": (6, 300)}


def test_only_a_hole_that_is_there_can_be_accepted(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()

    with pytest.raises(decisions.ActRefused):
        decisions.accept_hole(world.hub, booth.kiosk, 3, 9, "ない", "見本1")


@pytest.mark.parametrize(("act", "status"), [(decisions.revoke, Status.REVOKED), (decisions.fence, Status.FENCED)])
def test_after_revoking_what_was_posted_stays_what_comes_is_held_and_the_kiosk_drains(
    world: World, act: object, status: Status
) -> None:
    booth = world.booth()
    for person in range(4):
        booth.grant(person)
    booth.send(last_seq=3)

    act(world.hub, booth.kiosk, "端末が盗まれた", "見本1")  # type: ignore[operator]
    receipt = booth.send()

    assert (receipt.status, receipt.cursor) == (status, booth.head)
    assert world.verdicts(booth) == {"posted": (2, 100), "held": (2, 100)}
    decisions.release(world.hub, booth.kiosk, held_hashes(world, booth.kiosk), "担当者が端末を持っていた", "見本1")
    assert world.verdicts(booth) == {"posted": (4, 200)}


def test_a_long_backlog_of_a_revoked_kiosk_drains_in_small_batches(world: World) -> None:
    booth = world.booth()
    for person in range(9):
        booth.grant(person)
    decisions.revoke(world.hub, booth.kiosk, "端末が盗まれた", "見本1")

    cursors = [booth.send(last_seq=booth.cursor_seq + 3).cursor.seq for _ in range(4)]

    assert cursors == [3, 6, 9, 10]
    assert world.verdicts(booth) == {"held": (9, 450)}


def test_a_grant_whose_whole_time_interval_misses_the_event_is_held(world: World) -> None:
    booth = world.booth()
    world.now_ms = MORNING_MS + DAY_MS
    booth.started_ms = world.now_ms - 60_000
    booth.add(booth.opened())
    booth.add(Clock(world.now_ms, 60_000, 60_020), Stamp(world.now_ms, booth.boot, 60_020, 2))
    world.now_ms += 10_000
    booth.grant(0)

    booth.send()

    assert world.reasons(booth) == {3: ("held", "time")}


@pytest.mark.parametrize("wall_ms", [0, 4_070_908_800_000], ids=["1970", "2099"])
def test_a_boot_at_a_wrong_time_without_a_sample_is_posted(world: World, wall_ms: int) -> None:
    booth = world.booth()
    booth.add(booth.opened(), booth.stamp(wall_ms))
    booth.add(booth.make_grant(0), booth.stamp(wall_ms + 1_000))
    world.now_ms += DAY_MS * 3

    booth.send()

    assert world.verdicts(booth) == {"posted": (1, 50)}


def test_a_later_time_sample_of_the_same_boot_moves_earlier_grants_out_of_the_event(world: World) -> None:
    booth = world.booth()
    world.now_ms = MORNING_MS + DAY_MS
    booth.grant(0)
    booth.send()
    before = world.verdicts(booth)

    sample_ms = booth.stamp().monotonic_ms
    booth.add(Clock(world.now_ms, sample_ms, sample_ms + 20), booth.stamp(trust=2))
    booth.send()

    assert before == {"posted": (1, 50)}
    assert world.reasons(booth)[2] == ("held", "time")
    assert world.balance(world.members[0]) == 0


def test_an_event_that_is_not_the_kiosks_is_held(world: World) -> None:
    booth = world.booth()
    booth.grant(0, event=99)

    booth.send()

    assert world.reasons(booth) == {2: ("held", "not this kiosk's")}


def test_what_a_member_no_longer_has_becomes_owed_and_never_a_balance_below_zero(world: World) -> None:
    from sync.entry import Void

    booth = world.booth()
    booth.grant(0)
    booth.send()
    with world.store.transaction() as connection:
        execute(connection, "UPDATE member_balance SET held = 20 WHERE member = :member", member=world.members[0])

    booth.add(Void(2, "まちがい"))
    booth.send()

    assert (world.balance(world.members[0]), world.owed(world.members[0])) == (0, 30)


def test_a_lost_card_an_expired_one_and_a_typed_number_are_posted_and_flagged(world: World) -> None:
    from hub.register.reference import report_lost

    booth = world.booth()
    world.store.run(lambda connection: report_lost(connection, world.members[0], 1, world.now_ms))
    booth.grant(0)
    booth.grant(1, expiry_day=100)
    booth.grant(2, how=1, kid=None, expiry_day=None, issue=0)

    booth.send()

    with world.store.reading() as connection:
        flags = [(one.seq, one.flag) for one in rows(connection, "SELECT seq, flag FROM flag ORDER BY seq")]
    assert flags == [(2, "lost card"), (3, "expired token"), (4, "typed")]
    assert world.verdicts(booth) == {"posted": (3, 150)}


def test_one_slot_too_many_on_a_day_is_posted_and_flagged(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    one.grant(0, activity=2, occasion=1, quantity=10, points=100)
    other.grant(0, activity=2, occasion=2, quantity=10, points=100)
    one.send()

    other.send()

    with world.store.reading() as connection:
        flags = [(bytes(one.kiosk), one.flag) for one in rows(connection, "SELECT kiosk, flag FROM flag")]
    assert flags == [(other.kiosk, "over daily limit")]
    assert world.balance(world.members[0]) == 200


def test_a_first_share_by_topping_up_is_in_order_for_the_audit(world: World) -> None:
    booth = world.booth(has_share=False)
    booth.grant(0)
    booth.send()

    decisions.top_up(world.hub, booth.kiosk, world.allotment, 500, "枠をわすれていた", "見本1")

    assert world.verdicts(booth) == {"posted": (1, 50)}
    assert [one for one in audit(world.store, world.hub.keyring) if not one.is_note] == []
