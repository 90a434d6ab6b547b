"""A booth's whole journal on its way to a hub over HTTP, until every entry has its signed receipt, beside a hub that
takes in the same entries with no network between; and the same once more, which must change nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from waitress import wasyncore
from waitress.server import create_server

from benchmarks.ground import Booth, grants, journal_of, keep_all, laid, let_in
from benchmarks.report import Line, Works, at_least, at_most, by_turns, rate
from config.clock import SystemClock
from hub.app import create_app
from hub.desk.base.gate import Gate
from hub.intake.arrival import take_batch
from hub.service import Hub
from hub.serving import THREADS
from hub.store.database import rows
from kiosk.journal import Journal
from kiosk.journal_open import open_journal
from sync.batch import LENGTH_LIMIT, Batch, read_batch, write_batch
from sync.engine import Uplink, exchange, waiting
from sync.head import QUESTION_LENGTH
from sync.http import Carrier, HttpTransport


class Sizes(NamedTuple):
    """How much is measured; `big_batch` is how many entries the ingest benchmark puts into a batch."""

    rounds: int
    entries: int
    big_batch: int


FULL, QUICK = Sizes(5, 10_000, 5_000), Sizes(2, 40, 20)


class Recorder(HttpTransport):
    """The line to the hub, which remembers the batches that went over it."""

    def __init__(self, address: str, carrier: Carrier) -> None:
        super().__init__(address, carrier)
        self.batches: list[bytes] = []

    def post_batch(self, encoded: bytes) -> bytes:
        """Send a batch, and remember it."""
        self.batches.append(encoded)
        return super().post_batch(encoded)


def measure(folder: Path, sizes: Sizes) -> list[Line]:
    """Fill one journal; in each round drain a copy of it into a new hub, twice, and feed its batches to two others."""
    with laid(folder / "first", sizes.entries, events=1) as ground:
        booth = let_in(ground, "見本", ground.events)
        with closing(journal_of(ground, booth, folder / "journal.db")) as journal:
            keep_all(ground, journal, [booth.opened, *grants(ground, ground.events[0], ground.members[1:])])
            big_batches = list(_cut(journal, booth, sizes.big_batch))
    changed: list[int] = []

    def works(number: int) -> Works:
        with ExitStack() as stack:
            twins = [folder / f"{number}-{name}" for name in ("drained", "fed", "fed-big")]
            drained, fed, fed_big = (stack.enter_context(_twin(twin, sizes, booth)) for twin in twins)
            journal = stack.enter_context(closing(_copied(folder / "journal.db", folder / f"journal-{number}.db")))
            line = stack.enter_context(closing(Recorder(stack.enter_context(served(drained)), journal)))
            yield "http", lambda: drain(journal, line)
            batches = list(line.batches)
            yield "in process", lambda: limit_feed(fed, batches)
            yield "in big batches", lambda: limit_feed(fed_big, big_batches)
            assert contents(drained) == contents(fed) == contents(fed_big)
            before = digests(drained)
            yield "again", lambda: send_again(journal, line, batches)
            after = digests(drained)
            changed.append(sum(after[table] != before[table] for table in before))

    took = by_turns(sizes.rounds, works)
    count = sizes.entries
    return [
        Line(
            f"drain of {count:,} entries over HTTP to signed receipts",
            rate(took["http"], count),
            f"{rate(took['in big batches'], count)}: in process, in batches of {sizes.big_batch:,}",
            took["in big batches"].cpu / took["http"].cpu,
            at_least(0.6),
        ),
        Line(
            "the same beside the very same batches",
            rate(took["http"], count),
            f"{rate(took['in process'], count)}: in process",
            took["in process"].cpu / took["http"].cpu,
        ),
        Line(
            "tables changed when the same is sent again",
            f"{rate(took['again'], count)} again",
            "rows and digests; receipt numbers and times of contact aside",
            max(changed),
            at_most(0),
        ),
    ]


def drain(journal: Journal, line: Recorder) -> None:
    """Send everything, batch by batch, as the uplink does while entries arrive."""
    clock = SystemClock()
    while waiting(journal):
        done = exchange(journal, line, clock.monotonic_ms, secrets.token_bytes(QUESTION_LENGTH))
        assert not done.trouble, done.trouble


def send_again(journal: Journal, line: Recorder, batches: list[bytes]) -> None:
    """Send each batch once more, and then drain a journal that has forgotten every receipt."""
    for encoded in batches:
        line.post_batch(encoded)
    journal.keep_uplink(Uplink(), None)
    drain(journal, line)


def limit_feed(hub: Hub, batches: list[bytes]) -> None:
    """Let a hub take in the same batches, with no HTTP, no network and no journal in between."""
    for encoded in batches:
        take_batch(hub, read_batch(encoded))


def contents(hub: Hub) -> list[tuple[int, str]]:
    """Return (rows, SHA-256) of entries and transfers, without the moments of their arrival: no two batches of a booth
    arrive in one, so that larger ones arrive at others.
    """
    with hub.store.reading() as connection:
        return [_digest(connection, columns, table) for table, columns in _CONTENTS.items()]


def digests(hub: Hub) -> dict[str, tuple[int, str]]:
    """Return {table: (rows, SHA-256 of them all)}; what every contact changes is left out."""
    with hub.store.reading() as connection:
        tables = [one.name for one in rows(connection, "SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: _digest(connection, _COLUMNS.get(table, "*"), table) for table in tables}


_CONTENTS = {
    "entry": "kiosk, seq, hash, encoded",
    "transfer": "event, member, activity, occasion, turn, kiosk, seq, hash, points, owed, allotment, occurred_ms",
}
_COLUMNS = {"kiosk_progress": "kiosk, head_seq, cursor_seq, cursor_hash, is_plain, beyond, fold"}


def _digest(connection: sa.Connection, columns: str, table: str) -> tuple[int, str]:
    found = rows(connection, f"SELECT {columns} FROM {table}")  # noqa: S608  # names out of the schema, in key order
    return len(found), hashlib.sha256(repr([tuple(one) for one in found]).encode()).hexdigest()


@contextmanager
def served(hub: Hub, gate: Gate | None = None) -> Iterator[str]:
    """Serve a hub as `hub serve` does, in a thread: so one process's CPU time holds both sides. Yield its address."""
    server: Any = create_server(
        create_app(hub, gate), listen="127.0.0.1:0", threads=THREADS, max_request_body_size=LENGTH_LIMIT, ident=None
    )
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            wasyncore.loop(timeout=0.1, map=server._map, count=1)  # noqa: SLF001  # its own run() ends by a signal only

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        over.set()
        thread.join()
        server.task_dispatcher.shutdown()
        server.close()
        wasyncore.close_all(server._map)  # noqa: SLF001  # as above


@contextmanager
def _twin(folder: Path, sizes: Sizes, booth: Booth) -> Iterator[Hub]:
    """Found the same hub again, with the same keys and members, and let the same booth in."""
    with laid(folder, sizes.entries, events=1) as ground:
        assert let_in(ground, "見本", ground.events).key.seed == booth.key.seed
        yield ground.hub


def _cut(journal: Journal, booth: Booth, size: int) -> Iterator[bytes]:
    for first_seq in range(1, journal.head().seq + 1, size):
        entries = journal.entries_from(first_seq, size, LENGTH_LIMIT)
        yield write_batch(
            Batch(booth.kiosk, journal.sign_head(None), first_seq, None, tuple(entries), booth.certificate)
        )


def _copied(source: Path, target: Path) -> Journal:
    shutil.copy(source, target)
    return open_journal(target, accept_volatile=True)
