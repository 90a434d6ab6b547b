"""One of several hubs on one database, as a process of its own: takes files of batches and tells what became of them.

python -m benchmarks.hub_process KEYS URL NOW_MS     (names of files on standard input, one a line)
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa

from hub.intake.arrival import take_batch
from hub.keys.keyring import load_keyring
from hub.service import Hub
from hub.store.database import Result, Store
from sync.batch import read_batch

DEADLOCK: Final = "40P01"


class Done(msgspec.Struct, frozen=True):
    """What became of a file: its batches and grants, when the first began and the last ended, and how many batches had
    to be done again; deadlocks among the reasons.
    """

    batches: int
    grants: int
    begun: float
    ended: float
    retried: int
    deadlocks: int


class Counting(Store):
    """Counts whole transactions that had to be done again, and deadlocks."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.retried = self.deadlocks = 0
        sa.event.listen(self.engine, "handle_error", self._note)

    def note_state(self, sqlstate: str | None) -> None:
        """Count a deadlock among what the database refuses."""
        self.deadlocks += sqlstate == DEADLOCK

    def run(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Do `work` as a store does, and count where it took more than one go."""
        goes = 0

        def once_more(connection: sa.Connection) -> Result:
            nonlocal goes
            goes += 1
            return work(connection)

        try:
            return super().run(once_more)
        finally:
            self.retried += goes > 1

    def _note(self, context: sa.engine.ExceptionContext) -> None:
        self.note_state(getattr(context.original_exception, "sqlstate", None))


def main(keys: str, url: str, now_ms: str) -> None:
    """Take one file after the other."""
    with closing(Counting(url)) as store:
        hub = Hub(store, load_keyring(Path(keys)), lambda: int(now_ms), os.urandom)
        for line in sys.stdin:
            done = _take_all(hub, store, Path(line.strip()))
            sys.stdout.buffer.write(msgspec.json.encode(done) + b"\n")
            sys.stdout.buffer.flush()


def _take_all(hub: Hub, store: Counting, file: Path) -> Done:
    batches = msgspec.msgpack.decode(file.read_bytes(), type=list[bytes])
    retried, deadlocks = store.retried, store.deadlocks
    begun, entries = time.time(), 0
    for encoded in batches:
        batch = read_batch(encoded)
        take_batch(hub, batch)
        entries += len(batch.entries)
    return Done(len(batches), entries, begun, time.time(), store.retried - retried, store.deadlocks - deadlocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
