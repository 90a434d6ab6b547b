"""A booth killed at any moment has every grant it showed on the disk, and the next start goes on with the same chain.

A kill does not lose what the kernel still holds in memory, as a power cut does: that every commit is synced is asserted
where the journal is opened, and was measured over all crash states.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kiosk_booth import enrolled_at, reopened

from kiosk.journal_open import read_journal
from sync.entry import hash_of

ROOT = Path(__file__).parents[2]
SEARCH = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "support")))
KILLS = 25

NURSERY = """
import os, sys
import wire_samples as wire
from kiosk.journal import Kept
from kiosk.journal_open import open_journal
from pathlib import Path

def sign_for_ever(path):
    journal = open_journal(Path(path), accept_volatile=True)
    while True:
        seq = journal.head().seq + 1
        kept = journal.sign_and_keep(wire.grant(seq), wire.stamp(seq), allotment=wire.ALLOTMENT)
        os.write(1, f"OK {kept.seq} {kept.hash.hex()}\\n".encode())

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        sign_for_ever(line.strip())
    os.write(1, f"PID {child}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"DEAD\\n")
"""


@contextmanager
def nursery() -> Iterator[subprocess.Popen[str]]:
    """A process that bears, one after the other, booths that sign until they are killed."""
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SEARCH},
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def shown_until_killed(process: subprocess.Popen[str], path: Path, most: int) -> dict[int, str]:
    """Let a booth sign, kill it after `most` grants were shown, and return all that were shown: {seq: hash}."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{path}\n")
    process.stdin.flush()
    shown: dict[int, str] = {}
    booth = 0
    for line in process.stdout:
        word, *rest = line.split()
        if word == "DEAD":
            break
        if word == "PID":
            booth = int(rest[0])
        else:
            shown[int(rest[0])] = rest[1]
        if booth and len(shown) >= most:
            os.kill(booth, signal.SIGKILL)
            most = sys.maxsize
    return shown


def test_every_grant_shown_is_kept_whenever_the_booth_is_killed(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")
    chance = random.Random(9)
    kept: dict[int, str] = {}
    shown: dict[int, str] = {}

    with nursery() as process:
        for _ in range(KILLS):
            shown |= shown_until_killed(process, path, chance.randrange(12))
            with closing(read_journal(path)) as reader:
                kept = {row.seq: hash_of(row.encoded).hex() for row in reader.rows(1)}
            assert shown.items() <= kept.items()
            assert len(kept) - len(shown) <= KILLS  # at most one was kept unseen at each kill

    with closing(reopened(path)) as journal:
        assert journal.check() is None
        assert journal.head().seq == len(kept)
        assert journal.share_used(3) == 10 * len(kept)
    assert len(shown) > KILLS


def test_a_disk_that_fills_up_shows_nothing_that_is_not_kept(tmp_path: Path) -> None:
    """The limit on file size hits the -wal file in the middle of a commit, as a full card does."""
    path = enrolled_at(tmp_path / "journal.db")
    child = FULL_DISK.format(limit=200_000)

    done = subprocess.run(
        [sys.executable, "-c", child, str(path)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": SEARCH},
    )

    *shown, last = done.stdout.splitlines()
    with closing(reopened(path)) as journal:
        kept = [f"OK {row.seq}" for row in journal.rows(1)]
        assert journal.check() is None
    assert last == "FAILED"
    assert shown == kept
    assert len(kept) > 5


FULL_DISK = """
import resource, signal, sys
import wire_samples as wire
from kiosk.journal_file import JournalFailed
from kiosk.journal_open import open_journal
from pathlib import Path

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = open_journal(Path(sys.argv[1]), accept_volatile=True)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    for person in range(1, 1_000):
        kept = journal.sign_and_keep(wire.grant(person), wire.stamp(person), allotment=wire.ALLOTMENT)
        print("OK", kept.seq, flush=True)
except JournalFailed:
    print("FAILED", flush=True)
journal.abandon()
"""
