"""The invariants hold whatever happens: random stories of two booths, and the same entries in any order, repetition or
split.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hub_held import ANY_REASON, held
from hub_invariants import broken_invariants
from hub_stores import sqlite_store
from hub_world import Booth, World
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_samples import MORNING_MS

from hub.acts.decisions import dismiss, release
from hub.acts.journal import accept_hole
from hub.acts.kiosks import top_up, withdraw_kiosk
from hub.acts.refusals import ActRefused
from hub.store.database import Store, rows
from sync.citytime import DAY_MS
from sync.entry import Clock, Void

persons = st.integers(0, 2)
ways = st.sampled_from(["visit", "short help", "long help", "wrong points", "elsewhere", "short help", "long help"])
grants = st.tuples(st.just("grant"), persons, ways)
deeds = st.one_of(
    grants,
    grants,
    grants,
    st.tuples(st.just("void"), st.integers(2, 8), st.just("")),
    st.tuples(st.just("clock"), st.just(0), st.just("")),
    st.tuples(st.just("reboot"), st.just(0), st.just("")),
)
stories = st.lists(deeds, min_size=5, max_size=14)


def do(booth: Booth, deed: tuple[str, int, str]) -> None:
    """Let a booth sign what the deed says."""
    name, number, how = deed
    if name == "grant":
        changes = {
            "visit": {},
            "short help": {"activity": 2, "occasion": 3, "quantity": 30, "points": 100},
            "long help": {"activity": 2, "occasion": 3, "quantity": 130, "points": 300},
            "wrong points": {"points": 51},
            "elsewhere": {"event": 77},
        }[how]
        booth.grant(number, **changes)
    elif name == "void":
        booth.add(Void(number, "まちがい"))
    elif name == "clock":
        now_ms = booth.stamp().monotonic_ms
        booth.add(Clock(booth.world.now_ms, now_ms, now_ms + 15))
    else:
        booth.boot = bytes([booth.boot[0] + 1]) + booth.boot[1:]
        booth.started_ms = booth.world.now_ms
        booth.add(booth.opened())


def chunks(length: int, cuts: list[int]) -> list[tuple[int, int]]:
    """Return runs (first, last) that cover 1 … length, cut at `cuts`."""
    edges = sorted({0, length, *(cut % length for cut in cuts)})
    return [(before + 1, after) for before, after in pairwise(edges)]


@settings(max_examples=60)
@given(
    one_story=stories,
    other_story=stories,
    cuts=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    order=st.randoms(use_true_random=False),
    total=st.sampled_from([100_000, 300]),
)
def test_any_order_repetition_and_split_give_the_same_verdicts_and_balances(
    sqlite_template: Path, one_story: list[Any], other_story: list[Any], cuts: list[int], order: Any, total: int
) -> None:
    def sign(world: World) -> list[Booth]:
        booths = [world.booth("受付1", total=total), world.booth("受付2")]
        for booth, story in zip(booths, (one_story, other_story), strict=True):
            for deed in story:
                do(booth, deed)
        return booths

    with tempfile.TemporaryDirectory() as folder, sqlite_store(sqlite_template, Path(folder)) as first:
        straight = World(first)
        for booth in sign(straight):
            booth.send()
        expected = straight.picture()
        broken = broken_invariants(straight)
    with tempfile.TemporaryDirectory() as folder, sqlite_store(sqlite_template, Path(folder)) as second:
        shuffled = World(second)
        booths = sign(shuffled)
        runs = [(booth, run) for booth in booths if booth.entries for run in chunks(len(booth.entries), cuts)]
        order.shuffle(runs)
        for booth, (first_seq, last_seq) in [*runs, *runs[:2]]:
            booth.send(first_seq=first_seq, last_seq=last_seq)
        found = shuffled.picture()

    assert found == expected
    assert broken == []


deliveries = st.tuples(
    st.sampled_from(
        ["send", "send part", "skip ahead", "again", "clone", "top up", "revoke", "accept", "release", "dismiss"]
    ),
    st.integers(0, 1),
    st.integers(1, 6),
)


def deliver(world: World, booths: list[Booth], delivery: tuple[str, int, int]) -> None:
    """Let something happen between booth and hub; an act that is refused changes nothing, which is part of the test."""
    name, which, number = delivery
    booth = booths[which]
    roads: dict[str, Callable[[], object]] = {
        "send": booth.send,
        "send part": lambda: booth.send(last_seq=booth.cursor_seq + number),
        "skip ahead": lambda: booth.send(first_seq=min(booth.cursor_seq + number + 1, len(booth.entries) + 1)),
        "again": lambda: booth.send(first_seq=1, last_seq=number),
        "clone": lambda: _clone_and_send(booth, number),
        "top up": lambda: world.do(top_up, booth.kiosk, world.allotment, 100),
        "revoke": lambda: world.do(withdraw_kiosk, booth.kiosk) if number == 6 else None,
        "accept": lambda: world.do(accept_hole, booth.kiosk, *_hole(world, booth)),
        "release": lambda: world.do(release, booth.kiosk, held(world, booth)[:number], ANY_REASON),
        "dismiss": lambda: world.do(dismiss, booth.kiosk, held(world, booth)[:number]),
    }
    try:
        roads[name]()
    except ActRefused:
        return


def _clone_and_send(booth: Booth, number: int) -> None:
    if number > 2 or len(booth.entries) < 2:
        return
    clone = booth.clone(after_seq=len(booth.entries) - 1)
    clone.grant(5)
    clone.send()


def _hole(world: World, booth: Booth) -> tuple[int, int]:
    with world.store.reading() as connection:
        stored = {one.seq for one in rows(connection, "SELECT seq FROM entry WHERE kiosk = :kiosk", kiosk=booth.kiosk)}
    missing = [seq for seq in range(1, max(stored, default=0)) if seq not in stored]
    if not missing:
        return 1, 1
    last = missing[0]
    while last + 1 in missing:
        last += 1
    return missing[0], last


steps_taken = st.one_of(deeds.map(lambda deed: ("sign", deed)), deliveries.map(lambda one: ("deliver", one)))


@settings(max_examples=120)
@given(steps=st.lists(steps_taken, max_size=30), whose=st.data())
def test_invariants_hold_through_any_story(sqlite_template: Path, steps: list[Any], whose: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, sqlite_store(sqlite_template, Path(folder)) as store:
        world = World(store)
        booths = [world.booth("受付1", total=250, reserve=50), world.booth("受付2")]

        for kind, step in steps:
            world.now_ms += 60_000
            if kind == "sign":
                do(booths[whose.draw(st.integers(0, 1))], step)
            else:
                deliver(world, booths, step)

        assert broken_invariants(world) == []


def test_everything_a_booth_signed_arrives_once_faults_stop(store: Store) -> None:
    world = World(store)
    booth = world.booth()
    for person in range(6):
        booth.grant(person)
    booth.send(first_seq=5)
    booth.send(last_seq=2)
    booth.send(first_seq=2, last_seq=3)

    while booth.cursor_seq < booth.head.seq:
        booth.send()

    with world.store.reading() as connection:
        stored = {bytes(one.hash) for one in rows(connection, "SELECT hash FROM entry")}
    assert stored == {entry.hash for entry in booth.entries}
    assert broken_invariants(world) == []


@pytest.mark.parametrize("days", [0, 1, 400])
def test_arrival_long_after_the_event_changes_nothing_for_the_participant(store: Store, days: int) -> None:
    world = World(store)
    booth = world.booth()
    booth.grant(0)
    world.now_ms = MORNING_MS + days * DAY_MS

    booth.send()

    assert world.verdicts(booth) == {"posted": (1, 50)}
