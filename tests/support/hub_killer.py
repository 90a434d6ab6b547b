"""A program for a test: takes one batch into a hub again and again, killed at its first, second, third … statement.

Usage: python hub_killer.py DATABASE_URL BATCH_FILE NOW_MS. Prints how many times it was killed before it came through.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
from pathlib import Path

import sqlalchemy as sa
from hub_world import sample_keyring

from hub.intake.arrival import take_batch
from hub.service import Hub
from hub.store.database import Store
from sync.batch import read_batch


def take_and_die(url: str, batch_file: Path, now_ms: int, statements: int) -> None:
    """Take the batch in, and die before statement number `statements` runs."""
    left = itertools.count(statements, -1)
    store = Store(url)

    def count(*_: object) -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(store.engine, "before_cursor_execute", count)
    sa.event.listen(store.engine, "commit", count)
    hub = Hub(store, sample_keyring(), lambda: now_ms, random.Random(0).randbytes)  # nothing secret here
    take_batch(hub, read_batch(batch_file.read_bytes()))
    store.close()


def main(url: str, batch_file: Path, now_ms: int) -> int:
    """Return how many children were killed before one came through."""
    for statements in itertools.count():
        child = os.fork()
        if child == 0:
            take_and_die(url, batch_file, now_ms, statements)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) == 0:
            return statements
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            raise SystemExit(f"child ended with {status}")
    raise AssertionError


if __name__ == "__main__":
    sys.stdout.write(f"{main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))}\n")
