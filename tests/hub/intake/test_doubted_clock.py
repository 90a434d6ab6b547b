"""A hub whose own clock has jumped takes nothing in until a person has looked, and then goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hub_world import World

from hub.acts.hub_clock import trust_clock
from hub.acts.refusals import ActRefused
from hub.intake.arrival import ClockDoubted
from hub.own_clock import OwnClock
from hub.store.database import Store
from sync.citytime import DAY_MS


@pytest.fixture
def world(store: Store) -> World:
    """A hub that watches its clock; its monotonic clock stands still, so that every change is a jump."""
    world = World(store)
    world.hub = replace(world.hub, own_clock=OwnClock(lambda: world.now_ms, lambda: 0, lambda: False))
    return world


def test_after_a_jump_nothing_is_taken_in_until_a_person_trusts_the_clock(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    world.now_ms += DAY_MS
    booth.grant(1)
    with pytest.raises(ClockDoubted):
        booth.send()

    world.do(trust_clock)
    booth.send()

    assert world.verdicts(booth) == {"posted": (2, 100)}


def test_a_hub_that_was_a_day_ahead_goes_on_once_a_person_has_looked(world: World) -> None:
    booth = world.booth()
    world.now_ms += DAY_MS
    booth.grant(0)
    booth.send()
    world.now_ms -= DAY_MS
    booth.grant(1)
    with pytest.raises(ClockDoubted):
        booth.send()

    world.do(trust_clock)
    booth.send()
    booth.grant(2)
    booth.send()

    assert world.verdicts(booth) == {"posted": (3, 150)}


def test_a_clock_nobody_doubts_needs_no_trust(world: World) -> None:
    with pytest.raises(ActRefused):
        world.do(trust_clock)
