"""Whoever changes balances takes all of them in one go, in order: two hubs that want the same two people never wait for
each other in a circle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from hub_world import World

from hub.store.database import Store
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


@contextmanager
def _balances_touched(store: Store) -> Iterator[list[str]]:
    """Note the statements that write balances meanwhile, in order."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, text: str, *_others: object) -> None:
        text = " ".join(text.split())
        if "member_balance" in text and not text.startswith("SELECT"):
            found.append(text)

    sa.event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", note)
