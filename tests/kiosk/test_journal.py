"""The journal numbers, signs and keeps in one transaction, and says what later scans ask."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import wire_samples as wire
from kiosk_booth import SmallHub, enrolled, kill, offer, path_of, reopened
from msgspec.structs import astuple, replace
from sqlite_utils import Database
from wire_fakes import a_question

from kiosk.boothtime import BootTime, Confirmed
from kiosk.journal import ALREADY_GRANTED, ALREADY_VOID, NOT_A_GRANT, Journal, Kept, NotKept
from kiosk.journal_file import (
    JournalBusy,
    JournalFailed,
    JournalMissing,
    JournalUnsafe,
    assert_durable,
    connect_writer,
    migrations,
)
from kiosk.journal_open import open_journal, read_journal
from kiosk.scan import Earlier
from sync.engine import Uplink, exchange
from sync.entry import Clock, DayEnd, Opened, Trust, Void, first_prev, hash_of, read_entry
from sync.envelope import ENTRY, is_signed_by, take_apart
from sync.head import Head
from sync.keys import Instance
from sync.receipt import Status


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = enrolled(tmp_path / "journal.db")
    yield journal
    journal.abandon()


def sign(journal: Journal, person: int = 1, **changes: int | bytes | None) -> int:
    kept = journal.sign_and_keep(wire.grant(person, **changes), wire.stamp(person), allotment=wire.ALLOTMENT)
    assert isinstance(kept, Kept)
    return kept.seq


def test_every_commit_is_written_ahead_and_synced(journal: Journal) -> None:
    connection = journal._connection

    answers = [connection.execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]

    assert answers == ["wal", 2]


@pytest.mark.parametrize("pragma", ["synchronous=normal", "journal_mode=delete"])
def test_a_connection_that_would_lose_a_commit_is_refused(tmp_path: Path, pragma: str) -> None:
    enrolled(tmp_path / "journal.db").close()

    with closing(connect_writer(tmp_path / "journal.db")) as connection:
        connection.execute(f"pragma {pragma}")

        with pytest.raises(JournalUnsafe, match=pragma.split("=")[1].replace("normal", "synchronous=1")):
            assert_durable(connection)


def test_entries_are_numbered_chained_and_signed(journal: Journal) -> None:
    for person in (1, 2, 3):
        sign(journal, person)

    entries = journal.entries_from(1, 100, 10_000)
    prevs = [read_entry(take_apart(ENTRY, encoded).payload).prev for encoded in entries]

    assert prevs == [first_prev(wire.KIOSK_KEY.public), hash_of(entries[0]), hash_of(entries[1])]
    assert all(is_signed_by(wire.KIOSK_KEY.public, ENTRY, take_apart(ENTRY, encoded)) for encoded in entries)
    assert journal.head() == Head(3, hash_of(entries[2]))
    assert journal.check() is None


def test_the_same_grant_twice_is_kept_once(journal: Journal) -> None:
    first = sign(journal)

    again = journal.sign_and_keep(wire.grant(), wire.stamp(1))

    assert again == NotKept(ALREADY_GRANTED)
    assert journal.head().seq == first


def test_a_grant_the_decision_has_not_seen_is_in_the_way_whatever_its_occasion(journal: Journal) -> None:
    first = sign(journal, occasion=1)

    unseen = journal.sign_and_keep(wire.grant(occasion=2), wire.stamp(1))
    seen = journal.sign_and_keep(wire.grant(occasion=2), wire.stamp(1), seen=first)

    assert unseen == NotKept(ALREADY_GRANTED)
    assert isinstance(seen, Kept)


def test_another_member_activity_or_event_is_another_grant(journal: Journal) -> None:
    sign(journal)

    seqs = [sign(journal, 2), sign(journal, activity=wire.CLEANING), sign(journal, event=wire.EVENT + 1)]

    assert seqs == [2, 3, 4]


def test_every_grant_of_a_member_at_an_activity_is_known_the_oldest_first(journal: Journal) -> None:
    first = sign(journal, occasion=5)

    kept = journal.sign_and_keep(wire.grant(occasion=5, points=20), wire.stamp(5), seen=first)
    sign(journal, activity=wire.CLEANING)

    known = journal.known_of(offer(wire.stamp(6)), wire.member(1))
    assert isinstance(kept, Kept)
    assert known.earlier == (Earlier(first, 5, 10, wire.stamp(1)), Earlier(kept.seq, 5, 20, wire.stamp(5)))
    assert known.newest_seq == kept.seq


def test_a_repeat_that_came_in_between_is_not_kept(journal: Journal) -> None:
    first = sign(journal)
    journal.sign_and_keep(wire.grant(), wire.stamp(5), seen=first)

    late = journal.sign_and_keep(wire.grant(), wire.stamp(6), seen=first)

    assert late == NotKept(ALREADY_GRANTED)


def test_what_the_wire_refuses_leaves_nothing_behind(journal: Journal) -> None:
    with pytest.raises(ValueError, match="value"):
        journal.sign_and_keep(wire.grant(points=0), wire.stamp())

    assert journal.head().seq == 0
    assert journal.known_of(offer(wire.stamp()), wire.member(1)).earlier == ()
    assert sign(journal) == 1


def test_the_share_is_drawn_by_every_grant_and_a_void_gives_nothing_back(journal: Journal) -> None:
    first = sign(journal, 1, points=10)
    sign(journal, 2, points=25)
    journal.sign_and_keep(wire.grant(3), wire.stamp(3), allotment=wire.ALLOTMENT + 1)

    journal.sign_and_keep(Void(first, "間違い"), wire.stamp(4))

    assert journal.share_used(wire.ALLOTMENT) == 35
    assert journal.share_used(wire.ALLOTMENT + 1) == 10
    assert journal.totals() == DayEnd(grants=3, points=45, voids=1, voided_points=10)


def test_after_a_void_the_person_may_receive_again(journal: Journal) -> None:
    first = sign(journal)

    journal.sign_and_keep(Void(first, "間違い"), wire.stamp(2))

    assert journal.known_of(offer(wire.stamp(3)), wire.member(1)).earlier == ()
    assert sign(journal) == 3


@pytest.mark.parametrize(("seq", "reason"), [(1, NOT_A_GRANT), (2, ALREADY_VOID), (9, NOT_A_GRANT)])
def test_only_a_grant_of_this_journal_is_voided_and_only_once(journal: Journal, seq: int, reason: str) -> None:
    journal.sign_and_keep(wire.opened(), wire.stamp())
    sign(journal)
    journal.sign_and_keep(Void(2, "間違い"), wire.stamp(2))

    refused = journal.sign_and_keep(Void(seq, "間違い"), wire.stamp(3))

    assert refused == NotKept(reason)
    assert journal.head().seq == 3


def test_a_sample_and_a_confirmed_time_are_known_for_the_rest_of_the_boot(journal: Journal) -> None:
    journal.sign_and_keep(Opened("x", None, wire.MORNING_MS), wire.stamp())
    journal.sign_and_keep(Clock(wire.MORNING_MS, 600_100, 600_200), wire.stamp())

    path = kill(journal)

    with closing(read_journal(path)) as reader:
        assert reader.boot_time(wire.BOOT) == BootTime(
            wire.BOOT, Clock(wire.MORNING_MS, 600_100, 600_200), Confirmed(wire.MORNING_MS, 600_000)
        )
        assert reader.boot_time(bytes(16)) == BootTime(bytes(16))


def test_what_a_receipt_taught_is_there_after_a_power_cut(journal: Journal) -> None:
    taught = Uplink(Instance(5, b"12345678"), 7, Status.FENCED, 0, refused=(1, "signature"))
    journal.keep_uplink(taught, b"receipt")

    path = kill(journal)

    with closing(reopened(path)) as again:
        assert again.uplink() == taught
        assert again.last_receipt() == b"receipt"


@pytest.mark.parametrize("reason", ["ahead of journal", "foreign entry"])
def test_a_key_that_the_engine_has_stopped_signs_nothing_more_but_still_sends(journal: Journal, reason: str) -> None:
    sign(journal)
    journal.keep_uplink(Uplink(stopped=reason), None)

    refused = journal.sign_and_keep(wire.grant(2), wire.stamp(2))
    sent = exchange(journal, SmallHub(), lambda: 0, a_question())

    assert refused == NotKept(reason)
    assert sent.sent == 1


def test_a_run_ends_at_the_bounds_of_a_batch(journal: Journal) -> None:
    for person in range(1, 6):
        sign(journal, person)
    length = len(journal.entries_from(1, 1, 10_000)[0]) + 3

    by_count = journal.entries_from(2, 3, 10_000)
    by_bytes = journal.entries_from(2, 3, 2 * length + 10)
    at_least_one = journal.entries_from(2, 3, 1)

    assert [len(by_count), len(by_bytes), len(at_least_one)] == [3, 2, 1]
    assert by_count[0] == by_bytes[0] == at_least_one[0]


def test_readers_answer_beside_the_writer_and_cannot_write(journal: Journal) -> None:
    sign(journal)

    with closing(read_journal(path_of(journal))) as reader:
        assert reader.head() == journal.head()
        assert reader.manifest() == journal.manifest()
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._connection.execute("delete from entry")


def test_a_second_writer_is_turned_away(journal: Journal) -> None:
    with pytest.raises(JournalBusy):
        reopened(path_of(journal))


def test_a_journal_that_is_not_there_is_not_made_by_opening_it(tmp_path: Path) -> None:
    with pytest.raises(JournalMissing):
        reopened(tmp_path / "journal.db")
    with pytest.raises(JournalMissing):
        read_journal(tmp_path / "journal.db")

    assert list(tmp_path.iterdir()) == []


def test_the_file_is_for_its_owner_alone(journal: Journal) -> None:
    mode = path_of(journal).stat().st_mode

    assert mode & 0o077 == 0


def test_a_full_disk_keeps_nothing_and_the_journal_goes_on_when_there_is_room(journal: Journal) -> None:
    sign(journal)
    pages = journal._connection.execute("pragma page_count").fetchone()[0]
    journal._connection.execute(f"pragma max_page_count={pages}")

    kept: list[int] = []
    with pytest.raises(JournalFailed, match="full"):
        kept.extend(sign(journal, person) for person in range(2, 200))
    head = journal.head()
    journal._connection.execute("pragma max_page_count=100000")

    assert journal.check() is None
    assert sign(journal, 500) == head.seq + 1
    assert journal.totals().grants == head.seq + 1


def test_migrations_are_recorded_once(tmp_path: Path) -> None:
    enrolled(tmp_path / "journal.db").close()

    with closing(connect_writer(tmp_path / "journal.db")) as connection:
        names = [row[0] for row in connection.execute("select name from _sqlite_migrations")]

    assert names == [migration.name for migration in migrations._migrations]


def test_what_an_older_journal_knew_of_earlier_grants_is_still_known(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        migrations.apply(Database(older), stop_before="m002_every_grant_is_known")
        columns = (wire.EVENT, wire.HELPING, wire.member(1), 20_000, 7, 10, *astuple(wire.stamp(1)))
        older.execute("insert into granted values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", columns)
        older.execute("insert into kept (name, content) values ('kiosk', ?)", (wire.KIOSK_ID,))

    connect_writer(path).close()

    with closing(read_journal(path)) as reader:
        known = reader.known_of(offer(wire.stamp(6)), wire.member(1))
    assert known.earlier == (Earlier(7, 20_000, 10, wire.stamp(1)),)


def test_old_entries_are_removed_only_up_to_the_hubs_backup_and_by_the_hubs_time(journal: Journal) -> None:
    day_ms = 86_400_000
    for person, age_days in enumerate([40, 35, 31, 29, 0], start=1):
        when = wire.stamp(trust=Trust.HUB)
        journal.sign_and_keep(wire.grant(person), replace(when, wall_ms=when.wall_ms - age_days * day_ms))
    hash_of_second = journal.hash_at(2)
    journal.keep_uplink(Uplink(cursor_seq=5, backed_up_seq=2), None)

    untold = journal.prune(wire.stamp(trust=Trust.CONFIRMED))
    removed = journal.prune(wire.stamp(trust=Trust.HUB))
    journal.keep_uplink(Uplink(cursor_seq=5, backed_up_seq=5), None)
    removed_later = journal.prune(wire.stamp(trust=Trust.HUB))

    assert (untold, removed, removed_later) == (0, 2, 1)
    assert hash_of_second is not None
    assert journal.first_kept_seq() == 4
    assert journal.check() is None
    assert journal.known_of(offer(wire.stamp()), wire.member(1)).earlier != ()
    assert sign(journal, 9) == 6


def test_a_pruned_journal_opens_again_after_a_power_cut(journal: Journal) -> None:
    old = replace(wire.stamp(trust=Trust.HUB), wall_ms=wire.MORNING_MS - 40 * 86_400_000)
    journal.sign_and_keep(wire.grant(1), old)
    sign(journal, 2)
    journal.keep_uplink(Uplink(cursor_seq=2, backed_up_seq=2), None)
    journal.prune(wire.stamp(trust=Trust.HUB))

    path = kill(journal)

    with closing(open_journal(path, accept_volatile=True)) as again:
        assert again.first_kept_seq() == 2
        assert sign(again, 3) == 3
