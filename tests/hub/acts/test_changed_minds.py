"""A clerk who changes their mind: acts done over others, taken up again, and typed in odd ways. The audit agrees."""

from __future__ import annotations

import pytest
from hub_invariants import broken_invariants
from hub_world import CLERK, VISIT, VISIT_POINTS, Booth, World, activities
from msgspec.structs import replace
from wire_samples import MORNING_MS

from hub.acts.decisions import release
from hub.acts.doing import kind_of, new_number, perform_within
from hub.acts.events import add_event, change_event
from hub.acts.journal import accept_hole, replace_range, take_back_hole, take_back_replacement
from hub.acts.kiosks import lower_share, resume_kiosk, stop_kiosk, top_up, withdraw_kiosk
from hub.acts.organisations import add_allotment, add_organisation
from hub.acts.refusals import ActRefused, Refusal
from hub.audit import audit
from hub.intake import judging
from hub.intake.intervals import Source
from hub.intake.reasons import Reason
from hub.ledger.posting import Moved
from hub.register.manifests import newest_manifest
from hub.store.database import Store, row, rows
from sync.citytime import DAY_MS
from sync.entry import Clock
from sync.envelope import MANIFEST
from sync.manifest import Activity, OccasionBy, read_manifest
from sync.rules import Fixed


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def faults(world: World) -> list[object]:
    found = [finding for finding in audit(world.store, world.hub.keyring) if not finding.is_note]
    return [*broken_invariants(world), *found]


def take_up_settings(world: World, booth: Booth) -> None:
    """Let a booth name the newest settings, as after it has fetched them."""
    with world.store.reading() as connection:
        encoded = newest_manifest(connection, booth.kiosk)
    assert encoded is not None
    booth.manifest = read_manifest(encoded, world.hub.keyring.verifying(MANIFEST))
    booth.add(booth.opened())


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_booth_that_was_withdrawn_from_before_its_share_was_lowered_is_resumed_any_number_of_times(
    world: World, rounds: int
) -> None:
    booth = world.booth(total=500)
    booth.grant(0)
    booth.send()
    world.do(top_up, booth.kiosk, world.allotment, 100)
    world.do(lower_share, booth.kiosk, world.allotment, 100)
    take_up_settings(world, booth)
    booth.send()

    for _ in range(rounds):
        world.do(withdraw_kiosk, booth.kiosk, 1)
        assert (world.balance(world.members[0]), faults(world)) == (0, [])
        world.do(withdraw_kiosk, booth.kiosk, 2)
        world.do(resume_kiosk, booth.kiosk)
        assert (world.balance(world.members[0]), faults(world)) == (VISIT_POINTS, [])


def test_a_range_that_is_replaced_anew_over_an_earlier_replacement_moves_the_difference(world: World) -> None:
    other = world.do(
        add_event,
        "見本市",
        MORNING_MS,
        MORNING_MS + DAY_MS // 3,
        world.allotment,
        (
            Activity(0, "入場", Fixed(70), OccasionBy.NONE, 0),
            Activity(0, "体験", Fixed(30), OccasionBy.NONE, 0),
        ),
    ).made
    booth = world.booth()
    for person in range(3):
        booth.grant(person)
    booth.send()

    world.do(replace_range, booth.kiosk, 2, 4, world.event, VISIT, other, 1)
    world.do(replace_range, booth.kiosk, 2, 4, world.event, VISIT, other, 2)
    replaced = [world.balance(member) for member in world.members[:3]]
    agreed = faults(world)
    world.do(take_back_replacement, booth.kiosk, 2)

    assert (replaced, agreed) == ([30] * 3, [])
    assert [world.balance(member) for member in world.members[:3]] == [VISIT_POINTS] * 3
    assert faults(world) == []


def test_a_large_act_too_takes_back_no_more_than_was_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "RUN_LIMIT", 2)
    booth = world.booth()
    for person in range(5):
        booth.grant(person)
    booth.send()
    number = new_number(world.hub, CLERK, kind_of(withdraw_kiosk))

    with pytest.raises(ActRefused) as refused:
        perform_within(world.hub, CLERK, number, "盗まれた", Moved(), withdraw_kiosk, booth.kiosk, 1)
    untouched = world.verdicts(booth)
    shown = world.preview(withdraw_kiosk, booth.kiosk, 1)
    perform_within(world.hub, CLERK, number, "盗まれた", shown, withdraw_kiosk, booth.kiosk, 1)

    assert refused.value.refusal is Refusal.TAKES_MORE
    assert untouched == {"posted": (5, 250)}
    assert (shown.taken, world.verdicts(booth)) == (5, {"held": (5, 250)})
    assert faults(world) == []


def test_a_hole_that_is_accepted_again_with_another_end_is_taken_back_as_it_was_accepted_last(world: World) -> None:
    booth = world.booth()
    for person in range(4):
        booth.grant(person)
    booth.send(first_seq=4)
    world.do(accept_hole, booth.kiosk, 1, 3)
    world.do(take_back_hole, booth.kiosk, 1)
    booth.send(first_seq=3, last_seq=3)

    world.do(accept_hole, booth.kiosk, 1, 2)
    world.do(take_back_hole, booth.kiosk, 1)

    assert faults(world) == []


def test_a_withdrawal_is_not_turned_into_a_stop_by_an_old_page(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    world.do(withdraw_kiosk, booth.kiosk)

    with pytest.raises(ActRefused) as refused:
        world.do(stop_kiosk, booth.kiosk)

    assert refused.value.refusal is Refusal.STANDS_SO


@pytest.mark.parametrize("name", ["見本\x00団体", "見本\n団体", "見本\u202e団体"], ids=["NUL", "line break", "turned"])
def test_a_name_holds_nothing_that_nobody_sees(world: World, name: str) -> None:
    with pytest.raises(ActRefused) as refused:
        world.do(add_organisation, name, "grants")

    assert refused.value.refusal is Refusal.UNSEEN


def test_a_reason_holds_nothing_that_nobody_sees(world: World) -> None:
    booth = world.booth()

    with pytest.raises(ActRefused) as refused:
        world.do(stop_kiosk, booth.kiosk, reason="盗まれた\x00")

    assert refused.value.refusal is Refusal.UNSEEN


def test_a_booth_that_used_more_than_its_lowered_share_before_it_heard_of_it_keeps_what_it_has_used(
    world: World,
) -> None:
    booth = world.booth(total=500)
    for person in range(4):
        booth.grant(person)
    booth.send()
    world.do(lower_share, booth.kiosk, world.allotment, 250)

    for person in range(4, 6):
        booth.grant(person)
    take_up_settings(world, booth)
    booth.grant(6)
    booth.send()

    assert world.verdicts(booth) == {"posted": (6, 300), "held": (1, 50)}
    assert world.accounts()["out"] == 50  # what the held grant was signed for stays with the booth
    assert faults(world) == []


def test_settings_that_turn_up_in_a_hole_move_what_was_posted_behind_it_to_their_allotment(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    other = world.do(add_allotment, world.organisation, "別の枠", 10_000).made
    window = (MORNING_MS, MORNING_MS + DAY_MS // 3)
    world.do(change_event, world.event, 1, "見本まつり", *window, other, tuple(activities()))
    world.do(top_up, booth.kiosk, other, 1_000)
    take_up_settings(world, booth)
    booth.grant(1)
    booth.send(first_seq=4)
    world.do(accept_hole, booth.kiosk, 3, 3)
    before = allotment_behind(world, world.members[1])

    booth.send(first_seq=3, last_seq=3)

    assert (before, allotment_behind(world, world.members[1])) == (world.allotment, other)
    assert faults(world) == []


def allotment_behind(world: World, member: int) -> int:
    """Return out of which allotment the points come that a member was given last."""
    with world.store.reading() as connection:
        text = "SELECT allotment FROM transfer WHERE member = :member ORDER BY turn DESC LIMIT 1"
        return int(row(connection, text, member=member).allotment)


def test_a_grant_that_was_released_behind_a_stop_gets_the_hubs_time_when_the_stop_is_taken_back(world: World) -> None:
    booth, other = world.booth("受付1"), world.booth("受付2")
    booth.add(booth.opened())
    booth.send()
    world.do(stop_kiosk, booth.kiosk)
    booth.add(Clock(world.now_ms, 1_000, 1_020), replace(booth.stamp(), monotonic_ms=1_020))
    late = booth.add(booth.make_grant(0), replace(booth.stamp(wall_ms=0), monotonic_ms=61_020))
    world.now_ms += 600_000
    booth.send()
    world.do(release, booth.kiosk, ((3, late.hash),), int(Reason.STOPPED))
    by_wall = moments(world)

    world.do(resume_kiosk, booth.kiosk)
    by_hub = moments(world)
    other.grant(0, points=2 * VISIT_POINTS)
    other.send()
    world.do(release, other.kiosk, ((2, other.entries[1].hash),), int(Reason.POINTS))

    assert [one[2] for one in by_wall] == [Source.WALL]
    assert by_hub[-1] == (VISIT_POINTS, MORNING_MS + 60_000, Source.HUB)
    assert world.balance(world.members[0]) == 2 * VISIT_POINTS
    assert faults(world) == []


def moments(world: World) -> list[tuple[int, int, int]]:
    """Return points, moment and source of every transfer, in the order they were written."""
    with world.store.reading() as connection:
        found = rows(connection, "SELECT points, occurred_ms, occurred_from FROM transfer ORDER BY turn")
    return [(one.points, one.occurred_ms, one.occurred_from) for one in found]


def test_a_hole_and_a_stop_that_are_taken_back_in_one_moment_agree_with_the_audit(world: World) -> None:
    booth = world.booth()
    for person in range(5):
        booth.grant(person)
    booth.send(last_seq=2)
    booth.send(first_seq=5)
    world.now_ms += 1_000

    world.do(accept_hole, booth.kiosk, 3, 4)
    world.do(stop_kiosk, booth.kiosk)
    world.do(resume_kiosk, booth.kiosk)
    world.do(take_back_hole, booth.kiosk, 3)

    assert world.verdicts(booth) == {"posted": (1, 50), "held": (2, 100)}
    assert faults(world) == []
