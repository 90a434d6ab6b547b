"""A kiosk is stopped, withdrawn ("stolen since …") and resumed; the newest line counts, and each has its way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from act_samples import named, with_grants, with_hole
from hub_invariants import broken_invariants
from hub_stores import sqlite_store
from hub_world import VISIT_POINTS, Booth, World
from wire_samples import sample_key

from hub.acts.decisions import release
from hub.acts.journal import accept_hole
from hub.acts.kiosks import rename_kiosk, resume_kiosk, stop_kiosk, top_up, withdraw_kiosk
from hub.acts.refusals import ActRefused, Refusal
from hub.audit import audit
from hub.intake.reasons import Reason
from hub.store.database import Store, row
from sync.entry import Void, sign_entry
from sync.receipt import Status

STOPPED, WITHDRAWN = ("held", Reason.STOPPED), ("held", Reason.WITHDRAWN)


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.mark.parametrize(
    ("act", "status", "held"), [(stop_kiosk, Status.FENCED, STOPPED), (withdraw_kiosk, Status.REVOKED, WITHDRAWN)]
)
def test_after_a_line_what_was_posted_stays_what_comes_is_held_and_the_kiosk_drains(
    world: World, act: Any, status: Status, held: tuple[str, Reason]
) -> None:
    booth = with_grants(world, 2)

    world.do(act, booth.kiosk)
    booth.grant(2)
    receipt = booth.send()
    behind = world.reasons(booth)
    world.do(resume_kiosk, booth.kiosk)

    assert (receipt.status, receipt.cursor) == (status, booth.head)
    assert behind == {4: held}
    assert world.verdicts() == {"posted": (3, 150)}
    assert booth.send().status is Status.OK
    assert broken_invariants(world) == []


def test_what_a_stolen_booth_has_undone_stands_again_once_it_is_believed_no_longer(world: World) -> None:
    booth = with_grants(world, 20)
    for seq in range(2, 22):
        booth.add(Void(seq, "ぬすんだ"))
    booth.send()
    undone = world.verdicts()

    world.do(withdraw_kiosk, booth.kiosk, 21, booth.entries[20].hash)
    stands = world.verdicts()
    world.do(resume_kiosk, booth.kiosk)

    assert undone == {"dismissed": (20, 1_000)}
    assert stands == {"posted": (20, 1_000)}
    assert world.verdicts() == undone
    assert broken_invariants(world) == []


@pytest.mark.parametrize("seq", [0, 1, 2, 4])
def test_a_withdrawal_names_the_last_entry_that_is_believed(world: World, seq: int) -> None:
    booth = with_grants(world, 3)
    before = world.picture()

    moved = world.do(withdraw_kiosk, booth.kiosk, seq).moved
    believed = max(0, seq - 1)
    verdicts = world.verdicts()
    world.do(resume_kiosk, booth.kiosk)

    assert verdicts.get("posted", (0, 0)) == (believed, believed * VISIT_POINTS)
    assert (moved.taken, moved.people) == (3 - believed, 3 - believed)
    assert world.picture() == before


def test_what_is_believed_must_be_on_the_branch_that_counts(world: World) -> None:
    booth = with_hole(world)
    told = [(3, None), (5, None), (99, None), (2, bytes(32)), (5, booth.entries[4].hash)]

    for seq, entry_hash in told:
        with pytest.raises(ActRefused) as refused:
            world.do(withdraw_kiosk, booth.kiosk, seq, entry_hash)
        assert refused.value.refusal is Refusal.NOT_ON_MAIN

    world.do(accept_hole, booth.kiosk, 3, 4)
    world.do(withdraw_kiosk, booth.kiosk, 5)
    assert world.verdicts()["posted"] == (2, 2 * VISIT_POINTS)


def test_a_second_stop_or_withdrawal_is_said_and_refused(world: World) -> None:
    booth = with_grants(world)
    world.do(stop_kiosk, booth.kiosk)
    with pytest.raises(ActRefused) as stopped:
        world.do(stop_kiosk, booth.kiosk)
    world.do(withdraw_kiosk, booth.kiosk)
    with pytest.raises(ActRefused) as withdrawn:
        world.do(withdraw_kiosk, booth.kiosk)
    world.do(withdraw_kiosk, booth.kiosk, 2)
    with pytest.raises(ActRefused) as named_again:
        world.do(withdraw_kiosk, booth.kiosk, 2)
    world.do(resume_kiosk, booth.kiosk)
    with pytest.raises(ActRefused) as resumed:
        world.do(resume_kiosk, booth.kiosk)

    refusals = {one.value.refusal for one in (stopped, withdrawn, named_again, resumed)}
    assert refusals == {Refusal.STANDS_SO}
    assert world.verdicts() == {"posted": (3, 150)}


def test_a_kiosk_that_is_not_there_can_be_neither_stopped_nor_resumed(sqlite: Store) -> None:
    world = World(sqlite)

    for act in (stop_kiosk, withdraw_kiosk, resume_kiosk):
        with pytest.raises(ActRefused) as refused:
            world.do(act, bytes(8))
        assert refused.value.refusal is Refusal.NO_KIOSK


def test_a_withdrawal_of_a_stopped_kiosk_lets_nothing_in_that_was_held(world: World) -> None:
    booth = with_grants(world, 2)
    world.do(stop_kiosk, booth.kiosk)
    booth.grant(2)
    booth.send()

    moved = world.do(withdraw_kiosk, booth.kiosk).moved

    assert (moved.taken, moved.given) == (0, 0)
    assert world.reasons(booth) == {4: WITHDRAWN}


@pytest.mark.parametrize("draw", [stop_kiosk, withdraw_kiosk])
def test_a_withdrawal_that_believes_what_came_after_a_line_lets_it_count(
    world: World, draw: Callable[..., Any]
) -> None:
    booth = with_grants(world, 2)
    world.do(draw, booth.kiosk)
    for person in (2, 3, 4):
        booth.grant(person)
    booth.send()

    world.do(withdraw_kiosk, booth.kiosk, 5, booth.entries[4].hash)

    assert world.verdicts(booth) == {"posted": (4, 200), "held": (1, 50)}
    assert world.reasons(booth) == {6: WITHDRAWN}
    assert [one for one in audit(world.store, world.hub.keyring) if not one.is_note] == []


def test_what_lies_behind_a_line_may_be_released_and_its_points_come_from_the_allotment(world: World) -> None:
    booth = with_grants(world, 2)
    world.do(withdraw_kiosk, booth.kiosk)
    booth.grant(2)
    booth.send()
    left = world.accounts()["allotment"]

    world.do(release, booth.kiosk, named(booth, 4), int(Reason.WITHDRAWN))

    assert world.verdicts() == {"posted": (3, 150)}
    assert world.accounts()["allotment"] == left - VISIT_POINTS
    assert broken_invariants(world) == []


def test_what_was_released_behind_a_stop_is_covered_also_once_the_stop_is_taken_back(world: World) -> None:
    booth = world.booth(total=2 * VISIT_POINTS)
    for person in (0, 1):
        booth.grant(person)
    booth.send()
    world.do(stop_kiosk, booth.kiosk)
    booth.grant(2)
    booth.send()
    world.do(release, booth.kiosk, named(booth, 4), int(Reason.STOPPED))

    moved = world.do(resume_kiosk, booth.kiosk).moved

    assert (moved.taken, moved.given) == (0, 0)
    assert world.verdicts(booth) == {"posted": (3, 150)}
    assert world.accounts()["out"] == 0
    assert [one for one in audit(world.store, world.hub.keyring) if not one.is_note] == []


def test_a_kiosk_with_a_gap_of_a_million_million_numbers_is_withdrawn_and_resumed_at_once(world: World) -> None:
    booth = with_grants(world, 2)
    key = sample_key("booth 受付1")
    far = sign_entry(key, 10**12, bytes(32), booth.make_grant(2), booth.stamp())
    batch = booth.batch()._replace(first_seq=10**12, entries=(far.encoded,), certificate=None)
    booth.take(batch)
    held = world.reasons(booth)

    world.do(accept_hole, booth.kiosk, 4, 10**12 - 1)
    accepted = world.verdicts()
    world.do(withdraw_kiosk, booth.kiosk, 3)
    withdrawn = world.verdicts()
    world.do(resume_kiosk, booth.kiosk)

    assert held == {10**12: ("held", Reason.HOLE)}
    assert accepted == {"posted": (3, 150)}
    assert withdrawn == {"posted": (2, 100), "held": (1, 50)}
    assert world.verdicts() == accepted
    assert broken_invariants(world) == []


def test_a_kiosk_that_a_restored_hub_knows_again_by_its_certificate_is_a_kiosk_like_others(
    sqlite: Store, sqlite_template: Path, tmp_path: Path
) -> None:
    remembers = World(sqlite, seed=2)
    booth = remembers.booth("受付1")
    with sqlite_store(sqlite_template, tmp_path) as store:
        forgot = World(store, now_ms=remembers.now_ms, seed=3)
        forgot.booth("受付9")
        returned = Booth(forgot, booth.key, booth.manifest, booth.certificate)
        returned.grant(0, member=forgot.members[0])
        returned.send()
        held = forgot.reasons(returned)

        forgot.do(rename_kiosk, booth.kiosk, 1, "戻った端末", forgot.organisation)
        forgot.do(top_up, booth.kiosk, forgot.allotment, 100)
        forgot.do(release, booth.kiosk, named(returned, 2), int(held[2][1]))

        with store.reading() as connection:
            serials = row(connection, "SELECT count(DISTINCT serial) AS serials, count(*) AS kiosks FROM kiosk")
        assert held == {2: ("held", Reason.NOT_THIS_KIOSKS)}
        assert forgot.verdicts() == {"posted": (1, VISIT_POINTS)}
        assert (serials.serials, serials.kiosks) == (2, 2)
        assert broken_invariants(forgot) == []
