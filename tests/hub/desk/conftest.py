"""The fixtures of the desk's tests: a hub, what a busy day left in it, and a clerk's browser at its desk."""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_scene import Scene, busy
from hub_world import World

from hub.store.database import Store


@pytest.fixture
def world(sqlite: Store) -> World:
    return World(sqlite)


@pytest.fixture
def either(store: Store) -> World:
    """The same on both engines, one after the other."""
    return World(store)


@pytest.fixture
def scene(world: World) -> Scene:
    return busy(world)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world.hub)
