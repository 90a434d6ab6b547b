"""Whoever changes balances takes all of them in one go, in order: two hubs that want the same two people never wait for
each other in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from act_samples import STRANGER
from hub_world import HELP, VISIT, World, activities
from wire_samples import MORNING_MS

from hub.acts.decisions import release
from hub.acts.events import change_event
from hub.acts.journal import replace_range
from hub.acts.kiosks import resume_kiosk, stop_kiosk, top_up
from hub.acts.members import end_account, lose_card, make_known
from hub.intake.reasons import Reason
from hub.store.database import Store
from sync.citytime import DAY_MS
from sync.entry import Void


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_members_of_a_voided_grant_and_of_new_ones_are_locked_together(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    booth.grant(1)
    booth.add(Void(2, "見本"))

    with _balances_touched(world.store) as statements:
        booth.send()

    locks = [text for text in statements if "FROM asked" in text and text.startswith("INSERT")]
    assert statements[0] == locks[0]
    assert len(locks) == 1
    assert world.balance(world.members[0]) == 0
    assert world.balance(world.members[1]) > 0


def test_what_meets_an_earlier_grant_is_locked_together_with_what_does_not(world: World) -> None:
    first, second = world.booth("受付1"), world.booth("受付2")
    first.grant(0)
    first.send()
    second.grant(0)
    second.grant(1)

    with _balances_touched(world.store) as statements:
        second.send()

    locks = [text for text in statements if "FROM asked" in text and text.startswith("INSERT")]
    assert statements[0] == locks[0]
    assert len(locks) == 1


def _short(world: World) -> tuple[Any, ...]:
    booth = world.booth(total=50)
    booth.grant(0)
    booth.grant(1)
    booth.send()
    return (top_up, booth.kiosk, world.allotment, 100)


def _stopped(world: World) -> tuple[Any, ...]:
    booth = world.booth()
    booth.add(booth.opened())
    booth.send()
    world.do(stop_kiosk, booth.kiosk)
    booth.grant(0)
    booth.send()
    return (release, booth.kiosk, ((2, booth.entries[1].hash),), int(Reason.STOPPED))


def _resumed(world: World) -> tuple[Any, ...]:
    return (resume_kiosk, _stopped(world)[1])


def _replaced(world: World) -> tuple[Any, ...]:
    booth = world.booth()
    booth.grant(0, quantity=30)
    booth.send()
    return (replace_range, booth.kiosk, 2, 2, world.event, VISIT, world.event, HELP)


@pytest.mark.parametrize("prepared", [_short, _stopped, _resumed, _replaced])
def test_an_act_takes_balances_before_accounts_as_a_batch_does(
    world: World, prepared: Callable[[World], tuple[Any, ...]]
) -> None:
    arguments = prepared(world)

    with _balances_touched(world.store, "account") as statements:
        world.do(*arguments)

    tables = ["balance" if "member_balance" in text else "account" for text in statements]
    assert "balance" in tables
    assert tables == sorted(tables, reverse=True)


def _ended(world: World) -> tuple[Any, ...]:
    return (end_account, world.members[0])


def _lost(world: World) -> tuple[Any, ...]:
    return (lose_card, world.members[0], 1)


def _made_known(_world: World) -> tuple[Any, ...]:
    return (make_known, STRANGER)


def _changed(world: World) -> tuple[Any, ...]:
    window = (MORNING_MS, MORNING_MS + DAY_MS)
    return (change_event, world.event, 1, "見本まつり", *window, world.allotment, activities())


@pytest.mark.parametrize("prepared", [_ended, _lost, _made_known, _changed])
def test_an_act_that_lets_all_kiosks_wait_holds_nothing_yet_that_they_could_wait_for(
    postgres: Store, prepared: Callable[[World], tuple[Any, ...]]
) -> None:
    world = World(postgres)
    _short(world)
    arguments = prepared(world)

    with _heard(world.store) as statements:
        world.do(*arguments)

    first = next(text for text in statements if not text.startswith("SELECT"))
    assert first == "LOCK TABLE kiosk_progress IN EXCLUSIVE MODE"


@contextmanager
def _heard(store: Store) -> Iterator[list[str]]:
    """Note all statements meanwhile, in order."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, text: str, *_told: object) -> None:
        found.append(" ".join(text.split()))

    sa.event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", note)


@contextmanager
def _balances_touched(store: Store, *others: str) -> Iterator[list[str]]:
    """Note the statements that write balances meanwhile, or other tables, in order."""
    found: list[str] = []
    with _heard(store) as statements:
        yield found
    for text in statements:
        written = text.split()[2] if text.startswith("INSERT INTO") else ""
        if written in others or ("member_balance" in text and not text.startswith("SELECT")):
            found.append(text)
