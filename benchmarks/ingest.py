"""What the hub does with a batch: its check, its posting, and the whole way to the signed receipt, each beside the
least that any program would have to do for the same bytes and rows.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

import cbor2
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair

from benchmarks.ground import Booth, Ground, crowds, grants, laid, let_in, post_standings, standings
from benchmarks.postgres import postgres_url
from benchmarks.report import Line, Took, Works, at_least, by_turns, rate
from hub.intake.arrival import take_batch
from hub.intake.check import check_batch
from hub.intake.values import Fold
from hub.store.database import rows
from sync.batch import read_batch, write_batch

Rows = list[tuple[Any, ...]]


class Sizes(NamedTuple):
    """How much is measured; three batches make an event."""

    rounds: int
    members: int
    grants: int
    postgres_rounds: int


CHECKS: Final = 5
"""A check is short and changes nothing, so each batch is checked several times."""

FULL, QUICK = Sizes(9, 15_000, 5_000, 3), Sizes(2, 60, 20, 0)


def measure(folder: Path, sizes: Sizes) -> list[Line]:
    """Ingest batches of one booth, and post others' standings, on SQLite; then, for information, on PostgreSQL."""
    with laid(folder / "on-sqlite", sizes.members, events=sizes.rounds) as ground:
        took = _by_turns(ground, folder / "bare.db", sizes, sizes.rounds)
    checked, least_checked = (rate(took[name], CHECKS * sizes.grants) for name in ("check", "limit_check"))
    whole, least_whole = (rate(took[name], sizes.grants) for name in ("whole", "limit_whole"))
    posted, least_posted = (rate(took[name], sizes.grants) for name in ("posting", "limit_posting"))
    return [
        Line(
            "check: batch to entries that may arrive",
            checked,
            f"{least_checked}: cbor2.loads + SHA-256 + one verification",
            took["limit_check"].cpu / took["check"].cpu,
            at_least(0.5),
        ),
        Line(
            "whole: batch to signed receipt, entry bytes kept",
            whole,
            f"{least_whole}: raw executemany of the same rows",
            took["limit_whole"].cpu / took["whole"].cpu,
            at_least(0.13),
        ),
        Line(
            "posting alone: standings to transfers and balances",
            posted,
            f"{least_posted}: raw executemany of the same transfers",
            took["limit_posting"].cpu / took["posting"].cpu,
            at_least(0.18),
        ),
        *_on_postgres(folder, sizes, took),
    ]


def _on_postgres(folder: Path, sizes: Sizes, on_sqlite: dict[str, Took]) -> list[Line]:
    if not sizes.postgres_rounds:
        return []
    with postgres_url(folder) as url:
        if not url:
            return []
        with laid(folder / "on-postgres", sizes.members, sizes.postgres_rounds, url) as ground:
            took = _by_turns(ground, folder / "bare-again.db", sizes, sizes.postgres_rounds)
    return [
        Line(
            f"{name} on PostgreSQL, by the wall clock",
            f"{sizes.grants / took[name].wall:,.0f} /s",
            f"{sizes.grants / on_sqlite[name].wall:,.0f} /s: the same on SQLite",
            on_sqlite[name].wall / took[name].wall,
        )
        for name in ("whole", "posting")
    ]


def _by_turns(ground: Ground, bare_path: Path, sizes: Sizes, rounds: int) -> dict[str, Took]:
    hub, crowd_of = ground.hub, crowds(ground, ground.events, sizes.grants)
    booth, other = (let_in(ground, name, ground.events) for name in ("見本1", "見本2"))
    take_batch(hub, booth.batch([booth.opened]))
    fold = Fold(manifest=other.opened.manifest, newest=other.opened.manifest)
    signed = one_signed()
    with closing(_bare(bare_path)) as bare:

        def works(_number: int) -> Works:
            first_seq = booth.head.seq + 1
            event, crowd = next(crowd_of)
            encoded = write_batch(booth.batch(grants(ground, event, crowd)))
            for _ in range(CHECKS):
                yield "check", lambda: check_batch(booth.key.public, read_batch(encoded))
                yield "limit_check", lambda: limit_check(encoded, *signed)
            yield "whole", lambda: take_batch(hub, read_batch(encoded))
            entries, transfers = _entries(ground, booth, first_seq), _transfers(ground, event, booth, first_seq)
            assert len(entries) == len(transfers) == sizes.grants
            yield "limit_whole", lambda: limit_insert(bare, {"entry": entries, "transfer": transfers})

            first_seq = other.head.seq + 1
            event, crowd = next(crowd_of)
            changes = standings(ground, other, fold, grants(ground, event, crowd))
            yield "posting", lambda: post_standings(ground, other, changes)
            transfers = _transfers(ground, event, other, first_seq)
            assert len(transfers) == sizes.grants
            yield "limit_posting", lambda: limit_insert(bare, {"transfer": transfers})

        return by_turns(rounds, works)


def limit_check(encoded: bytes, signed: bytes, public_key: bytes) -> None:
    """Decode a batch, each envelope in it and each payload, hash each entry, and verify one signature."""
    for entry in cbor2.loads(encoded)[5]:
        envelope = cbor2.loads(entry)
        cbor2.loads(envelope[2])
        hashlib.sha256(entry).digest()
    crypto_sign_open(signed, public_key)


def limit_insert(bare: sqlite3.Connection, tables: dict[str, Rows]) -> None:
    """Insert rows into tables without keys, indexes, types or checks, in one WAL/FULL transaction."""
    bare.execute("begin immediate")
    for table, own_rows in tables.items():
        bare.executemany(f"insert into {table} values ({', '.join('?' * len(own_rows[0]))})", own_rows)  # noqa: S608
    bare.execute("commit")


def _entries(ground: Ground, booth: Booth, first_seq: int) -> Rows:
    with ground.hub.store.reading() as connection:
        found = rows(
            connection,
            "SELECT * FROM entry WHERE kiosk = :kiosk AND seq >= :first_seq",
            kiosk=booth.kiosk,
            first_seq=first_seq,
        )
    return [tuple(one) for one in found]


def _transfers(ground: Ground, event: int, booth: Booth, first_seq: int) -> Rows:
    with ground.hub.store.reading() as connection:
        found = rows(
            connection,
            "SELECT * FROM transfer WHERE event = :event AND kiosk = :kiosk AND seq >= :first_seq",
            event=event,
            kiosk=booth.kiosk,
            first_seq=first_seq,
        )
    return [tuple(one) for one in found]


def one_signed() -> tuple[bytes, bytes]:
    """Return a message as long as an entry with its signature, and the public key."""
    public_key, secret_key = crypto_sign_seed_keypair(bytes(32))
    return crypto_sign(bytes(200), secret_key), public_key


def _bare(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = wal", "synchronous = full", "cache_size = -65536"):
        connection.execute(f"pragma {pragma}")
    connection.execute("create table entry (kiosk, seq, hash, arrived_ms, encoded)")
    connection.execute(
        """
        create table transfer (event, bucket, member, activity, occasion, turn, kiosk, seq, hash, points, owed,
                               allotment, occurred_ms, occurred_from, posted_ms, act)
        """
    )
    return connection
