"""The file a journal lives in: its tables, how it is opened, its witness beside it, and the name it gets when it is set
aside.

Nothing here signs, and nothing here ever deletes a file.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from sqlite_utils import Database, Migrations

from sync.head import Head

BUSY_SECONDS = 5.0
COMPANIONS = ("-wal", "-shm", "-journal", ".head")
"""What lies beside a journal: SQLite's own three, and the witness."""

DAMAGED, SALVAGED, RETIRED = "damaged", "salvaged", "retired"
_ASIDE = re.compile(rf"\.(?:{DAMAGED}|{SALVAGED}|{RETIRED})-\d+$")

_FULL = 2
"""What `PRAGMA synchronous` answers for FULL: without it a power cut takes acknowledged entries with it."""


class JournalError(Exception):
    """A journal that cannot be used as asked."""


class JournalMissing(JournalError):  # named for what is the matter
    """There is no journal here, or one whose enrolment was never finished."""


class JournalBusy(JournalError):  # named for what is the matter
    """Another program is writing to this journal."""


class JournalUnsafe(JournalError):  # named for what is the matter
    """The journal would not survive a power cut, or SQLite would not promise so."""


class JournalDamaged(JournalError):  # named for what is the matter
    """The file is not what was written. Its key signs nothing more."""


class JournalFailed(JournalError):  # named for what is the matter
    """A write did not succeed (disk full, card broken): nothing was kept, and nothing may be shown as kept."""


migrations = Migrations("kiosk-journal")


@migrations()
def m001_first_tables(database: Database) -> None:
    """`entry` is the truth; `granted`, `drawn`, `voided` and `boot` are what the scan asks of it, kept in the same
    transactions.
    """
    for statement in (
        """create table entry (
            seq integer not null,
            hash blob not null,
            encoded blob not null,
            constraint entry_key primary key (seq),
            constraint entry_seq check (seq > 0),
            constraint entry_hash check (length(hash) = 32)
        )""",
        """create table granted (
            event integer not null,
            activity integer not null,
            member integer not null,
            occasion integer not null,
            seq integer not null,
            points integer not null,
            wall_ms integer not null,
            boot blob not null,
            monotonic_ms integer not null,
            trust integer not null,
            constraint granted_key primary key (event, activity, member, occasion)
        ) without rowid""",
        """create table drawn (
            allotment integer not null,
            grants integer not null,
            points integer not null,
            constraint drawn_key primary key (allotment)
        )""",
        """create table voided (
            seq integer not null,
            points integer not null,
            constraint voided_key primary key (seq)
        )""",
        """create table boot (
            boot blob not null,
            hub_ms integer,
            sent_ms integer,
            received_ms integer,
            confirmed_ms integer,
            confirmed_monotonic_ms integer,
            constraint boot_key primary key (boot)
        ) without rowid""",
        """create table kept (
            name text not null,
            content blob not null,
            constraint kept_key primary key (name)
        ) without rowid""",
    ):
        database.execute(statement)


@migrations()
def m002_every_grant_is_known(database: Database) -> None:
    """`granted` has a row for each grant that was not voided, not only for the last one under each occasion: which
    occasion it was is a clock's word, and a clock may be set between two scans.
    """
    for statement in (
        """create table granted_by_seq (
            event integer not null,
            activity integer not null,
            member integer not null,
            seq integer not null,
            occasion integer not null,
            points integer not null,
            wall_ms integer not null,
            boot blob not null,
            monotonic_ms integer not null,
            trust integer not null,
            constraint granted_key primary key (event, activity, member, seq)
        ) without rowid""",
        """insert into granted_by_seq
            (event, activity, member, seq, occasion, points, wall_ms, boot, monotonic_ms, trust)
            select event, activity, member, seq, occasion, points, wall_ms, boot, monotonic_ms, trust from granted""",
        "drop table granted",
        "alter table granted_by_seq rename to granted",
    ):
        database.execute(statement)


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open the one writing connection: WAL, synchronous=FULL, both looked at, tables up to date. It owns the
    checkpoints.

    Raises JournalDamaged, JournalUnsafe, JournalBusy. The file must be there; it is never made by opening it.
    """
    connection = _connect(path, "rw")
    try:
        _set_durable(connection)
        migrations.apply(Database(connection, execute_plugins=False))
    except sqlite3.OperationalError as error:
        connection.close()
        raise _judged(error) from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise JournalDamaged(str(error)) from error
    except JournalError:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that only reads, beside a writer or without one. Raises JournalMissing."""
    if not path.exists():
        raise JournalMissing(str(path))
    return _connect(path, "ro")


def create(path: Path) -> None:
    """Make an empty journal at `path`, whole or not at all; what lies in the way of it is set aside first."""
    set_aside(path, DAMAGED)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # the file will hold the kiosk's key
    connect_writer(beside).close()
    beside.replace(path)
    _sync_folder(path.parent)


def set_aside(path: Path, word: str) -> Path | None:
    """Rename the journal at `path`, and what lies beside it, to `NAME.word-N`; return the new path, or None if nothing
    was there.
    """
    names = ("", *COMPANIONS)
    if not any(path.with_name(path.name + name).exists() for name in names):
        return None
    number = max(_numbers_aside(path), default=0) + 1
    target = path.with_name(f"{path.name}.{word}-{number}")
    for name in names:  # the file with the key goes first: once it has gone, nothing can sign with it
        beside = path.with_name(path.name + name)
        if beside.exists():
            beside.rename(target.with_name(target.name + name))
    _sync_folder(path.parent)
    return target


def number_of(aside: Path) -> int:
    """Return the number in the name of a journal that was set aside."""
    return int(aside.name.rpartition("-")[2])


def is_set_aside(path: Path) -> bool:
    """Tell by its name whether a journal was set aside: it is read and sent, and signs nothing."""
    return _ASIDE.search(path.name) is not None


class Witness:
    """A small file beside the journal that remembers its head, and whose lock makes sure of one writer.

    It is written after each commit and never synced: it may be behind the journal, but never ahead of it. If it is
    ahead, the journal has lost entries, as by a deleted or broken -wal file, which SQLite itself passes over in
    silence.
    """

    def __init__(self, path: Path) -> None:
        """Open and lock it. Raises JournalBusy."""
        beside = path.with_name(path.name + ".head")
        self._file = os.fdopen(os.open(beside, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise JournalBusy(str(path)) from error

    def head(self) -> Head | None:
        """Return the head it remembers, None if it is new or was cut short."""
        return read_witness(os.pread(self._file.fileno(), _WITNESS_LENGTH + 1, 0))

    def note(self, head: Head) -> None:
        """Remember `head`. Where that fails the witness stays behind, which is no untruth."""
        with suppress(OSError):
            os.pwrite(self._file.fileno(), head.seq.to_bytes(8, "big") + head.hash, 0)

    def close(self) -> None:
        """Let go of the lock."""
        self._file.close()


_WITNESS_LENGTH = 40


def read_witness(content: bytes) -> Head | None:
    """Return the head in a witness file's bytes, if they are whole."""
    return Head(int.from_bytes(content[:8], "big"), content[8:]) if len(content) == _WITNESS_LENGTH else None


def witnessed_head(path: Path) -> Head | None:
    """Return the head the witness of the journal at `path` remembers, without its lock; None where there is none."""
    try:
        return read_witness(path.with_name(path.name + ".head").read_bytes())
    except FileNotFoundError:
        return None


def _numbers_aside(path: Path) -> list[int]:
    """The numbers under which something of this journal was set aside before, whatever for."""
    name = re.compile(rf"{re.escape(path.name)}\.(?:{DAMAGED}|{SALVAGED}|{RETIRED})-(\d+)")
    return [int(match[1]) for other in path.parent.iterdir() if (match := name.match(other.name))]


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _set_durable(connection: sqlite3.Connection) -> None:
    """Measured over all crash states of 20 inserts: WAL with FULL loses nothing, with NORMAL nearly every state loses
    acknowledged rows.
    """
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("pragma trusted_schema=off")
    assert_durable(connection)


def assert_durable(connection: sqlite3.Connection) -> None:
    """Raise JournalUnsafe unless SQLite says that it works in WAL mode and syncs every commit."""
    mode = connection.execute("pragma journal_mode").fetchone()[0]
    synchronous = connection.execute("pragma synchronous").fetchone()[0]
    if mode != "wal" or synchronous != _FULL:
        raise JournalUnsafe(f"journal_mode={mode} synchronous={synchronous}")


def _judged(error: sqlite3.OperationalError) -> JournalError:
    if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return JournalBusy(str(error))
    if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}:
        return JournalFailed(str(error))
    return JournalDamaged(str(error))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
