"""A journal that is not what was written is set aside and salvaged, and never signs again."""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from pathlib import Path

import pytest
import wire_samples as wire
from kiosk_booth import SmallHub, enrolled, enrolled_at, kill, reopened
from wire_fakes import a_question

from kiosk.journal import Kept, NotKept
from kiosk.journal_file import DAMAGED, connect_writer, set_aside
from kiosk.journal_open import JournalSetAside, begin_enrolment, open_journal, read_journal, retire
from kiosk.salvage import salvage
from sync.engine import exchange
from sync.entry import hash_of
from sync.head import Head

ENTRIES = 40


def filled(path: Path, entries: int = ENTRIES) -> list[bytes]:
    """Leave a journal at `path` as a power cut does, and return its entries."""
    journal = enrolled(path)
    for person in range(1, entries + 1):
        journal.sign_and_keep(wire.grant(person), wire.stamp(person), allotment=wire.ALLOTMENT)
    signed = journal.entries_from(1, entries, 1_000_000)
    kill(journal)
    return signed


def opening(path: Path) -> JournalSetAside:
    """Open a journal that must be refused, and return the refusal."""
    with pytest.raises(JournalSetAside) as refusal:
        reopened(path)
    assert not path.exists()
    return refusal.value


def entries_in(path: Path) -> list[bytes]:
    with closing(read_journal(path)) as reader:
        return [row.encoded for row in reader.rows(1)]


def seeds_in(path: Path) -> int:
    return path.read_bytes().count(wire.KIOSK_KEY.seed)


def test_a_flipped_bit_in_an_entry_is_found_and_the_rest_is_saved(tmp_path: Path) -> None:
    signed = filled(tmp_path / "journal.db")
    content = bytearray((tmp_path / "journal.db").read_bytes())
    content[content.index(signed[20]) + 100] ^= 0x04
    (tmp_path / "journal.db").write_bytes(content)

    refusal = opening(tmp_path / "journal.db")

    assert refusal.reason == "entry 21: changed"
    assert refusal.salvaged.holes == ((21, 21),)
    assert entries_in(refusal.salvaged.path) == signed[:20] + signed[21:]
    assert refusal.aside.read_bytes() == content


def test_no_flipped_bit_goes_unseen(tmp_path: Path) -> None:
    signed = filled(tmp_path / "healthy.db")
    healthy = (tmp_path / "healthy.db").read_bytes()
    chance = random.Random(2_026)
    found = 0

    for attempt in range(60):
        path = tmp_path / f"{attempt}.db"
        content = bytearray(healthy)
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        shutil.copy(tmp_path / "healthy.db.head", tmp_path / f"{attempt}.db.head")
        read, refused = what_is_read(path)
        if refused:
            assert set(read) <= set(signed)
        else:
            assert read == signed
        found += refused

    assert 10 < found < 60


def what_is_read(path: Path) -> tuple[list[bytes], bool]:
    """Return the entries a start finds, or those it saves where it refuses the journal."""
    try:
        journal = reopened(path)
    except JournalSetAside as refusal:
        return (entries_in(refusal.salvaged.path) if refusal.salvaged.entries else []), True
    with closing(journal):
        return journal.entries_from(1, ENTRIES, 1_000_000), False


def test_a_trashed_page_costs_only_the_entries_on_it(tmp_path: Path) -> None:
    signed = filled(tmp_path / "journal.db", entries=300)
    content = bytearray((tmp_path / "journal.db").read_bytes())
    page = content.index(signed[150]) // 4096
    content[page * 4096 : (page + 1) * 4096] = bytes(4096)
    (tmp_path / "journal.db").write_bytes(content)

    refusal = opening(tmp_path / "journal.db")

    saved = entries_in(refusal.salvaged.path)
    assert 270 < len(saved) < 300
    assert set(saved) < set(signed)
    assert signed[150] not in saved


def test_an_empty_file_is_set_aside(tmp_path: Path) -> None:
    filled(tmp_path / "journal.db")
    (tmp_path / "journal.db").write_bytes(b"")

    refusal = opening(tmp_path / "journal.db")

    assert refusal.reason == "empty"
    assert refusal.salvaged.entries == 0


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"no database" * 1_000)

    refusal = opening(tmp_path / "journal.db")

    assert refusal.aside.read_bytes() == b"no database" * 1_000


def test_a_journal_without_its_key_is_set_aside_and_its_entries_are_saved(tmp_path: Path) -> None:
    signed = filled(tmp_path / "journal.db")
    with closing(connect_writer(tmp_path / "journal.db")) as connection:
        connection.execute("delete from kept where name = 'seed'")

    refusal = opening(tmp_path / "journal.db")

    assert refusal.reason == "no key"
    assert entries_in(refusal.salvaged.path) == signed


def test_a_journal_that_lost_its_wal_is_set_aside(tmp_path: Path) -> None:
    """SQLite opens such a file without a word: it is merely older. The witness beside it knows better."""
    journal = enrolled(tmp_path / "live.db")
    for person in range(1, 4):
        journal.sign_and_keep(wire.grant(person), wire.stamp(person))
    for name in ("", ".head"):  # as a power cut leaves it, and then the -wal is gone
        shutil.copy(tmp_path / f"live.db{name}", tmp_path / f"journal.db{name}")
    journal.close()

    refusal = opening(tmp_path / "journal.db")

    assert refusal.reason in {"entries are missing up to 3", "no key"}


def test_a_wal_with_a_broken_end_is_noticed(tmp_path: Path) -> None:
    """SQLite stops reading a -wal at the first frame whose checksum is wrong, and forgets the rest in silence."""
    journal = enrolled(tmp_path / "live.db")
    journal._connection.execute("pragma wal_checkpoint(truncate)")
    for person in range(1, 6):
        journal.sign_and_keep(wire.grant(person), wire.stamp(person))
    for name in ("", ".head", "-wal"):
        shutil.copy(tmp_path / f"live.db{name}", tmp_path / f"journal.db{name}")
    journal.close()
    wal = bytearray((tmp_path / "journal.db-wal").read_bytes())
    wal[-2_000] ^= 1
    (tmp_path / "journal.db-wal").write_bytes(wal)

    refusal = opening(tmp_path / "journal.db")

    assert refusal.reason == "entries are missing up to 5"
    assert refusal.salvaged.entries == 4


def test_an_older_copy_put_back_in_place_is_noticed(tmp_path: Path) -> None:
    journal = enrolled(tmp_path / "journal.db")
    journal.sign_and_keep(wire.grant(1), wire.stamp(1))
    journal.close()
    older = (tmp_path / "journal.db").read_bytes()
    with closing(reopened(tmp_path / "journal.db")) as journal:
        journal.sign_and_keep(wire.grant(2), wire.stamp(2))
    (tmp_path / "journal.db").write_bytes(older)

    refusal = opening(tmp_path / "journal.db")

    assert refusal.reason == "entries are missing up to 2"


@pytest.mark.parametrize("word", ["damaged", "salvaged"])
def test_what_was_set_aside_never_signs_again(tmp_path: Path, word: str) -> None:
    signed = filled(tmp_path / "journal.db")
    content = bytearray((tmp_path / "journal.db").read_bytes())
    content[content.index(signed[20]) + 100] ^= 0x04
    (tmp_path / "journal.db").write_bytes(content)
    opening(tmp_path / "journal.db")

    with closing(open_journal(tmp_path / f"journal.db.{word}-1", accept_volatile=True)) as journal:
        refused = journal.sign_and_keep(wire.grant(500), wire.stamp())

    assert isinstance(refused, NotKept)


def test_a_salvaged_journal_holds_no_key_and_is_sent_past_its_hole(tmp_path: Path) -> None:
    signed = filled(tmp_path / "journal.db")
    content = bytearray((tmp_path / "journal.db").read_bytes())
    content[content.index(signed[20]) + 100] ^= 0x04
    (tmp_path / "journal.db").write_bytes(content)
    refusal = opening(tmp_path / "journal.db")
    hub = SmallHub()

    with closing(open_journal(refusal.salvaged.path, accept_volatile=True)) as journal:
        first = exchange(journal, hub, lambda: 0, a_question())
        hub.changes = {"cursor": Head(20, hash_of(signed[19])), "beyond": ((22, ENTRIES),)}
        second = exchange(journal, hub, lambda: 0, a_question())

    assert seeds_in(refusal.salvaged.path) == 0
    assert seeds_in(refusal.aside) == 1
    assert (first.sent, second.sent) == (20, ENTRIES - 21)
    assert list(hub.entries.values()) == signed[:20] + signed[21:]


def test_enrolling_anew_makes_another_key_and_begins_at_1(tmp_path: Path) -> None:
    filled(tmp_path / "journal.db")
    (tmp_path / "journal.db").write_bytes(b"")
    opening(tmp_path / "journal.db")

    with closing(begin_enrolment(tmp_path / "journal.db", "KPE1:NEW", "http://127.0.0.1:9", bytes(32))) as journal:
        kept = journal.sign_and_keep(wire.opened(0), wire.stamp())

        assert journal.kiosk != wire.KIOSK_ID
        assert isinstance(kept, Kept)
        assert kept.seq == 1
    assert (tmp_path / "journal.db.damaged-1").exists()


def test_a_wal_left_behind_does_not_get_into_a_new_journal(tmp_path: Path) -> None:
    journal = enrolled(tmp_path / "live.db")
    journal.sign_and_keep(wire.grant(1), wire.stamp(1))
    shutil.copy(tmp_path / "live.db-wal", tmp_path / "journal.db-wal")
    journal.close()

    with closing(begin_enrolment(tmp_path / "journal.db", "KPE1:NEW", "http://127.0.0.1:9", bytes(32))) as journal:
        assert journal.head().seq == 0
        assert journal.check() is None
    assert (tmp_path / "journal.db.damaged-1-wal").exists()


def test_nothing_that_was_set_aside_is_overwritten(tmp_path: Path) -> None:
    contents = [b"first", b"second", b"third"]

    for content in contents:
        (tmp_path / "journal.db").write_bytes(content)
        (tmp_path / "journal.db-wal").write_bytes(content)
        set_aside(tmp_path / "journal.db", DAMAGED)

    for number, content in enumerate(contents, start=1):
        assert (tmp_path / f"journal.db.damaged-{number}").read_bytes() == content
        assert (tmp_path / f"journal.db.damaged-{number}-wal").read_bytes() == content


def test_a_retired_journal_signs_nothing_even_under_its_old_name(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")

    aside = retire(path)
    aside.rename(path)

    assert opening(path).reason == "retired"


def test_after_a_proper_end_only_the_end_is_checked_and_after_a_cut_everything(tmp_path: Path) -> None:
    signed = filled(tmp_path / "journal.db")
    reopened(tmp_path / "journal.db").close()
    content = bytearray((tmp_path / "journal.db").read_bytes())
    content[content.index(signed[20]) + 100] ^= 0x04
    (tmp_path / "journal.db").write_bytes(content)

    journal = reopened(tmp_path / "journal.db")
    assert journal.check() is not None
    kill(journal)

    assert opening(tmp_path / "journal.db").reason == "entry 21: changed"


def test_a_damaged_entry_is_never_sent(tmp_path: Path) -> None:
    signed = filled(tmp_path / "journal.db")
    reopened(tmp_path / "journal.db").close()
    content = bytearray((tmp_path / "journal.db").read_bytes())
    content[content.index(signed[20]) + 100] ^= 0x04
    (tmp_path / "journal.db").write_bytes(content)

    with closing(reopened(tmp_path / "journal.db")) as journal:
        run = journal.entries_from(1, ENTRIES, 1_000_000)
        after = journal.entries_from(21, ENTRIES, 1_000_000)

    assert run == signed[:20]
    assert after == signed[21:]


def test_an_entry_whose_hash_column_is_broken_is_saved_by_its_signature(tmp_path: Path) -> None:
    signed = filled(tmp_path / "journal.db")
    with closing(connect_writer(tmp_path / "journal.db")) as connection:
        connection.execute("update entry set hash = zeroblob(32) where seq = 7")

    salvaged = salvage(tmp_path / "journal.db", tmp_path / "copy.db")

    assert salvaged.holes == ()
    assert entries_in(tmp_path / "copy.db") == signed


def test_a_broken_row_number_does_not_make_salvage_count_for_ever(tmp_path: Path) -> None:
    signed = filled(tmp_path / "journal.db", entries=3)
    with closing(connect_writer(tmp_path / "journal.db")) as connection:
        connection.execute("insert into entry values (?, ?, ?)", (2**62, hash_of(b"x"), b"x"))

    salvaged = salvage(tmp_path / "journal.db", tmp_path / "copy.db")

    assert salvaged.entries == len(signed)
