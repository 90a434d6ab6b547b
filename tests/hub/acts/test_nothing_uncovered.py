"""No account but the city's issue falls below 0, whatever a booth signs and in whatever order clerks act: each way here
once led there.
"""

from __future__ import annotations

import pytest
from act_samples import add_other_event, named
from hub_invariants import broken_invariants
from hub_world import VISIT, VISIT_POINTS, Booth, World, activities
from wire_samples import MORNING_MS

from hub.acts.decisions import release
from hub.acts.events import change_event
from hub.acts.journal import accept_hole, replace_range, take_back_replacement
from hub.acts.kiosks import lower_share, renew_settings, resume_kiosk, withdraw_kiosk
from hub.acts.organisations import add_allotment
from hub.acts.refusals import ActRefused, Refusal
from hub.audit import audit
from hub.intake.reasons import Reason
from hub.store.database import Store
from sync.citytime import DAY_MS
from sync.entry import Opened, sign_entry
from sync.manifest import Activity, OccasionBy
from sync.rules import Fixed

TOTAL, LOWERED_BY = 200, 150
WINDOW = (MORNING_MS, MORNING_MS + DAY_MS // 3)


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def faults(world: World) -> list[object]:
    return [*broken_invariants(world), *(one for one in audit(world.store, world.hub.keyring) if not one.is_note)]


def names_manifest(booth: Booth, version: int, mark: bytes | None = None) -> None:
    """Let a booth say that it goes on under a manifest, by its version and perhaps another mark of its instance."""
    instance = booth.manifest.instance
    if mark is not None:
        instance = instance._replace(mark=mark)
    booth.add(Opened("kumapo", (instance, version), None))


def grants(booth: Booth, first: int, count: int) -> None:
    for person in range(first, first + count):
        booth.grant(person)


def lowered(world: World) -> Booth:
    """Return a booth that has used 50 of a share of 200, of which 150 were taken back by new settings (version 2)."""
    booth = world.booth(total=TOTAL)
    booth.grant(0)
    booth.send()
    world.do(lower_share, booth.kiosk, world.allotment, LOWERED_BY)
    return booth


def test_settings_that_nobody_signed_give_no_share_back_and_the_old_ones_do_not_count_twice(world: World) -> None:
    booth = lowered(world)
    names_manifest(booth, 2, mark=b"unsigned")
    booth.send()
    names_manifest(booth, 1)
    grants(booth, 1, 4)
    booth.send()

    assert world.verdicts(booth) == {"posted": (4, 200), "held": (1, 50)}
    assert faults(world) == []


def test_settings_of_a_number_that_is_not_signed_yet_name_nothing_also_once_it_is(world: World) -> None:
    booth = world.booth(total=TOTAL)
    booth.add(booth.opened())
    names_manifest(booth, 2)
    booth.grant(0)
    booth.send()
    world.do(renew_settings, booth.kiosk)
    booth.grant(1)
    booth.send()
    world.do(change_event, world.event, 1, "見本の日", *WINDOW, world.allotment, activities())

    assert world.verdicts(booth) == {"held": (2, 100)}
    assert world.reasons(booth) == dict.fromkeys((3, 4), ("held", Reason.NOT_THIS_KIOSKS))
    assert faults(world) == []


def test_a_lowered_share_comes_back_once_nothing_is_missing_before_the_settings_were_named(world: World) -> None:
    booth = lowered(world)
    grants(booth, 1, 3)
    names_manifest(booth, 2)
    booth.send(first_seq=6)
    world.do(accept_hole, booth.kiosk, 3, 5)
    kept = world.accounts()["out"]

    booth.send(first_seq=3, last_seq=5)

    assert kept == TOTAL - VISIT_POINTS
    assert world.accounts()["out"] == 0
    assert world.verdicts(booth) == {"posted": (4, 200)}
    assert faults(world) == []


def test_old_settings_that_are_named_again_bring_no_old_share_back(world: World) -> None:
    booth = lowered(world)
    names_manifest(booth, 2)
    names_manifest(booth, 1)
    grants(booth, 1, 3)
    booth.send()

    with pytest.raises(ActRefused) as refused:
        world.do(release, booth.kiosk, named(booth, 5), int(Reason.MANIFEST_OLD | Reason.BEYOND_SHARE))

    assert world.reasons(booth)[5] == ("held", Reason.MANIFEST_OLD | Reason.BEYOND_SHARE)
    assert refused.value.refusal is Refusal.NEEDS_OTHER_ACT
    assert faults(world) == []


def test_a_resumed_kiosk_is_covered_by_the_settings_it_has_named_not_by_made_up_ones(world: World) -> None:
    booth = world.booth(total=TOTAL)
    booth.grant(0)
    names_manifest(booth, 999_999)
    booth.send()
    world.do(withdraw_kiosk, booth.kiosk)
    world.do(lower_share, booth.kiosk, world.allotment, LOWERED_BY)
    world.do(resume_kiosk, booth.kiosk)
    names_manifest(booth, 1)
    grants(booth, 1, 4)
    booth.send()

    assert world.verdicts(booth) == {"posted": (4, 200), "held": (1, 50)}
    assert faults(world) == []


def test_a_replacement_over_a_released_grant_takes_its_points_from_its_own_allotment(world: World) -> None:
    other_allotment = world.do(add_allotment, world.organisation, "別の枠", 1_000).made
    other = add_other_event(world, points=100)
    world.do(change_event, other, 1, "別の催し", *WINDOW, other_allotment, (_visit(100),))
    booth = world.booth(total=50)
    booth.grant(0)
    booth.add(booth.opened())
    booth.send()
    twin = sign_entry(booth.key, 3, booth.entries[1].hash, booth.make_grant(5), booth.stamp())
    booth.take(booth.batch(first_seq=3)._replace(entries=(twin.encoded,)))
    world.do(release, booth.kiosk, ((3, twin.hash),), int(Reason.FORK))

    world.do(replace_range, booth.kiosk, 3, 3, world.event, VISIT, other, 1)

    assert world.balance(world.members[5]) == 100
    assert faults(world) == []


@pytest.mark.parametrize("is_taken_back", [False, True])
def test_a_rule_that_is_raised_later_gives_replaced_grants_what_was_moved_for_them(
    world: World,
    is_taken_back: bool,  # noqa: FBT001  # pytest hands it over
) -> None:
    booth, other = world.booth(total=TOTAL), add_other_event(world, points=10)
    grants(booth, 0, 3)
    booth.send()
    world.do(replace_range, booth.kiosk, 2, 4, world.event, VISIT, other, 1)

    world.do(change_event, other, 1, "別の催し", *WINDOW, world.allotment, (_visit(5_000),))
    if is_taken_back:
        world.do(take_back_replacement, booth.kiosk, 1)

    assert [world.balance(member) for member in world.members[:3]] == [VISIT_POINTS if is_taken_back else 10] * 3
    assert faults(world) == []


def test_a_replacement_is_not_taken_back_over_a_release_that_covers_less(world: World) -> None:
    booth, other = world.booth(total=TOTAL), add_other_event(world, points=10)
    booth.grant(0)
    booth.send()
    world.do(replace_range, booth.kiosk, 2, 2, world.event, VISIT, other, 1)
    world.do(withdraw_kiosk, booth.kiosk, 0)
    world.do(release, booth.kiosk, named(booth, 2), int(Reason.WITHDRAWN))

    with pytest.raises(ActRefused) as refused:
        world.do(take_back_replacement, booth.kiosk, 1)

    assert refused.value.refusal is Refusal.RELEASED_FOR_LESS
    assert world.balance(world.members[0]) == 10
    assert faults(world) == []


def _visit(points: int) -> Activity:
    return Activity(1, "別の来場", Fixed(points), OccasionBy.NONE, 0)


def test_a_replacement_brings_no_cover_for_what_a_copied_card_sends_into_its_range_later(world: World) -> None:
    paid_by, then_paid_by = (world.do(add_allotment, world.organisation, name, 5_000).made for name in ("枠2", "枠3"))
    other = add_other_event(world)
    world.do(change_event, other, 1, "別の催し", *WINDOW, paid_by, (_visit(70),))
    booth = world.booth(total=TOTAL)
    grants(booth, 0, 2)
    booth.send()
    world.do(replace_range, booth.kiosk, 2, 3, world.event, VISIT, other, 1)
    world.do(change_event, other, 2, "別の催し", *WINDOW, then_paid_by, (_visit(70),))
    copy = booth.clone(after_seq=2)
    copy.grant(4)
    copy.send()

    world.do(release, booth.kiosk, ((3, copy.entries[2].hash),), int(Reason.FORK))

    assert world.verdicts(booth) == {"posted": (3, 190)}
    assert faults(world) == []


def test_a_hole_behind_the_settings_that_lower_a_share_keeps_nothing_back(world: World) -> None:
    booth = lowered(world)
    names_manifest(booth, 2)
    grants(booth, 1, 3)
    booth.send(first_seq=6)
    world.do(accept_hole, booth.kiosk, 3, 5)

    booth.send(first_seq=3, last_seq=4)

    assert world.accounts()["out"] == TOTAL - VISIT_POINTS - 50, "50 that no grant has used have gone back"
    assert faults(world) == []
