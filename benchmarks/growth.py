"""Whether a hub that holds millions of transfers still posts as fast as one that holds a few, and what it writes for
each grant.

The ledgers are filled by the hub's own posting, event by event; only the bytes of the entries are random instead of
signed. What is measured then are real batches.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import click

from benchmarks.ground import (
    NOW_MS,
    Booth,
    Ground,
    crowds,
    eligible,
    grants,
    laid,
    let_in,
    post_standings,
    standings,
)
from benchmarks.report import Line, Works, at_least, at_most, by_turns, rate
from hub.intake.arrival import take_batch
from hub.intake.values import Fold
from hub.ledger.inbox import write_entries
from hub.ledger.posting import Change, post
from hub.service import Hub
from hub.store.database import row
from sync.batch import read_batch, write_batch
from sync.entry import Grant

ENTRY_LENGTH: Final = 198
"""Bytes of a grant's entry; the fill writes as many."""
DISK_BYTES: Final = 1_200
"""Room asked for per transfer while a ledger is filled: both rows, pages not quite full, and the WAL."""


class Sizes(NamedTuple):
    """How much is measured: two ledgers, and batches into both."""

    rounds: int
    members: int
    few: int
    many: int
    batch: int


FULL, QUICK = Sizes(6, 15_000, 10_000, 5_000_000, 5_000), Sizes(3, 60, 40, 400, 20)


class Ledger(NamedTuple):
    """A filled hub, the booths that go on, and who comes to them next: events that nobody has been to yet."""

    ground: Ground
    wal: Path
    sender: Booth
    poster: Booth
    fold: Fold
    to_send: Iterator[tuple[int, list[int]]]
    to_post: Iterator[tuple[int, list[int]]]


def measure(folder: Path, sizes: Sizes) -> list[Line]:
    """Fill two ledgers; post the same kind of standings, and send the same kind of batches, to both by turns."""
    if shutil.disk_usage(folder).free < sizes.many * DISK_BYTES:
        raise click.ClickException(f"{folder} has no room for a ledger of {sizes.many:,} transfers")
    wal_bytes: dict[str, int] = {"few": 0, "many": 0}
    with ExitStack() as stack:
        ledgers = {
            "few": stack.enter_context(_filled(folder / "few", sizes, sizes.few)),
            "many": stack.enter_context(_filled(folder / "many", sizes, sizes.many)),
        }

        def works(_number: int) -> Works:
            for name, ledger in ledgers.items():
                changes = standings(ledger.ground, ledger.poster, ledger.fold, _next_grants(ledger, ledger.to_post))
                yield f"posting {name}", partial(post_standings, ledger.ground, ledger.poster, changes)
            for name, ledger in ledgers.items():
                encoded = write_batch(ledger.sender.batch(_next_grants(ledger, ledger.to_send)))
                empty_wal(ledger.ground.hub)
                yield f"whole {name}", partial(_send, ledger, encoded)
                wal_bytes[name] += ledger.wal.stat().st_size

        took = by_turns(sizes.rounds, works)
        per_grant = {name: total / sizes.rounds / sizes.batch for name, total in wal_bytes.items()}
    return [
        Line(
            f"posting at {sizes.many:,} transfers, against the same at {sizes.few:,}",
            rate(took["posting many"], sizes.batch),
            f"{rate(took['posting few'], sizes.batch)}: at {sizes.few:,}",
            took["posting few"].cpu / took["posting many"].cpu,
            at_least(0.8),
        ),
        Line(
            f"whole batches at {sizes.many:,} transfers, against the same at {sizes.few:,}",
            rate(took["whole many"], sizes.batch),
            f"{rate(took['whole few'], sizes.batch)}: at {sizes.few:,}",
            took["whole few"].cpu / took["whole many"].cpu,
        ),
        Line(
            f"WAL bytes a grant at {sizes.many:,} transfers: batch {sizes.batch:,}, {sizes.members:,} members",
            f"{per_grant['many']:,.0f} bytes, the entry's {ENTRY_LENGTH} among them",
            f"{per_grant['few']:,.0f} bytes: at {sizes.few:,}",
            per_grant["many"],
            at_most(600),
        ),
    ]


def _next_grants(ledger: Ledger, queue: Iterator[tuple[int, list[int]]]) -> list[Grant]:
    event, members = next(queue)
    return grants(ledger.ground, event, members)


def _send(ledger: Ledger, encoded: bytes) -> None:
    take_batch(ledger.ground.hub, read_batch(encoded))


@contextmanager
def _filled(folder: Path, sizes: Sizes, transfers: int) -> Iterator[Ledger]:
    """Found a hub, fill its ledger with so many transfers, and let two more booths in for events of their own."""
    full = -(-transfers // sizes.members)
    fresh = -(-sizes.rounds * sizes.batch // sizes.members)
    with laid(folder, sizes.members, full + 2 * fresh) as ground:
        began = time.perf_counter()
        for number, event in enumerate(ground.events[:full]):
            _fill_event(ground, event, min(sizes.members, transfers - number * sizes.members))
        click.echo(f"filled {transfers:,} transfers in {time.perf_counter() - began:.0f} s", err=True)
        to_send, to_post = ground.events[full : full + fresh], ground.events[full + fresh :]
        sender, poster = let_in(ground, "見本1", to_send), let_in(ground, "見本2", to_post)
        take_batch(ground.hub, sender.batch([sender.opened]))
        assert _count(ground) == transfers
        yield Ledger(
            ground,
            folder / "hub.db-wal",
            sender,
            poster,
            Fold(manifest=poster.opened.manifest, newest=poster.opened.manifest),
            crowds(ground, to_send, sizes.batch),
            crowds(ground, to_post, sizes.batch),
        )


def _fill_event(ground: Ground, event: int, count: int) -> None:
    """Let so many members be at an event: its booth's entries, with random bytes, and their postings."""
    booth, randbytes = let_in(ground, f"見本{event}", (event,)), ground.chance.randbytes
    people = enumerate(grants(ground, event, ground.chance.sample(ground.members, count)), 1)
    judged = [eligible(ground, seq, randbytes(32), one) for seq, one in people]
    with ground.hub.store.transaction() as connection:
        write_entries(connection, [(booth.kiosk, one.seq, one.hash, NOW_MS, randbytes(ENTRY_LENGTH)) for one in judged])
        post(connection, booth.kiosk, [Change(None, one) for one in judged], NOW_MS)


def empty_wal(hub: Hub) -> None:
    """Bring the WAL into the database and cut it to nothing, so that its length tells what the next batch writes."""
    with closing(hub.store.engine.raw_connection()) as connection:
        connection.execute("pragma wal_checkpoint(truncate)").fetchone()


def _count(ground: Ground) -> int:
    with ground.hub.store.reading() as connection:
        return int(row(connection, "SELECT count(*) AS transfers FROM transfer").transfers)
