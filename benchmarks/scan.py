"""What a scan costs a booth from the decision to the disk, beside what no booth can do without: a signature, its check,
and a commit.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair

from benchmarks.ground import grants, journal_of, keep_all, laid, let_in
from benchmarks.report import Line, Works, at_most, by_turns, microseconds


class Sizes(NamedTuple):
    """How much is measured."""

    rounds: int
    scans: int


FULL, QUICK = Sizes(25, 200), Sizes(2, 5)


def measure(folder: Path, sizes: Sizes) -> list[Line]:
    """Scan one member after the other, on one journal that grows, and after each scan do what no scan can do without.

    One by one, because a booth scans one by one: whatever follows a sync to the disk finds the processor's caches cold.
    """
    with laid(folder, sizes.rounds * sizes.scans, events=1) as ground:
        booth = let_in(ground, "見本", ground.events)
        queue = grants(ground, ground.events[0], ground.members)
        example = booth.sign(queue[0]).encoded
        keys = crypto_sign_seed_keypair(bytes(32))
        with closing(journal_of(ground, booth, folder / "journal.db")) as journal, closing(_bare(folder)) as bare:
            keep_all(ground, journal, [booth.opened])

            def works(number: int) -> Works:
                yield "ours", lambda: keep_all(ground, journal, queue[number : number + 1])
                yield "commit", lambda: limit_commit(bare, example)
                yield "sign", lambda: limit_sign_and_verify(example, *keys)
                if (number + 1) % sizes.scans == 0:
                    yield "warm", lambda: limit_sign_and_verify(example, *keys, sizes.scans)

            took = by_turns(sizes.rounds, works, sizes.scans)
    added = took["ours"].cpu - took["commit"].cpu
    ours, commit, sign, warm = (microseconds(took[name], sizes.scans) for name in ("ours", "commit", "sign", "warm"))
    return [
        Line(
            "encode + sign + verify + check + insert, less the bare commit",
            f"{ours}, less {commit}",
            f"{sign}: sign + verify",
            added / took["sign"].cpu,
            at_most(3),
        ),
        Line(
            "the same against sign + verify in a loop, with warm caches",
            f"{ours}, less {commit}",
            f"{warm}: sign + verify, nothing between",
            added / took["warm"].cpu,
        ),
        Line(
            "one scan, by the wall clock",
            ours,
            f"{commit}: bare WAL/FULL commit",
            took["ours"].wall / took["commit"].wall,
        ),
    ]


def limit_commit(bare: sqlite3.Connection, encoded: bytes) -> None:
    """Insert a row as long as an entry, and nothing else, in a WAL/FULL transaction of its own."""
    bare.execute("begin immediate")
    bare.execute("insert into bare (encoded) values (?)", (encoded,))
    bare.execute("commit")


def limit_sign_and_verify(message: bytes, public_key: bytes, secret_key: bytes, times: int = 1) -> None:
    """Sign a message as long as an entry, and verify the signature."""
    for _ in range(times):
        crypto_sign_open(crypto_sign(message, secret_key), public_key)


def _bare(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("create table bare (seq integer primary key, encoded blob)")
    return connection
