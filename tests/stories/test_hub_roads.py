"""Three ways of judging, one result: what goes on at the cursor, some entries from kept folds, everything from entry 1.
Random stories of a booth with boots, samples, voids and an event of several days; then everything is judged again.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hub_invariants import broken_invariants
from hub_stores import sqlite_store
from hub_world import Booth, World, activities
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_samples import MORNING_MS

from hub.acts.events import change_event
from hub.intake import judging
from hub.intake.judging import Cause, judge_kiosk, judge_some
from hub.store.database import rows
from sync.citytime import DAY_MS, city_day
from sync.entry import Clock, Stamp, Void

HOUR_MS = 3_600_000
TODAY = city_day(MORNING_MS)

deeds = st.one_of(
    st.tuples(st.just("visit"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("help"), st.integers(0, 3), st.integers(TODAY, TODAY + 2)),
    st.tuples(st.just("help"), st.integers(0, 3), st.integers(TODAY, TODAY + 2)),
    st.tuples(st.just("void"), st.integers(1, 12), st.just(0)),
    st.tuples(st.just("clock"), st.sampled_from([0, 0, -DAY_MS, 2 * DAY_MS]), st.just(0)),
    st.tuples(st.just("boot"), st.sampled_from([0, 1, 2]), st.integers(0, 2)),
    st.tuples(st.just("wait"), st.sampled_from([HOUR_MS, DAY_MS]), st.just(0)),
    st.tuples(st.just("send"), st.just(0), st.just(0)),
    st.tuples(st.just("send"), st.just(0), st.just(0)),
)


class Story:
    """A booth with a clock that may be wrong, at an event of three days."""

    def __init__(self, world: World) -> None:
        self.world = world
        window = (MORNING_MS, MORNING_MS + 2 * DAY_MS + 8 * HOUR_MS)
        world.do(change_event, world.event, 1, "見本まつり", *window, world.allotment, tuple(activities()))
        self.booth: Booth = world.booth(total=400, reserve=100)
        self.trust, self.boots = 0, 0

    def do(self, deed: tuple[str, int, int]) -> None:
        name, number, more = deed
        booth, world = self.booth, self.world
        world.now_ms += 60_000
        if name == "visit":
            booth.add(booth.make_grant(number), self.stamp())
        elif name == "help":
            helped = booth.make_grant(number, activity=2, occasion=more, quantity=10, points=100)
            booth.add(helped, self.stamp())
        elif name == "void":
            booth.add(Void(number, "まちがい"), self.stamp())
        elif name == "clock":
            now_ms = self.stamp().monotonic_ms
            booth.add(Clock(world.now_ms + number, now_ms, now_ms + 20), self.stamp())
        elif name == "boot":
            self.boots += 1
            booth.boot = bytes([self.boots % 3]) * 16
            booth.started_ms = world.now_ms
            self.trust = number
            booth.add(booth.opened(world.now_ms + (more - 1) * DAY_MS if number else None), self.stamp())
        elif name == "wait":
            world.now_ms += number
        elif booth.entries:
            booth.send()

    def stamp(self) -> Stamp:
        return self.booth.stamp(trust=self.trust)


def flags(world: World) -> list[tuple[object, ...]]:
    with world.store.reading() as connection:
        found = rows(connection, "SELECT seq, flag FROM flag ORDER BY seq, flag")
        placed = rows(connection, "SELECT seq, occasion, points, allotment FROM placed ORDER BY seq")
    return [tuple(one) for one in (*found, *placed)]


@settings(max_examples=150)
@given(story=st.lists(deeds, min_size=4, max_size=24), fold_every=st.sampled_from([1, 3, 500]))
def test_every_way_of_judging_comes_to_the_same(sqlite_template: Path, story: list[Any], fold_every: int) -> None:
    usual, judging.FOLD_EVERY = judging.FOLD_EVERY, fold_every
    try:
        with tempfile.TemporaryDirectory() as folder, sqlite_store(sqlite_template, Path(folder)) as store:
            world = World(store)
            told = Story(world)
            for deed in story:
                told.do(deed)
            told.do(("send", 0, 0))
            by_batches = (world.picture(), flags(world))

            kiosk, names = told.booth.kiosk, names_of(world)
            store.run(lambda connection: judge_some(world.hub, connection, kiosk, names, cause(world)))
            by_folds = (world.picture(), flags(world))
            store.run(lambda connection: judge_kiosk(world.hub, connection, kiosk, cause(world)))
            from_entry_1 = (world.picture(), flags(world))
            broken = broken_invariants(world)
    finally:
        judging.FOLD_EVERY = usual

    assert by_folds == by_batches
    assert from_entry_1 == by_batches
    assert broken == []


def names_of(world: World) -> set[tuple[int, bytes]]:
    with world.store.reading() as connection:
        return {(one.seq, bytes(one.hash)) for one in rows(connection, "SELECT seq, hash FROM entry")}


def cause(world: World) -> Cause:
    return Cause(world.now_ms)
