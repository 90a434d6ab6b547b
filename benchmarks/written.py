"""How many bytes a grant writes when booths send batches of the usual size, beside bare rows under the same keys.

Rows lie by event, then by member, so that a batch touches the more pages the more people have been at its event. The
city's shape is read as a hub of 1,000,000 entries at 334 events: 3,000 grants an event. What an event with everybody
writes is told beside it; it has no goal, because bare rows are beyond it too.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.ground import NOW_MS, OCCASION, POINTS, Booth, Ground, grants
from benchmarks.growth import ENTRY_LENGTH, empty_wal
from benchmarks.report import Line, at_most
from hub.intake.arrival import take_batch
from sync.batch import read_batch, write_batch
from sync.member import bucket_of


class Sizes(NamedTuple):
    """How much is sent in batches of so many: to events that not everybody comes to, then to one with everybody."""

    events: int
    at_event: int
    batch: int


FULL: Final = Sizes(events=5, at_event=3_000, batch=500)
QUICK: Final = Sizes(events=1, at_event=20, batch=10)


def measure(folder: Path, ground: Ground, booth: Booth, events: tuple[int, ...], sizes: Sizes) -> list[Line]:
    """Send whole events to a hub and insert bare rows for the same crowds, and tell how long the WAL is after each
    batch. Of `events`, which nobody has been to, the last is the one with everybody.
    """
    *some, last = events
    usual = [(event, ground.chance.sample(ground.members, sizes.at_event)) for event in some]
    everybody = [(last, ground.chance.sample(ground.members, len(ground.members)))]
    with closing(_bare(folder / "bare.db", ground.members)) as bare:
        found = [
            (_sent(folder, ground, booth, crowds, sizes.batch), _inserted(folder, bare, crowds, sizes.batch))
            for crowds in (usual, everybody)
        ]
    names = (f"{sizes.at_event:,} at each event", f"all {len(ground.members):,} at one event")
    goals = (at_most(1_600), None)
    return [
        Line(
            f"WAL bytes a grant: batches of {sizes.batch}, {name}",
            f"{ours:,.0f} bytes, the entry's {ENTRY_LENGTH} among them",
            f"{limit:,.0f} bytes: bare rows and balances under the same keys",
            ours,
            goal,
        )
        for name, goal, (ours, limit) in zip(names, goals, found, strict=True)
    ]


def _sent(folder: Path, ground: Ground, booth: Booth, crowds: list[tuple[int, list[int]]], batch: int) -> float:
    """Return how many bytes the hub writes for each grant."""

    def take(event: int, people: list[int]) -> None:
        encoded = write_batch(booth.batch(grants(ground, event, people)))
        empty_wal(ground.hub)
        take_batch(ground.hub, read_batch(encoded))

    return _bytes_a_grant(folder / "hub.db-wal", crowds, batch, take)


def _inserted(folder: Path, bare: sqlite3.Connection, crowds: list[tuple[int, list[int]]], batch: int) -> float:
    """Return how many bytes bare rows write for each grant."""
    numbers, chance = count(1), random.Random(len(crowds))

    def take(event: int, people: list[int]) -> None:
        bare.execute("pragma wal_checkpoint(truncate)").fetchone()
        limit_rows(bare, event, people, numbers, chance)

    return _bytes_a_grant(folder / "bare.db-wal", crowds, batch, take)


def _bytes_a_grant(
    wal: Path, crowds: list[tuple[int, list[int]]], batch: int, take: Callable[[int, list[int]], None]
) -> float:
    written = sent = 0
    for event, people in crowds:
        for start in range(0, len(people) - batch + 1, batch):
            take(event, people[start : start + batch])
            written, sent = written + wal.stat().st_size, sent + batch
    return written / sent


def limit_rows(
    bare: sqlite3.Connection, event: int, people: list[int], numbers: Iterator[int], chance: random.Random
) -> None:
    """Insert as many entries and transfers as there are people, in the order of their keys, and add to their balances,
    in one transaction; and nothing else.
    """
    kiosk = event.to_bytes(8, "big")
    named = [(bucket_of(member), member, next(numbers), chance.randbytes(32)) for member in people]
    entries = [(kiosk, seq, name, NOW_MS, chance.randbytes(ENTRY_LENGTH)) for _, _, seq, name in named]
    transfers = [
        (event, bucket, member, 1, OCCASION, 0, kiosk, seq, name, POINTS, 0, 1, NOW_MS, 2, NOW_MS, None)
        for bucket, member, seq, name in sorted(named)
    ]
    bare.execute("begin immediate")
    bare.executemany("insert into entry values (?, ?, ?, ?, ?)", entries)
    bare.executemany(f"insert into transfer values ({', '.join('?' * 16)})", transfers)  # noqa: S608  # marks only
    bare.executemany(
        "update member_balance set held = held + ? where bucket = ? and member = ?",
        [(POINTS, bucket, member) for bucket, member, _, _ in sorted(named)],
    )
    bare.execute("commit")


def _bare(path: Path, members: tuple[int, ...]) -> sqlite3.Connection:
    """Make tables with the ledger's columns and keys, and a balance for each member."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = wal", "synchronous = full", "cache_size = -65536"):
        connection.execute(f"pragma {pragma}")
    for table, columns, key in _TABLES:
        connection.execute(f"create table {table} ({columns}, primary key ({key})) without rowid")
    connection.execute("begin")
    balances = sorted((bucket_of(member), member, 10_000, 0) for member in members)
    connection.executemany("insert into member_balance values (?, ?, ?, ?)", balances)
    connection.execute("commit")
    return connection


_TRANSFER_KEY = "event, bucket, member, activity, occasion, turn"
_TABLES = (
    ("entry", "kiosk, seq, hash, arrived_ms, encoded", "kiosk, seq, hash"),
    (
        "transfer",
        f"{_TRANSFER_KEY}, kiosk, seq, hash, points, owed, allotment, occurred_ms, occurred_from, posted_ms, act",
        _TRANSFER_KEY,
    ),
    ("member_balance", "bucket, member, held, owed", "bucket, member"),
)
