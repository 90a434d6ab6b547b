"""Numbers are given once, by whatever instance of the hub."""

from __future__ import annotations

import pytest
from hub_world import World

from hub.register.numbers import next_after, next_allotment, next_event, next_organisation
from hub.store.database import Store

FROM_2020_MS = 1_577_836_800_000


def test_the_first_instance_counts_on_from_what_it_knows(sqlite: Store) -> None:
    world = World(sqlite)

    with world.store.reading() as connection:
        found = [next_organisation(connection), next_allotment(connection), next_event(connection)]
        after = next_after(connection, 41)

    assert (found, after) == ([2, 2, 2], 42)


@pytest.mark.parametrize("seconds", [1, 10_000])
def test_each_instance_after_a_restore_begins_above_what_the_one_before_can_have_given(
    sqlite: Store, seconds: int
) -> None:
    world = World(sqlite)
    floors = []

    for _ in range(3):
        world.now_ms += seconds * 1_000
        instance = world.open_instance()
        with world.store.reading() as connection:
            floors.append(next_after(connection, 5))
            assert next_after(connection, 2**30) == 2**30 + 1

        assert floors[-1] == (instance.opened_ms - FROM_2020_MS) // 1_000

    assert floors == sorted(set(floors))
