"""Opens a journal to write to it: looks whether it is whole, and sets a broken one aside so that its key signs nothing
more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kiosk.chain import Damage
from kiosk.journal import Journal
from kiosk.journal_file import (
    DAMAGED,
    RETIRED,
    SALVAGED,
    JournalDamaged,
    JournalError,
    JournalMissing,
    JournalUnsafe,
    Witness,
    connect_reader,
    connect_writer,
    create,
    is_set_aside,
    number_of,
    set_aside,
    witnessed_head,
)
from kiosk.journal_reader import JournalReader
from kiosk.medium import is_volatile
from kiosk.salvage import Salvaged, salvage
from sync.certificate import kiosk_identity
from sync.codec import WireError
from sync.envelope import SigningKey
from sync.head import Head
from sync.keys import read_key_list

Reader = TypeVar("Reader", bound=JournalReader)


class JournalSetAside(JournalError):  # named for what has happened
    """The journal was broken and now lies beside its place; what could be read was copied. The kiosk must be enrolled
    anew.
    """

    def __init__(self, reason: str, aside: Path, salvaged: Salvaged) -> None:
        super().__init__(f"{reason}: {aside.name}")
        self.reason = reason
        self.aside = aside
        self.salvaged = salvaged


def open_journal(path: Path, *, accept_volatile: bool = False) -> Journal:
    """Open the journal at `path` as its one writer.

    The chain is checked from the last point known to be whole, or from its beginning if the last run was not ended
    properly. Raises JournalMissing, JournalBusy, JournalUnsafe, JournalFailed, and JournalSetAside if the file was not
    what had been written.
    """
    if not path.exists():
        raise JournalMissing(str(path))
    if not accept_volatile and is_volatile(path):
        raise JournalUnsafe("volatile")
    witness = Witness(path)
    try:
        return _open_checked(path, witness)
    except JournalDamaged as damage:
        witness.close()
        if is_set_aside(path):
            raise
        raise _put_out_of_use(path, str(damage)) from damage
    except JournalError:
        witness.close()
        raise


def read_journal(path: Path) -> JournalReader:
    """Open the journal at `path` for questions only. Raises JournalMissing, JournalDamaged."""
    return read_journal_as(path, JournalReader)


def read_journal_as(path: Path, kind: Callable[[sqlite3.Connection], Reader]) -> Reader:
    """Open the journal at `path` as a reader of that kind. Raises JournalMissing, JournalDamaged."""
    connection = connect_reader(path)
    try:
        return kind(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise JournalDamaged(str(error)) from error
    except JournalError:
        connection.close()
        raise


def check_journal(path: Path, reader: JournalReader) -> Damage | None:
    """Check the whole chain in the journal at `path`, and that it reaches as far as the witness beside it remembers."""
    witnessed = witnessed_head(path)  # before the journal: a booth that is running signs on meanwhile
    damage = reader.check()
    if damage is None and witnessed is not None and not _is_behind(witnessed, reader):
        return Damage(witnessed.seq, "missing, an older copy of the journal?")
    return damage


def begin_enrolment(path: Path, invitation: str, address: str, seed: bytes) -> Journal:
    """Return a journal to enrol with: the one begun with the same invitation, else a new one whose key is made from
    `seed`.

    A journal that has been enrolled is never overwritten: it has to be retired first. Raises JournalBusy,
    JournalFailed, JournalSetAside.
    """
    if path.exists():
        journal = open_journal(path, accept_volatile=True)
        if journal.certificate() is not None or journal.invitation == invitation:
            return journal
        journal.close()
        set_aside(path, RETIRED)  # its key never signed an entry, and what the hub invited it to is over
    create(path)
    key = SigningKey(seed)
    connection = connect_writer(path)
    named = {
        "kiosk": kiosk_identity(key.public),
        "public_key": key.public,
        "seed": seed,
        "invitation": invitation.encode(),
        "address": address.encode(),
    }
    connection.execute("begin immediate")
    connection.executemany("insert into kept (name, content) values (?, ?)", list(named.items()))
    connection.execute("commit")
    connection.close()
    return open_journal(path, accept_volatile=True)


def retire(path: Path) -> Path:
    """Set an enrolled journal aside for good, so that the kiosk can be enrolled anew; what has not been sent can still
    be exported.
    """
    journal = open_journal(path, accept_volatile=True)
    journal.stop(RETIRED)
    journal.close()
    aside = set_aside(path, RETIRED)
    if aside is None:
        raise JournalMissing(str(path))
    return aside


def _open_checked(path: Path, witness: Witness) -> Journal:
    if path.stat().st_size == 0:
        raise JournalDamaged("empty")
    connection = connect_writer(path)
    try:
        return _checked(connection, witness, is_set_aside(path))
    except sqlite3.DatabaseError as error:
        connection.close()
        raise JournalDamaged(str(error)) from error
    except JournalMissing as error:
        connection.close()
        raise JournalDamaged("no key") from error
    except JournalError:
        connection.close()
        raise


def _checked(connection: sqlite3.Connection, witness: Witness, aside: bool) -> Journal:  # noqa: FBT001  # private
    journal = Journal(connection, witness)
    if aside:
        journal.take_key_away()
        return journal
    reason = _trouble(journal, witness.head())
    if reason:
        raise JournalDamaged(reason)
    journal.start()
    return journal


def _trouble(journal: Journal, witnessed: Head | None) -> str:
    """Return what is wrong with the journal, or ""."""
    if journal.stopped in {DAMAGED, RETIRED, SALVAGED}:
        return journal.stopped
    lost = _lost_name(journal)
    if lost:
        return lost
    verified = journal.verified()
    unsound = journal.quick_check() if verified is None else ""
    if unsound:
        return unsound
    damage = journal.check(verified)
    if damage is not None:
        return f"entry {damage.seq}: {damage.reason}"
    if witnessed is not None and not _is_behind(witnessed, journal):
        return f"entries are missing up to {witnessed.seq}"
    return ""


def _lost_name(journal: Journal) -> str:
    """Return which of the few things beside the entries is not what was kept, or "". The chain does not cover them."""
    if not journal.has_own_key():
        return "no key"
    if journal.certificate() is None:
        return ""
    try:
        read_key_list(journal.key_list(), journal.root_public_key)
    except WireError:
        return "key list"
    return ""


def _is_behind(witnessed: Head, journal: JournalReader) -> bool:
    own_hash = journal.hash_at(witnessed.seq)
    return witnessed.seq < journal.first_kept_seq() or own_hash == witnessed.hash


def _put_out_of_use(path: Path, reason: str) -> JournalSetAside:
    aside = set_aside(path, DAMAGED)
    if aside is None:
        raise JournalMissing(str(path))
    return JournalSetAside(reason, aside, salvage(aside, path.with_name(f"{path.name}.{SALVAGED}-{number_of(aside)}")))
