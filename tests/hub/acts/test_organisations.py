"""Organisations and allotments: points come out of the city's issue and go back, and no account falls below zero."""

from __future__ import annotations

from typing import Any

import pytest
from hub_invariants import broken_invariants
from hub_world import World

from hub.acts.organisations import (
    add_allotment,
    add_organisation,
    change_organisation,
    close_organisation,
    lower_allotment,
    raise_allotment,
    reopen_organisation,
)
from hub.acts.refusals import ActRefused, Refusal
from hub.audit import audit
from hub.register.organisations import newest_organisation
from hub.store.database import Store, rows
from sync.citytime import fiscal_year


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_an_allotment_is_raised_and_lowered_out_of_the_citys_issue(world: World) -> None:
    before = world.accounts()

    world.do(raise_allotment, world.allotment, 300)
    raised = world.accounts()
    world.do(lower_allotment, world.allotment, 300)

    assert (raised["allotment"], raised["issue"]) == (before["allotment"] + 300, before["issue"] - 300)
    assert world.accounts() == before
    assert broken_invariants(world) == []


def test_an_allotment_is_never_lowered_by_more_than_it_holds(world: World) -> None:
    world.booth(total=world.allotted - 100)
    before = world.picture()

    with pytest.raises(ActRefused) as refused:
        world.do(lower_allotment, world.allotment, 101)
    world.do(lower_allotment, world.allotment, 100)

    assert (refused.value.refusal, refused.value.details["lacking"]) == (Refusal.NOT_SO_MUCH_LEFT, 1)
    assert before["accounts"] != world.picture()["accounts"]
    assert world.accounts()["allotment"] == 0


@pytest.mark.parametrize("points", [0, -50, 1_000_000_001])
@pytest.mark.parametrize("act", [raise_allotment, lower_allotment])
def test_points_beyond_all_bounds_are_no_points(sqlite: Store, act: Any, points: int) -> None:
    world = World(sqlite)

    with pytest.raises(ActRefused) as refused:
        world.do(act, world.allotment, points)

    assert refused.value.refusal is Refusal.NO_POINTS


def test_an_allotment_is_of_the_fiscal_year_it_was_added_in(world: World) -> None:
    added = world.do(add_allotment, world.organisation, "枠2", 500).made

    with world.store.reading() as connection:
        found = rows(connection, "SELECT allotment, fiscal_year, name FROM allotment ORDER BY allotment")
    assert [tuple(one) for one in found][-1] == (added, fiscal_year(world.now_ms), "枠2")


def test_an_organisation_is_closed_and_opened_again(world: World) -> None:
    world.do(close_organisation, world.organisation, 1)
    with world.store.reading() as connection:
        closed = newest_organisation(connection, world.organisation)
    world.do(reopen_organisation, world.organisation, 2)

    with world.store.reading() as connection:
        opened = newest_organisation(connection, world.organisation)
    assert closed is not None
    assert opened is not None
    assert (closed.state, opened.state, opened.version) == ("closed", "open", 3)
    assert opened._replace(version=1) == closed._replace(version=1, state="open")


def test_of_two_clerks_who_close_the_same_organisation_the_second_is_told(world: World) -> None:
    world.do(close_organisation, world.organisation, 1)

    with pytest.raises(ActRefused) as from_the_old_page:
        world.do(close_organisation, world.organisation, 1)
    with pytest.raises(ActRefused) as from_the_new_page:
        world.do(close_organisation, world.organisation, 2)

    assert from_the_old_page.value.refusal is Refusal.GROUND_CHANGED
    assert from_the_new_page.value.refusal is Refusal.STANDS_SO


@pytest.mark.parametrize("name", ["", "   ", "あ" * 61])
def test_a_name_must_be_one(sqlite: Store, name: str) -> None:
    world = World(sqlite)

    for act, told in ((add_organisation, (name, "grants")), (add_allotment, (world.organisation, name, 5))):
        with pytest.raises(ActRefused) as refused:
            world.do(act, *told)
        assert refused.value.refusal is Refusal.NO_NAME


def test_what_is_not_there_is_said(sqlite: Store) -> None:
    world = World(sqlite)
    told = [
        (close_organisation, (99, 1), Refusal.NO_ORGANISATION),
        (add_allotment, (99, "枠", 5), Refusal.NO_ORGANISATION),
        (raise_allotment, (99, 5), Refusal.NO_ALLOTMENT),
        (lower_allotment, (99, 5), Refusal.NO_ALLOTMENT),
    ]

    for act, arguments, refusal in told:
        with pytest.raises(ActRefused) as refused:
            world.do(act, *arguments)
        assert refused.value.refusal is refusal


def test_no_number_of_an_organisation_or_allotment_is_used_twice_also_after_a_restore(sqlite: Store) -> None:
    world = World(sqlite)
    first = world.do(add_organisation, "団体2", "grants").made
    world.now_ms += 1_000

    instance = world.open_instance()
    after = [world.do(add_organisation, f"団体{number}", "grants").made for number in (3, 4)]
    allotment = world.do(add_allotment, world.organisation, "枠2", 5).made

    seconds = (instance.opened_ms - 1_577_836_800_000) // 1_000
    assert first == world.organisation + 1
    assert after == [seconds, seconds + 1]
    assert allotment == seconds


def test_a_slip_in_an_organisations_name_is_mended_and_the_audit_agrees(world: World) -> None:
    world.do(close_organisation, world.organisation, 1)
    world.do(change_organisation, world.organisation, 2, "見本団体", "both")
    world.do(change_organisation, world.organisation, 3, "見本団体1", "grants")

    with world.store.reading() as connection:
        newest = newest_organisation(connection, world.organisation)

    assert newest is not None
    assert (newest.version, newest.name, newest.kind, newest.state) == (4, "見本団体1", "grants", "closed")
    assert [one for one in audit(world.store, world.hub.keyring) if not one.is_note] == []


@pytest.mark.parametrize(
    ("version", "name", "refusal"),
    [(1, "見本団体1", Refusal.STANDS_SO), (2, "ほか", Refusal.GROUND_CHANGED), (1, " ", Refusal.NO_NAME)],
)
def test_an_organisation_is_not_changed_without_need_or_ground(
    sqlite: Store, version: int, name: str, refusal: Refusal
) -> None:
    world = World(sqlite)

    with pytest.raises(ActRefused) as refused:
        world.do(change_organisation, world.organisation, version, name, "grants")

    assert refused.value.refusal is refusal
